// What every Counter does. An adapter's test file gives a name and a way to open it; all cases run through that.

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CampaignIdentity } from '../../src/campaign/campaign.ts'
import { type Counter, CounterUnavailable, type Reservation } from '../../src/counter/counter.ts'

/** What somebody else's hand may have left where a counter keeps its number. */
export type Planted = { readonly is: 'text'; readonly text: string } | { readonly is: 'list' | 'hash' }

export interface CounterUnderTest {
  readonly counter: Counter
  /** Another server's, on the same store. */
  readonly other: Counter
  /** Puts a raw value where the number of this campaign is kept, in place of whatever is there. */
  plant(campaign: CampaignIdentity, value: Planted): Promise<void>
  /** Closes what the test opened besides; both counters are closed by then. */
  close(): Promise<void>
}

const text = (value: string): Planted => ({ is: 'text', text: value })

const NONSENSE: readonly Planted[] = [
  { is: 'list' },
  { is: 'hash' },
  ...[
    'word',
    '',
    ' ',
    '0',
    '-5',
    '-0',
    '+7',
    '1.5',
    '1.0',
    ' 7',
    '7 ',
    '7\n',
    '07',
    '1e3',
    '1E3',
    '0x10',
    '1\u00002',
  ].map(text),
  ...['NaN', 'nan', 'inf', 'Infinity', '١٢', '1000000000000000', '9007199254740991', '9007199254740993'].map(text),
  ...['18446744073709551617', '9'.repeat(40)].map(text),
]
const SENSIBLE = [
  1, 2, 9, 10, 11, 2_147_483_647, 2_147_483_648, 2_147_483_649, 999_999_999_999_998, 999_999_999_999_999,
]
const COUNT_MAX = 10_000
const TOTAL_MAX = 2_147_483_647

let campaignsMade = 0

/** One that no other case uses. */
export function newCampaign(): CampaignIdentity {
  campaignsMade++
  return { id: `campaign-${campaignsMade}`, createdAtMs: 1_790_000_000_000 + campaignsMade }
}

