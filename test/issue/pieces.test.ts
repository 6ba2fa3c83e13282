// The small parts of the path, each against a model or a count.

import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CampaignState } from '../../src/campaign/campaign.ts'
import { systemClock, systemRandomness } from '../../src/host.ts'
import { Batcher } from '../../src/issue/batcher.ts'
import { Claims } from '../../src/issue/claims.ts'
import { Codes } from '../../src/issue/codes.ts'
import { ISSUE_LIMITS } from '../../src/issue/limits.ts'
import { isOwnRow } from '../../src/issue/look-up.ts'
import { NO_METER } from '../../src/issue/meter.ts'
import { FullSegments, Memories } from '../../src/issue/memories.ts'
import { IssueRequest } from '../../src/issue/request.ts'
import { Segments } from '../../src/issue/segments.ts'
import { pauseMs, untilAnswered } from '../../src/issue/until-answered.ts'
import { UsualTime } from '../../src/issue/usual-time.ts'
import { SpareSlots } from '../../src/issue/spare-slots.ts'
import { recipientKeyOf, requestKeyOf } from '../../src/ledger/coupon-keys.ts'
import { LedgerUnavailable, SEGMENT_SLOTS, type Ledger, type SlotRange } from '../../src/ledger/ledger.ts'

const campaign: CampaignState = {
  id: 'c',
  createdAtMs: 1,
  startTimeMs: 0,
  endTimeMs: null,
  totalCoupons: 10,
  paused: false,
  recipientRequired: false,
  codeFormat: { alphabet: 'base32', length: 16, prefix: '' },
  version: 1,
}

function request(campaignId: string, options: { isGone?: () => boolean } = {}): IssueRequest {
  const settle = { resolve: () => {}, reject: () => {}, onAnswered: () => {} }
  const call = { campaignId, client: '', idempotencyKey: null, recipient: null, ...options }
  return new IssueRequest(call, settle, { clock: systemClock, randomness: systemRandomness })
}

describe('a row is that of a request', () => {
  const settle = { resolve: () => {}, reject: () => {}, onAnswered: () => {} }
  const make = (idempotencyKey: string | null) => {
    const call = { campaignId: 'c', client: '', idempotencyKey, recipient: 'a' }
    const made = new IssueRequest(call, settle, { clock: systemClock, randomness: systemRandomness })
    made.code = 'CODE'
    return made
  }
  const rowOf = ({ requestKey, recipientKey }: IssueRequest) => ({
    campaignId: 'c',
    couponCode: 'CODE',
    slot: 1,
    requestKey,
    recipient: 'a',
    recipientKey,
    issuedAtMs: 0,
  })

  test('with a key of ours by the key alone, with a key of the caller’s by the code, too; never of another recipient', () => {
    const [ours, callers] = [make(null), make('k')]
    expect(isOwnRow(ours, { ...rowOf(ours), couponCode: 'DRAWN BEFORE' })).toBe(true)
    expect(isOwnRow(callers, rowOf(callers))).toBe(true)
    expect(isOwnRow(callers, { ...rowOf(callers), couponCode: 'OF AN EARLIER CALL' })).toBe(false)
    expect(isOwnRow(callers, { ...rowOf(callers), recipientKey: recipientKeyOf('b') })).toBe(false)
    expect(isOwnRow(ours, rowOf(callers))).toBe(false)
  })
})

describe('keys', () => {
  test('parts never run into one another', () => {
    expect(requestKeyOf('a', 'bc')).not.toBe(requestKeyOf('ab', 'c'))
    expect(requestKeyOf('', 'x')).not.toBe(recipientKeyOf('x'))
    expect(requestKeyOf('shop', 'order-1')).toMatch(/^[0-9a-f]{32}$/)
  })

  test('a key is of its client: two who choose the same do not share a coupon', () => {
    expect(requestKeyOf('shop', 'order-1')).not.toBe(requestKeyOf('another', 'order-1'))
    expect(requestKeyOf('shop', 'order-1')).toBe(requestKeyOf('shop', 'order-1'))
  })

  test('random request keys begin with the clock, so that they sort by time, and never repeat', () => {
    const keys = Array.from({ length: 10_000 }, () => request('c').requestKey)
    expect(new Set(keys).size).toBe(keys.length)
    const ageMs = Date.now() - parseInt((keys[0] as string).slice(0, 12), 16)
    expect(ageMs).toBeGreaterThanOrEqual(0)
    expect(ageMs).toBeLessThan(600_000)
  })
})