export function counterContract(name: string, open: () => Promise<CounterUnderTest>): void {
  describe(`counter contract: ${name}`, () => {
    let opened: CounterUnderTest
    let counter: Counter
    beforeAll(async () => {
      opened = await open()
      counter = opened.counter
    })
    afterAll(async () => {
      await Promise.all([opened.counter.close(), opened.other.close()])
      await opened.close()
    })

    const reserve = async (campaign: CampaignIdentity, total: number, count: number, by = counter) => {
      const [answer, ...rest] = await by.reserve([{ campaign, total, count }])
      expect(rest).toEqual([])
      return reservationOf(answer)
    }
    const resync = async (campaign: CampaignIdentity, maxSlot: number) => {
      expect(await counter.resync([{ campaign, maxSlot }])).toEqual([undefined])
    }
    const started = async (maxSlot = 0) => {
      const campaign = newCampaign()
      await resync(campaign, maxSlot)
      return campaign
    }

    test('answers a ping', async () => {
      expect(await counter.ping()).toBe(true)
    })

    test('nothing asked, nothing answered', async () => {
      expect(await counter.reserve([])).toEqual([])
      expect(await counter.resync([])).toEqual([])
    })

    test('a campaign it does not know is cold, again and again, whatever is asked', async () => {
      const campaign = newCampaign()
      for (const [total, count] of [
        [1, 1],
        [100, 5],
        [TOTAL_MAX, COUNT_MAX],
      ] as const) {
        expect(await reserve(campaign, total, count)).toEqual({ status: 'cold' })
      }
    })

    test('a peek shows what the next reserve begins with, and takes nothing', async () => {
      const [known, cold] = [await started(41), newCampaign()]
      expect(await counter.peek([])).toEqual([])
      for (let i = 0; i < 2; i++) expect(await counter.peek([known, cold, known])).toEqual([42, null, 42])
      expect(await reserve(known, 100, 3)).toEqual({ status: 'ok', from: 42, count: 3 })
      expect(await opened.other.peek([known])).toEqual([45])
    })

    test('a peek at nonsense shows nothing, and leaves it', async () => {
      for (const value of NONSENSE) {
        const campaign = newCampaign()
        await opened.plant(campaign, value)
        expect(await counter.peek([campaign]), JSON.stringify(value)).toEqual([null])
        expect(await reserve(campaign, 10, 1)).toEqual({ status: 'cold' })
      }
    })

    test('after resync the runs follow each other up to the total; then none is left, for ever', async () => {
      const campaign = await started()
      expect(await reserve(campaign, 10, 4)).toEqual({ status: 'ok', from: 1, count: 4 })
      expect(await reserve(campaign, 10, 3)).toEqual({ status: 'ok', from: 5, count: 3 })
      expect(await reserve(campaign, 10, 5)).toEqual({ status: 'ok', from: 8, count: 3 })
      for (let i = 0; i < 3; i++) expect(await reserve(campaign, 10, 1)).toMatchObject({ status: 'ok', count: 0 })
    })

    test('one by one up to the total', async () => {
      const campaign = await started()
      for (let slot = 1; slot <= 12; slot++) {
        expect(await reserve(campaign, 12, 1)).toEqual({ status: 'ok', from: slot, count: 1 })
      }
      expect(await reserve(campaign, 12, 1)).toMatchObject({ status: 'ok', count: 0 })
    })

    test('it begins above the highest slot that resync names', async () => {
      const campaign = await started(41)
      expect(await reserve(campaign, 100, 2)).toEqual({ status: 'ok', from: 42, count: 2 })
      const full = await started(100)
      expect(await reserve(full, 100, 2)).toMatchObject({ status: 'ok', count: 0 })
    })

    test('a total that is raised later goes on where it stopped', async () => {
      const campaign = await started()
      await reserve(campaign, 5, 5)
      expect(await reserve(campaign, 5, 5)).toMatchObject({ count: 0 })
      expect(await reserve(campaign, 8, 5)).toEqual({ status: 'ok', from: 6, count: 3 })
    })

    test('a total lowered below what was handed out gives none, and forgets nothing', async () => {
      const campaign = await started()
      await reserve(campaign, 50, 20)
      for (const total of [1, 19, 20])
        expect(await reserve(campaign, total, 5)).toMatchObject({ status: 'ok', count: 0 })
      expect(await reserve(campaign, 21, 5)).toEqual({ status: 'ok', from: 21, count: 1 })
    })

    test('resync never lowers', async () => {
      const campaign = await started()
      await reserve(campaign, 100, 30)
      for (const maxSlot of [0, 1, 29, 30]) {
        await resync(campaign, maxSlot)
      }
      expect(await reserve(campaign, 100, 1)).toEqual({ status: 'ok', from: 31, count: 1 })
      await resync(campaign, 60)
      await resync(campaign, 10)
      expect(await reserve(campaign, 100, 1)).toEqual({ status: 'ok', from: 61, count: 1 })
    })

    test('the largest campaign there can be, to its last slot', async () => {
      const campaign = await started(TOTAL_MAX - 3)
      expect(await reserve(campaign, TOTAL_MAX, 2)).toEqual({ status: 'ok', from: TOTAL_MAX - 2, count: 2 })
      expect(await reserve(campaign, TOTAL_MAX, COUNT_MAX)).toEqual({ status: 'ok', from: TOTAL_MAX, count: 1 })
      expect(await reserve(campaign, TOTAL_MAX, 1)).toMatchObject({ status: 'ok', count: 0 })
      await resync(campaign, TOTAL_MAX)
      expect(await reserve(campaign, TOTAL_MAX, 1)).toMatchObject({ status: 'ok', count: 0 })
    })

    test.each(
      NONSENSE.map((value) => [value.is === 'text' ? JSON.stringify(value.text) : `a ${value.is}`, value] as const),
    )('%s instead of a number is cold, never zero, and resync repairs it', async (_, value) => {
      const campaign = newCampaign()
      await opened.plant(campaign, value)
      expect(await reserve(campaign, 100, 5)).toEqual({ status: 'cold' })
      expect(await reserve(campaign, TOTAL_MAX, 1)).toEqual({ status: 'cold' })
      await resync(campaign, 7)
      expect(await reserve(campaign, 100, 5)).toEqual({ status: 'ok', from: 8, count: 5 })
    })

    test.each(SENSIBLE)('%i stays what it is, however far above the total', async (next) => {
      const campaign = newCampaign()
      await opened.plant(campaign, text(String(next)))
      await resync(campaign, 0)
      const left = Math.max(0, Math.min(3, 10 - next + 1))
      expect(await reserve(campaign, 10, 3)).toEqual({ status: 'ok', from: next, count: left })
      expect(await reserve(campaign, 10, 3)).toEqual({
        status: 'ok',
        from: next + left,
        count: Math.min(3, Math.max(0, 10 - next - left + 1)),
      })
    })

    test('several campaigns in one call: independent, and in the order asked', async () => {
      const [a, b, c] = [await started(), await started(10), newCampaign()]
      const asks = [
        { campaign: b, total: 100, count: 2 },
        { campaign: c, total: 100, count: 2 },
        { campaign: a, total: 3, count: 9 },
      ]
      expect(await counter.reserve(asks)).toEqual([
        { status: 'ok', from: 11, count: 2 },
        { status: 'cold' },
        { status: 'ok', from: 1, count: 3 },
      ])
      await counter.resync([
        { campaign: c, maxSlot: 4 },
        { campaign: a, maxSlot: 0 },
        { campaign: b, maxSlot: 50 },
      ])
      expect(await counter.reserve(asks)).toEqual([
        { status: 'ok', from: 51, count: 2 },
        { status: 'ok', from: 5, count: 2 },
        { status: 'ok', from: 4, count: 0 },
      ])
    })

    test('one campaign twice in one call: two runs', async () => {
      const campaign = await started()
      const asks = [3, 4, 5].map((count) => ({ campaign, total: 10, count }))
      expect(await counter.reserve(asks)).toEqual([
        { status: 'ok', from: 1, count: 3 },
        { status: 'ok', from: 4, count: 4 },
        { status: 'ok', from: 8, count: 3 },
      ])
    })

    test('an id that came back after a deletion is another campaign', async () => {
      const old = await started()
      await reserve(old, 10, 10)
      const reborn = { id: old.id, createdAtMs: old.createdAtMs + 1 }
      expect(await reserve(reborn, 10, 1)).toEqual({ status: 'cold' })
      await resync(reborn, 0)
      expect(await reserve(reborn, 10, 2)).toEqual({ status: 'ok', from: 1, count: 2 })
      expect(await reserve(old, 11, 2)).toEqual({ status: 'ok', from: 11, count: 1 })
    })

    test('fifty at once from two servers: no slot twice, none left out', async () => {
      const campaign = await started()
      const total = 333
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => reserve(campaign, total, 1 + (i % 13), i % 2 ? counter : opened.other)),
      )
      while (answers.length < 400) {
        const answer = await reserve(campaign, total, 7)
        answers.push(answer)
        if (answer.status === 'ok' && answer.count === 0) break
      }
      expect(slotsOf(answers).toSorted((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, i) => i + 1))
    })

    test('any sequence of asks does what a plain model does', async () => {
      const step = fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({
            do: fc.constant('reserve'),
            total: fc.integer({ min: 1, max: 60 }),
            count: fc.integer({ min: 1, max: 25 }),
          }),
        },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('resync'), maxSlot: fc.integer({ min: 0, max: 70 }) }) },
        {
          weight: 1,
          arbitrary: fc.record({
            do: fc.constant('plant'),
            value: fc.oneof(fc.constantFrom(...NONSENSE), fc.integer({ min: 1, max: 80 })),
          }),
        },
      )
      const steps = fc.array(fc.record({ whose: fc.integer({ min: 0, max: 1 }), by: fc.boolean(), step }), {
        maxLength: 30,
      })
      await fc.assert(
        fc.asyncProperty(steps, async (sequence) => {
          const campaigns = [newCampaign(), newCampaign()] as const
          const model: (number | null)[] = [null, null]
          for (const { whose, by, step } of sequence) {
            const campaign = campaigns[whose === 0 ? 0 : 1]
            const next = model[whose] ?? null
            if ('count' in step) {
              const answer = await reserve(campaign, step.total, step.count, by ? counter : opened.other)
              const count = next === null ? 0 : Math.max(0, Math.min(step.count, step.total - next + 1))
              expect(answer).toEqual(next === null ? { status: 'cold' } : { status: 'ok', from: next, count })
              if (next !== null) model[whose] = next + count
            } else if ('maxSlot' in step) {
              await resync(campaign, step.maxSlot)
              model[whose] = Math.max(next ?? 1, step.maxSlot + 1)
            } else {
              const sensible = typeof step.value === 'number'
              await opened.plant(campaign, typeof step.value === 'number' ? text(String(step.value)) : step.value)
              model[whose] = sensible ? Number(step.value) : null
            }
          }
        }),
        { numRuns: 60 },
      )
    })

    describe('what may not be asked is refused, and nothing of that call is done', () => {
      test.each([0, -1, 1.5, COUNT_MAX + 1, Number.NaN, Number.POSITIVE_INFINITY])('count %d', async (count) => {
        const campaign = await started()
        const good = { campaign, total: 10, count: 1 }
        await expect(counter.reserve([good, { ...good, count }])).rejects.toThrow(RangeError)
        expect(await reserve(campaign, 10, 1)).toEqual({ status: 'ok', from: 1, count: 1 })
      })

      test.each([0, -1, 2.5, TOTAL_MAX + 1, Number.NaN])('total %d', async (total) => {
        const campaign = await started()
        const good = { campaign, total: 10, count: 1 }
        await expect(counter.reserve([good, { ...good, total }])).rejects.toThrow(RangeError)
        expect(await reserve(campaign, 10, 1)).toEqual({ status: 'ok', from: 1, count: 1 })
      })

      test.each([-1, 0.5, TOTAL_MAX + 1, Number.NaN])('maxSlot %d', async (maxSlot) => {
        const campaign = newCampaign()
        const asks = [
          { campaign, maxSlot: 3 },
          { campaign, maxSlot },
        ]
        await expect(counter.resync(asks)).rejects.toThrow(RangeError)
        expect(await reserve(campaign, 10, 1)).toEqual({ status: 'cold' })
      })

      test.each([{ id: '' }, { createdAtMs: -1 }, { createdAtMs: 1.5 }, { createdAtMs: Number.NaN }])(
        'campaign with %o',
        async (wrong) => {
          const campaign = { ...newCampaign(), ...wrong }
          await expect(counter.reserve([{ campaign, total: 1, count: 1 }])).rejects.toThrow(RangeError)
          await expect(counter.resync([{ campaign, maxSlot: 1 }])).rejects.toThrow(RangeError)
        },
      )

      test('the largest count is not too large', async () => {
        expect(await reserve(await started(), TOTAL_MAX, COUNT_MAX)).toEqual({
          status: 'ok',
          from: 1,
          count: COUNT_MAX,
        })
      })
    })

    test('closed, twice: it answers that it is away, and the other one goes on', async () => {
      const closed = await open()
      const campaign = newCampaign()
      await Promise.all([closed.counter.close(), closed.counter.close()])
      await closed.counter.close()
      const answers = [
        ...(await closed.counter.reserve([{ campaign, total: 1, count: 1 }])),
        ...(await closed.counter.resync([{ campaign, maxSlot: 1 }])),
      ]
      expect(answers).toHaveLength(2)
      for (const answer of answers) expect(answer).toBeInstanceOf(CounterUnavailable)
      expect(await closed.counter.ping()).toBe(false)
      expect(await closed.other.ping()).toBe(true)
      await closed.other.close()
      await closed.close()
    })
  })
}

/** The reservation, or a failed test that shows what came instead. */
export function reservationOf(answer: Reservation | CounterUnavailable | undefined): Reservation {
  if (answer === undefined || answer instanceof CounterUnavailable) throw new Error('no reservation', { cause: answer })
  return answer
}

function slotsOf(answers: readonly Reservation[]): number[] {
  return answers.flatMap((answer) =>
    answer.status === 'ok' ? Array.from({ length: answer.count }, (_, i) => answer.from + i) : [],
  )
}