describe('codes', () => {
  test.each(['base32', 'digits', 'hangul'] as const)(
    '%s: every character of the alphabet about equally often',
    (alphabet) => {
      const codes = new Codes(systemRandomness)
      const counts = new Map<string, number>()
      for (let made = 0; made < 4_000; made++) {
        const code = codes.make({ alphabet, length: 10, prefix: 'P-' })
        expect(Array.from(code)).toHaveLength(12)
        expect(code.startsWith('P-')).toBe(true)
        for (const character of code.slice(2)) counts.set(character, (counts.get(character) ?? 0) + 1)
      }
      const size = { base32: 32, digits: 10, hangul: 38 }[alphabet]
      expect(counts.size).toBe(size)
      // Chi-squared; its mean is size − 1, and beyond five standard deviations chance is no explanation.
      const mean = 40_000 / size
      const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0)
      expect(chiSquared).toBeLessThan(size - 1 + 5 * Math.sqrt(2 * (size - 1)))
    },
  )
})

describe('memories', () => {
  test('what is not known full is the rest, neighbours merged', () => {
    const ranges = fc.tuple(fc.uniqueArray(fc.nat(40)), fc.integer({ min: 0, max: 45 * SEGMENT_SLOTS }))
    fc.assert(
      fc.property(ranges, ([full, lastSlot]) => {
        const segments = new FullSegments()
        for (const segment of [...full, ...full]) segments.add(segment)
        expect(segments.count).toBe(full.length)
        const gaps = segments.gaps(lastSlot)
        const isIn = (slot: number) => gaps.some(({ from, to }) => from <= slot && slot <= to)
        for (let segment = 0; segment < 46; segment++) {
          for (const slot of [segment * SEGMENT_SLOTS + 1, (segment + 1) * SEGMENT_SLOTS]) {
            expect(isIn(slot)).toBe(slot <= lastSlot && !full.includes(segment))
          }
        }
        gaps.forEach(({ from }, index) => expect(from).toBeGreaterThan((gaps[index - 1]?.to ?? -1) + 1))
      }),
    )
  })

  test('all are forgotten when a connection was lost, also what is written afterwards into one taken before', () => {
    const ledger = { generation: 0 }
    const memories = new Memories(ledger)
    const memory = memories.of(campaign)
    memory.soldOutTotal = 10
    memory.provedAt = memories.tick()
    expect(memories.isSoldOut(campaign, memories.tick())).toBe(true)
    ledger.generation++
    expect(memories.isSoldOut(campaign, memories.tick())).toBe(false)
    memory.soldOutTotal = 10
    expect(memories.isSoldOut(campaign, memories.tick())).toBe(false)
  })

  test('sold out is of one total, one creation, and told only to look-ups that began after the proof', () => {
    const memories = new Memories({ generation: 0 })
    const before = memories.tick()
    const memory = memories.of(campaign)
    memory.soldOutTotal = 10
    memory.provedAt = memories.tick()
    const after = memories.tick()
    expect(memories.isSoldOut(campaign, before)).toBe(false)
    expect(memories.wasProvedSince(campaign, before)).toBe(true)
    expect(memories.isSoldOut(campaign, after)).toBe(true)
    expect(memories.isSoldOut({ ...campaign, totalCoupons: 11 }, after)).toBe(false)
    expect(memories.isSoldOut({ ...campaign, createdAtMs: 2 }, after)).toBe(false)
  })

  test('are bounded', () => {
    const memories = new Memories({ generation: 0 })
    const first = memories.of(campaign)
    for (let other = 0; other < 5_000; other++) memories.of({ id: `other-${other}`, createdAtMs: 1 })
    expect(memories.of(campaign)).not.toBe(first)
  })
})

/** A ledger that is nothing but a set of slots: what Segments reads, counted. */
function slotLedger(slots: Set<number>) {
  const asked: SlotRange[][] = []
  const reader = {
    maxSlots: async () => [Math.max(0, ...slots)],
    countSegments: async (_id: string, ranges: readonly SlotRange[]) => {
      asked.push([...ranges])
      const counts = new Map<number, number>()
      for (const slot of slots) {
        if (!ranges.some(({ from, to }) => from <= slot && slot <= to)) continue
        const segment = Math.floor((slot - 1) / SEGMENT_SLOTS)
        counts.set(segment, (counts.get(segment) ?? 0) + 1)
      }
      return [...counts].map(([segment, count]) => ({ segment, count }))
    },
    takenSlots: async (_id: string, { from, to }: SlotRange) => [...slots].filter((slot) => from <= slot && slot <= to),
  }
  return { reader, asked, ledger: { ...reader, generation: 0 } as unknown as Ledger }
}

describe('segments', () => {
  test('gaps are the lowest slots without a row, and none is missed', async () => {
    const holes = fc.uniqueArray(fc.integer({ min: 1, max: 9_000 }), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(
        holes,
        fc.integer({ min: 1, max: 9_000 }),
        fc.integer({ min: 1, max: 60 }),
        async (missing, last, wanted) => {
          const slots = new Set(
            Array.from({ length: last }, (_, index) => index + 1).filter((slot) => !missing.includes(slot)),
          )
          const { ledger, reader } = slotLedger(slots)
          const memories = new Memories(ledger)
          const segments = new Segments(ledger, memories, systemClock)
          const total = { ...campaign, totalCoupons: 9_010 }
          const expected = Array.from({ length: 9_010 }, (_, index) => index + 1)
            .filter((slot) => !slots.has(slot))
            .slice(0, wanted)
          // Twice: the second time with what the first one learned.
          for (let time = 0; time < 2; time++) {
            expect((await segments.free(reader, total, memories.of(total), wanted, null))?.slots).toEqual(expected)
            expect(await segments.issuedCount(total)).toBe(slots.size)
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  test('what was found full is not read again; the last, shorter segment is', async () => {
    const slots = new Set(Array.from({ length: 2 * SEGMENT_SLOTS + 5 }, (_, index) => index + 1))
    const { ledger, asked } = slotLedger(slots)
    const segments = new Segments(ledger, new Memories(ledger), systemClock)
    const total = { ...campaign, totalCoupons: 2 * SEGMENT_SLOTS + 5 }
    await segments.issuedCount(total)
    await segments.issuedCount(total)
    expect(asked).toEqual([
      [{ from: 1, to: 2 * SEGMENT_SLOTS + 5 }],
      [{ from: 2 * SEGMENT_SLOTS + 1, to: 2 * SEGMENT_SLOTS + 5 }],
    ])
  })

  test('one count serves all who asked before it began', async () => {
    const { ledger, asked } = slotLedger(new Set([1, 2, 3]))
    const segments = new Segments(ledger, new Memories(ledger), systemClock)
    expect(await Promise.all(Array.from({ length: 100 }, () => segments.issuedCount(campaign)))).toEqual(
      Array(100).fill(3),
    )
    expect(asked).toHaveLength(1)
  })

  test('who joins a count that has not begun is counted, too', async () => {
    const slots = new Set([1])
    const { ledger } = slotLedger(slots)
    const segments = new Segments(ledger, new Memories(ledger), systemClock)
    const first = segments.issuedCount(campaign, Promise.resolve(1))
    // Written and answered, by another server perhaps.
    slots.add(2)
    const second = segments.issuedCount(campaign, Promise.resolve(2))
    expect(await Promise.all([first, second])).toEqual([2, 2])
  })

  test('a long count asks for two pages at once, and each slot is counted once', async () => {
    const last = 5 * 64 * SEGMENT_SLOTS - 7
    const gap = 3 * 64 * SEGMENT_SLOTS + 1
    let underWay = 0
    let mostUnderWay = 0
    const countSegments: Ledger['countSegments'] = async (_, ranges) => {
      mostUnderWay = Math.max(mostUnderWay, ++underWay)
      await nextTurn()
      underWay--
      return ranges.flatMap(({ from, to }) => {
        const first = (from - 1) / SEGMENT_SLOTS
        return Array.from({ length: Math.ceil((to - from + 1) / SEGMENT_SLOTS) }, (__, index) => {
          const segment = first + index
          const slots = Math.min(to, (segment + 1) * SEGMENT_SLOTS) - segment * SEGMENT_SLOTS
          return { segment, count: Math.floor((gap - 1) / SEGMENT_SLOTS) === segment ? slots - 1 : slots }
        })
      })
    }
    const { ledger } = slotLedger(new Set())
    const segments = new Segments(
      { ...ledger, maxSlots: async () => [last], countSegments },
      new Memories(ledger),
      systemClock,
    )
    expect(await segments.issuedCount({ ...campaign, totalCoupons: last })).toBe(last - 1)
    expect(mostUnderWay).toBe(2)
  })

  test('a sold out that is no longer true is found out in the background', async () => {
    const slots = new Set([1, 2, 3])
    const { ledger } = slotLedger(slots)
    let nowMs = 0
    const memories = new Memories(ledger)
    const segments = new Segments(ledger, memories, { ...systemClock, nowMs: () => nowMs })
    const three = { ...campaign, totalCoupons: 3 }
    segments.rememberSoldOut(three, memories.of(three))
    slots.delete(2)
    await segments.proveAgain(three)
    expect(memories.isSoldOut(three, memories.tick())).toBe(true)
    nowMs += 1_000
    await segments.proveAgain(three)
    expect(memories.isSoldOut(three, memories.tick())).toBe(false)
  })
})

describe('spare slots', () => {
  test('are used once, and not above the total', () => {
    const spare = new SpareSlots()
    for (const slot of [9, 4, 12]) spare.keep(campaign, slot)
    spare.keep({ ...campaign, createdAtMs: 2 }, 7)
    expect(spare.take(campaign, 1)).toEqual([9])
    expect(spare.take(campaign, 5)).toEqual([4])
    expect(spare.take(campaign, 5)).toEqual([])
  })
})

describe('claims', () => {
  const asked = (campaignId: string, call: { recipient?: string; idempotencyKey?: string }) => {
    const settle = { resolve: () => {}, reject: () => {}, onAnswered: () => {} }
    const whole = { campaignId, client: '', idempotencyKey: null, recipient: null, ...call }
    return new IssueRequest(whole, settle, { clock: systemClock, randomness: systemRandomness })
  }

  test('one at a time for a recipient and for a key, in one campaign', () => {
    const claims = new Claims()
    const first = asked('a', { recipient: 'hana', idempotencyKey: 'k' })
    expect(claims.take(first)).toBe(true)
    expect(claims.take(first)).toBe(true)
    const waiting = [asked('a', { recipient: 'hana' }), asked('a', { recipient: 'duri', idempotencyKey: 'k' })]
    expect(waiting.map((request) => claims.take(request))).toEqual([false, false])
    expect(first.followers).toEqual(waiting)
    expect(claims.take(asked('b', { recipient: 'hana', idempotencyKey: 'k' }))).toBe(true)
    claims.release(first)
    expect(claims.take(waiting[0] as IssueRequest)).toBe(true)
  })
})

describe('batcher', () => {
  const soonest = () => new Promise((resolve) => setImmediate(resolve))

  /** A path that holds every batch until it is let go. */
  function heldPath() {
    const flights: { batch: IssueRequest[]; land: () => void }[] = []
    const batcher = new Batcher(systemClock, (batch) => new Promise((land) => flights.push({ batch, land })))
    return { batcher, flights }
  }

  test('what arrives in one turn of the event loop is one batch', async () => {
    const { batcher, flights } = heldPath()
    for (let index = 0; index < 20; index++) batcher.add(request('a'))
    await soonest()
    expect(flights.map(({ batch }) => batch.length)).toEqual([20])
  })

  test('no batch is larger, no more are under way, and one campaign leaves a flight to the others', async () => {
    const { batcher, flights } = heldPath()
    const rows = ISSUE_LIMITS.batchRowsMax.value
    for (let index = 0; index < 10 * rows; index++) batcher.add(request('hot'))
    await soonest()
    expect(flights.map(({ batch }) => batch.length)).toEqual(Array(ISSUE_LIMITS.flightsMax.value - 1).fill(rows))
    batcher.add(request('other'))
    await soonest()
    expect(flights.at(-1)?.batch.map(({ campaignId }) => campaignId)).toEqual(['other'])
    batcher.add(request('third'))
    await soonest()
    expect(flights).toHaveLength(ISSUE_LIMITS.flightsMax.value)
    flights[0]?.land()
    await soonest()
    await soonest()
    expect(flights.at(-1)?.batch.some(({ campaignId }) => campaignId === 'third')).toBe(true)
  })

  test('a hot campaign does not push another out of the batch', async () => {
    const { batcher, flights } = heldPath()
    for (let index = 0; index < 2_000; index++) batcher.add(request('hot'))
    for (let index = 0; index < 50; index++) batcher.add(request('small'))
    await soonest()
    expect(flights[0]?.batch.filter(({ campaignId }) => campaignId === 'small')).toHaveLength(50)
    expect(flights[0]?.batch).toHaveLength(ISSUE_LIMITS.batchRowsMax.value)
  })

  test('who was put back goes first, in order of arrival', async () => {
    const { batcher, flights } = heldPath()
    const [first, second] = [request('a'), request('a')]
    batcher.add(request('a'))
    batcher.putBack([second, first])
    await soonest()
    expect(flights[0]?.batch.slice(0, 2)).toEqual([first, second].sort((a, b) => a.arrivedAtMs - b.arrivedAtMs))
  })

  test('a caller who is gone costs nothing', async () => {
    const { batcher, flights } = heldPath()
    batcher.add(request('a', { isGone: () => true }))
    await soonest()
    expect(flights).toEqual([])
    expect(batcher.isIdle).toBe(true)
  })

  test('the expected wait grows with the queue and the time of a flight, and twice as fast for one campaign', async () => {
    let nowMs = 10_000
    const lands: (() => void)[] = []
    const batcher = new Batcher({ ...systemClock, nowMs: () => nowMs }, () => new Promise((land) => lands.push(land)))
    expect(batcher.expectedWaitMs('a')).toBe(0)
    for (let flight = 0; flight < ISSUE_LIMITS.flightsMax.value; flight++) {
      batcher.add(request(`flight-${flight}`))
      await soonest()
    }
    nowMs += 1_000
    for (let index = 0; index < 4_000; index++) batcher.add(request(`c-${index % 100}`))
    // All flights have been away for a second, and eight full batches wait, four at a time.
    expect(batcher.expectedWaitMs('new')).toBe(2_000)
    for (let index = 0; index < 4_000; index++) batcher.add(request('c-0'))
    expect(batcher.expectedWaitMs('new')).toBe(4_000)
    expect(batcher.expectedWaitMs('c-0')).toBe(4_000)
    for (const land of lands) land()
  })
})

describe('a statement without an answer', () => {
  const host = { clock: { ...systemClock, sleep: async () => {} }, randomness: systemRandomness, meter: NO_METER }
  const failing = (times: number) => async () => {
    if (times-- > 0) throw new LedgerUnavailable('lost', { mayBeWritten: true })
    return 'the answer'
  }

  test('is sent again while a single one of the batch waits, each until its own deadline', async () => {
    const batch = [{ isAnswered: true }, { isAnswered: false }] as IssueRequest[]
    expect(await untilAnswered('record', batch, failing(3), host)).toBe('the answer')
  })

  test('is given up when nobody waits', async () => {
    const batch = [{ isAnswered: true }, { isAnswered: true }] as IssueRequest[]
    expect(await untilAnswered('record', batch, failing(3), host)).toBeNull()
  })

  test('pauses twice as long each time, up to a quarter of a second, and never all at one moment', () => {
    const pauses = (fraction: number) =>
      [0, 1, 2, 20, 50].map((attempt) => pauseMs(attempt, { ...systemRandomness, fraction: () => fraction }))
    expect(pauses(0)).toEqual([2, 4, 8, 125, 125])
    expect(pauses(0.5)).toEqual([3, 6, 12, 187.5, 187.5])
  })
})

describe('the usual time', () => {
  test('is the median of late; one that hung says nothing, and after a pause nothing does', () => {
    let nowMs = 0
    const usual = new UsualTime({ ...systemClock, nowMs: () => nowMs })
    const took = (ms: number) => {
      nowMs += ms
      usual.add(ms)
    }
    expect(usual.ms).toBe(0)
    for (const ms of [10, 12, 11, 8_000, 9]) took(ms)
    expect(usual.ms).toBe(11)
    for (let time = 0; time < 15; time++) took(500)
    expect(usual.ms).toBe(500)
    nowMs += 5_000
    took(20)
    expect(usual.ms).toBe(20)
  })
})
