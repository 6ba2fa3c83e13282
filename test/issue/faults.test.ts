// What the path does when a store fails in a way that no real store fails on demand.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock, systemRandomness } from '../../src/host.ts'
import type { Campaign } from '../../src/campaign/campaign.ts'
import type { Counter } from '../../src/counter/counter.ts'
import { ISSUE_LIMITS } from '../../src/issue/limits.ts'
import { LedgerUnavailable, SEGMENT_SLOTS, type Ledger, type SlotRange } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { createMemoryCounterStore, openMemoryCounter, type MemoryCounterStore } from '../counter/memory-counter.ts'
import {
  allCoupons,
  change,
  countCodes,
  couponsOf,
  crowd,
  openCampaign,
  openPath,
  withFaults,
  fill,
} from './open-path.ts'

let ledger: Ledger
let store: MemoryCounterStore
beforeEach(async () => {
  ledger = await openSqliteLedger({ path: ':memory:' })
  store = createMemoryCounterStore()
})
afterEach(() => ledger.close())

const lost = (mayBeWritten: boolean) => new LedgerUnavailable('lost', { mayBeWritten })
/** Twenty seconds pass in one. */
const fastClock = {
  ...systemClock,
  nowMs: () => systemClock.nowMs() * 20,
  sleep: (ms: number) => systemClock.sleep(ms / 20),
  after: (ms: number, work: () => void) => systemClock.after(ms / 20, work),
}

/** The first `times` calls do their work, and their answers are lost. */
function replyLost<A extends unknown[], R>(times: number, work: (...args: A) => Promise<R>) {
  return async (...args: A): Promise<R> => {
    const answer = await work(...args)
    if (times-- > 0) throw lost(true)
    return answer
  }
}

/** The first `times` calls never arrive. */
function requestLost<A extends unknown[], R>(times: number, work: (...args: A) => Promise<R>) {
  return async (...args: A): Promise<R> => {
    if (times-- > 0) throw lost(true)
    return work(...args)
  }
}

const openFast = (faults: Partial<Ledger> = {}, options = {}) =>
  openPath(withFaults(ledger, faults), openMemoryCounter(store), options)
const openSlow = (faults: Partial<Ledger> = {}, options = {}) => openPath(withFaults(ledger, faults), null, options)

/** Counts the transactions of the ledger way. */
function counted(faults: Partial<Ledger> = {}) {
  const counts = { locks: 0, records: 0 }
  const lock: Ledger['lock'] = (ids, work) => {
    counts.locks++
    return ledger.lock(ids, work)
  }
  const record: Ledger['record'] = (rows) => {
    counts.records++
    return (faults.record ?? ((all) => ledger.record(all)))(rows)
  }
  return { counts, faults: { ...faults, lock, record } }
}

describe('an answer of the ledger is lost', () => {
  test.each([
    ['the rows were written', () => replyLost(2, (rows: Parameters<Ledger['record']>[0]) => ledger.record(rows))],
    [
      'the statement never arrived',
      () => requestLost(2, (rows: Parameters<Ledger['record']>[0]) => ledger.record(rows)),
    ],
  ])('fast way, %s: each gets the one row that is its own, as issued', async (_, record) => {
    const path = openFast({ record: record() })
    const { id } = await openCampaign(ledger, 50)
    const answers = await crowd(path, id, 50, (index) => (index % 2 ? { recipient: `m-${index}` } : {}))
    expect(countCodes(answers)).toEqual({ issued: 50 })
    const rows = await allCoupons(ledger, id)
    expect(couponsOf(answers).toSorted((a, b) => a.slot - b.slot)).toEqual(rows)
  })

  test.each([
    ['committed', true],
    ['rolled back', false],
  ])('ledger way, %s: each gets the one row that is its own, as issued', async (_, isCommitted) => {
    let failures = 2
    const lock: Ledger['lock'] = async (ids, work) => {
      const answer = await ledger.lock(ids, async (locked) => {
        const settled = await work(locked)
        if (failures > 0 && !isCommitted) {
          failures--
          throw lost(false)
        }
        return settled
      })
      if (failures-- > 0) throw lost(true)
      return answer
    }
    const path = openSlow({ lock })
    const { id } = await openCampaign(ledger, 50)
    const answers = await crowd(path, id, 80)
    expect(countCodes(answers)).toEqual({ issued: 50, sold_out: 30 })
    expect(couponsOf(answers).toSorted((a, b) => a.slot - b.slot)).toEqual(await allCoupons(ledger, id))
  })

  test('look-up and read-back are made again', async () => {
    let first = true
    const read = requestLost(3, (query: Parameters<Ledger['read']>[0]) => ledger.read(query))
    const record: Ledger['record'] = async (rows) => {
      // Somebody else's row on the first slot of the first batch: a read-back is needed.
      if (first)
        await ledger.record(
          rows.slice(0, 1).map((row) => ({ ...row, couponCode: 'FOREIGN', requestKey: 'f'.repeat(32) })),
        )
      first = false
      return ledger.record(rows)
    }
    const path = openFast({ read, record })
    const { id } = await openCampaign(ledger, 10)
    expect(countCodes(await crowd(path, id, 12))).toEqual({ issued: 9, sold_out: 3 })
  })

  test('a dead ledger: unavailable at the deadline, never sold out; nothing is left behind', async () => {
    const dead = async () => Promise.reject(lost(true))
    const path = openFast({ read: dead }, { clock: fastClock })
    const { id } = await openCampaign(ledger, 10)
    expect(countCodes(await crowd(path, id, 20, (index) => ({ recipient: `m-${index}` })))).toEqual({ unavailable: 20 })
    while (!path.issuer.isIdle) await new Promise(setImmediate)
    const fault: unknown = await path.issuer
      .issue({ campaignId: id, client: '', idempotencyKey: null, recipient: null })
      .catch((error: unknown) => error)
    expect(fault).toMatchObject({ code: 'unavailable' })
  })

  test('a statement whose answer never comes: unavailable; asked again with the key, the same coupon', async () => {
    let isDead = true
    const record: Ledger['record'] = async (rows) => {
      const answer = await ledger.record(rows)
      if (isDead) throw lost(true)
      return answer
    }
    const path = openFast({ record }, { clock: fastClock })
    const { id } = await openCampaign(ledger, 10)
    expect((await path.ask(id, { idempotencyKey: 'k' })).code).toBe('unavailable')
    isDead = false
    const [row] = await allCoupons(ledger, id)
    expect(await path.ask(id, { idempotencyKey: 'k' })).toMatchObject({ code: 'replayed', by: 'request', coupon: row })
    expect(countCodes(await crowd(path, id, 12))).toEqual({ issued: 9, sold_out: 3 })
  })

  test('a statement of unknown fate that meets a duplicate: its slot is not used again, the next one is', async () => {
    const { id } = await openCampaign(ledger, 10)
    const slots: number[] = []
    let isFirst = true
    const record: Ledger['record'] = async (rows) => {
      slots.push(...rows.map(({ slot }) => slot))
      if (isFirst) {
        isFirst = false
        throw lost(true)
      }
      // Its code is taken: nothing of it is there, but the first attempt may yet be carried out.
      return slots.length === 2 ? { status: 'duplicate' } : ledger.record(rows)
    }
    const path = openFast({ record })
    expect(await path.ask(id)).toMatchObject({ code: 'issued', coupon: { slot: 2 } })
    expect(slots).toEqual([1, 1, 2])
    // Nobody has it: a gap, which the last one fills.
    expect(countCodes(await crowd(path, id, 12))).toEqual({ issued: 9, sold_out: 3 })
    expect((await allCoupons(ledger, id)).map(({ slot }) => slot)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  test('a statement that is carried out after all, late: its owner is not told sold out', async () => {
    const { id } = await openCampaign(ledger, 1)
    let attempt = 0
    let late = async (): Promise<unknown> => undefined
    const record: Ledger['record'] = async (rows) => {
      attempt++
      if (attempt === 1) {
        late = () => ledger.record(rows)
        throw lost(true)
      }
      // The second time the campaign is just being changed, and the row is passed over.
      return attempt === 2 ? { status: 'recorded', count: 0 } : ledger.record(rows)
    }
    const read: Ledger['read'] = async (query) => {
      const answer = await ledger.read(query)
      if (query.slots.length > 0) await late()
      return answer
    }
    const answer = await openFast({ record, read }).ask(id)
    expect(answer).toMatchObject({ code: 'issued', coupon: (await allCoupons(ledger, id))[0] })
  })
})

describe('a deadline passes', () => {
  /** A hook for a statement that takes longer than a request may wait, once. */
  const slowOnce = () => {
    let isSlow = true
    return async () => {
      if (!isSlow) return
      isSlow = false
      await fastClock.sleep(8_500)
    }
  }

  test.each([
    ['fast way', () => openFast],
    ['ledger way', () => openSlow],
  ])('%s, during the look-up: no coupon is spent, and the same recipient is served afterwards', async (_, open) => {
    const wait = slowOnce()
    const read: Ledger['read'] = async (query) => {
      await wait()
      return ledger.read(query)
    }
    const path = open()({ read }, { clock: fastClock })
    const { id } = await openCampaign(ledger, 10)
    expect((await path.ask(id, { recipient: 'hana' })).code).toBe('unavailable')
    while (!path.issuer.isIdle) await new Promise(setImmediate)
    expect(await allCoupons(ledger, id)).toEqual([])
    expect((await path.ask(id, { recipient: 'hana' })).code).toBe('issued')
  })

  test('while the lock is long in coming: no coupon is spent', async () => {
    const wait = slowOnce()
    const lock: Ledger['lock'] = async (ids, work) => {
      await wait()
      return ledger.lock(ids, work)
    }
    const path = openSlow({ lock }, { clock: fastClock })
    const { id } = await openCampaign(ledger, 10)
    expect((await path.ask(id)).code).toBe('unavailable')
    while (!path.issuer.isIdle) await new Promise(setImmediate)
    expect(await allCoupons(ledger, id)).toEqual([])
  })

  test('while Redis is asked: no coupon is spent, and the slot is used by the next', async () => {
    const wait = slowOnce()
    const counter = openMemoryCounter(store)
    const slow: Counter = {
      reserve: async (asks) => {
        const reservations = await counter.reserve(asks)
        await wait()
        return reservations
      },
      resync: (asks) => counter.resync(asks),
      peek: (campaigns) => counter.peek(campaigns),
      ping: () => counter.ping(),
      close: () => counter.close(),
    }
    const campaign = await openCampaign(ledger, 10)
    await counter.resync([{ campaign, maxSlot: 0 }])
    const path = openPath(ledger, slow, { clock: fastClock })
    expect((await path.ask(campaign.id)).code).toBe('unavailable')
    while (!path.issuer.isIdle) await new Promise(setImmediate)
    expect(await path.ask(campaign.id)).toMatchObject({ code: 'issued', coupon: { slot: 1 } })
  })
})

describe('something stands in the way', () => {
  test('a code that exists already: a new one, and nobody notices', async () => {
    let zeros = 5
    const randomness = {
      ...systemRandomness,
      fill(bytes: Uint8Array) {
        if (bytes.length === 16 && zeros-- > 0) bytes.fill(0)
        else systemRandomness.fill(bytes)
      },
    }
    for (const open of [openFast, openSlow]) {
      zeros = 5
      const path = open({}, { randomness })
      const { id } = await openCampaign(ledger, 8)
      expect(countCodes(await crowd(path, id, 10))).toEqual({ issued: 8, sold_out: 2 })
      expect(zeros).toBeLessThanOrEqual(0)
    }
    // The fast way does it alone: no transaction is needed for a code.
    zeros = 5
    const { counts, faults } = counted()
    const { id } = await openCampaign(ledger, 50)
    expect(countCodes(await crowd(openFast(faults, { randomness }), id, 10))).toEqual({ issued: 10 })
    expect(counts).toEqual({ locks: 0, records: 2 })
  })

  test('a counter that is behind: one collision, then it is told, and the fast way goes on', async () => {
    const campaign = await openCampaign(ledger, 500)
    const first = openFast()
    await crowd(first, campaign.id, 100)
    const counter = openMemoryCounter(createMemoryCounterStore())
    await counter.resync([{ campaign, maxSlot: 50 }])
    const { counts, faults } = counted()
    const path = openPath(withFaults(ledger, faults), counter)
    expect(countCodes(await crowd(path, campaign.id, 20))).toEqual({ issued: 20 })
    expect(counts).toEqual({ locks: 0, records: 2 })
  })

  test('under the lock a retry that was served elsewhere meanwhile is found before it can collide', async () => {
    const { id } = await openCampaign(ledger, 5)
    const { counts, faults } = counted()
    let isFirst = true
    const read: Ledger['read'] = async (query) => {
      const answer = await ledger.read(query)
      if (isFirst) {
        isFirst = false
        await openPath(ledger, null).ask(id, { recipient: 'hana' })
      }
      return answer
    }
    const path = openSlow({ ...faults, read })
    const answers = await Promise.all([path.ask(id, { recipient: 'hana' }), path.ask(id, { recipient: 'duri' })])
    expect(countCodes(answers)).toEqual({ replayed: 1, issued: 1 })
    expect(counts.locks).toBe(1)
  })

  test('a row that cannot be stored takes nobody with it', async () => {
    for (const open of [openFast, openSlow]) {
      const path = open()
      const { id } = await openCampaign(ledger, 40)
      // Validation lets nothing like it pass; the path must not depend on that.
      const answers = await crowd(path, id, 30, (index) => ({
        recipient: index === 17 ? 'x'.repeat(300) : `m-${index}`,
      }))
      expect(countCodes(answers)).toEqual({ issued: 29, internal: 1 })
      expect(answers[17]?.code).toBe('internal')
      expect(path.mistakes).toHaveLength(1)
    }
  })

  test('rows that are passed over while a campaign is being changed: round again, then the ledger way', async () => {
    let passed = 0
    const record: Ledger['record'] = (rows) => {
      // As SKIP LOCKED does it: the rows of the campaign that is held are simply not there.
      passed++
      return ledger.record(rows.filter((row) => row.campaignId !== held.id))
    }
    const held = await openCampaign(ledger, 5)
    const free = await openCampaign(ledger, 5)
    const path = openFast({ record })
    const [ofHeld, ofFree] = await Promise.all([crowd(path, held.id, 8), crowd(path, free.id, 8)])
    expect(countCodes(ofHeld)).toEqual({ issued: 5, sold_out: 3 })
    expect(countCodes(ofFree)).toEqual({ issued: 5, sold_out: 3 })
    expect(passed).toBeGreaterThanOrEqual(2)
  })

  test('rows that are passed over again and again: the ledger way ends it', async () => {
    const campaign = await openCampaign(ledger, 5)
    const path = openFast({
      record: async () => {
        // The counter loses what it knew meanwhile; whoever commits under the lock tells it again.
        store.entries.splice(0)
        return { status: 'recorded', count: 0 }
      },
    })
    expect(countCodes(await crowd(path, campaign.id, 5))).toEqual({ issued: 5 })
    expect(await openMemoryCounter(store).reserve([{ campaign, total: 10, count: 1 }])).toEqual([
      { status: 'ok', from: 6, count: 1 },
    ])
  })

  test('what is never written and never explained ends, before the deadline, as unavailable', async () => {
    const refuse = async () => ({ status: 'duplicate' }) as const
    const lock: Ledger['lock'] = (ids, work) =>
      ledger.lock(ids, (locked) =>
        work(new Proxy(locked, { get: (it, key): unknown => (key === 'record' ? refuse : Reflect.get(it, key)) })),
      )
    const path = openFast({ record: refuse, lock })
    const { id } = await openCampaign(ledger, 10)
    const call = { campaignId: id, client: '', idempotencyKey: null, recipient: null }
    await expect(path.issuer.issue(call)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/too often/),
    })
    expect(await allCoupons(ledger, id)).toEqual([])
  })

  test('the total is lowered between reservation and statement: not one above it', async () => {
    const { id } = await openCampaign(ledger, 40)
    let first = true
    const record: Ledger['record'] = async (rows) => {
      if (first) {
        first = false
        await change(ledger, id, { totalCoupons: 15 })
      }
      return ledger.record(rows)
    }
    const path = openFast({ record })
    expect(countCodes(await crowd(path, id, 40))).toEqual({ issued: 15, sold_out: 25 })
    expect((await allCoupons(ledger, id)).at(-1)?.slot).toBe(15)
  })

  test('other codes and a recipient demanded, between look-up and statement: obeyed', async () => {
    const { id } = await openCampaign(ledger, 40)
    let first = true
    const record: Ledger['record'] = async (rows) => {
      if (first) {
        first = false
        const codeFormat = { alphabet: 'digits', length: 20, prefix: '' }
        await change(ledger, id, { recipientRequired: true, codeFormat })
      }
      return ledger.record(rows)
    }
    const path = openFast({ record })
    const answers = await Promise.all([path.ask(id), path.ask(id, { recipient: 'hana' })])
    expect(countCodes(answers)).toEqual({ recipient_required: 1, issued: 1 })
    expect(couponsOf(answers)[0]?.couponCode).toMatch(/^\d{20}$/)
  })

  test('a campaign that is made anew under its id between look-up and lock: nothing of the old one is remembered', async () => {
    const { id } = await openCampaign(ledger, 5_000)
    let isFirst = false
    const path = openSlow({
      lock: async (ids, work) => {
        if (isFirst) {
          isFirst = false
          await ledger.lock([id], (locked) => locked.deleteCampaign(id))
          // With a row where the old one was known to be full.
          await fill(ledger, await openCampaign(ledger, 5_000, { id }), [4_096])
        }
        return ledger.lock(ids, work)
      },
    })
    const count = async () => path.segments.issuedCount((await ledger.campaigns([id])).campaigns[0] as Campaign)
    expect(countCodes(await crowd(path, id, 4_100))).toEqual({ issued: 4_100 })
    expect(await count()).toBe(4_100)
    isFirst = true
    expect(await path.ask(id)).toMatchObject({ code: 'issued', coupon: { slot: 1 } })
    expect(await count()).toBe(2)
    expect(countCodes(await crowd(path, id, 5_000))).toEqual({ issued: 4_998, sold_out: 2 })
  })

  test('rows above the total, which somebody lowered by hand, are nobody’s gap', async () => {
    for (const path of [openSlow(), openFast()]) {
      const campaign = await openCampaign(ledger, 30)
      await fill(ledger, campaign, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 30])
      await change(ledger, campaign.id, { totalCoupons: 12 })
      expect(countCodes(await crowd(path, campaign.id, 5))).toEqual({ issued: 2, sold_out: 3 })
    }
  })

  test('a campaign that this release cannot read is its own misfortune', async () => {
    const strange = await openCampaign(ledger, 5)
    const good = await openCampaign(ledger, 5)
    const read: Ledger['read'] = async (query) => {
      if (query.campaignIds.includes(strange.id)) throw new TypeError('code_format of a newer release')
      return ledger.read(query)
    }
    const path = openFast({ read })
    const answers = await Promise.all([path.ask(strange.id), path.ask(good.id), path.ask(strange.id)])
    expect(answers.map(({ code }) => code)).toEqual(['internal', 'issued', 'internal'])
  })

  test('a pause between look-up and statement is obeyed', async () => {
    const { id } = await openCampaign(ledger, 40)
    let first = true
    const record: Ledger['record'] = async (rows) => {
      if (first) {
        first = false
        await change(ledger, id, { paused: true })
      }
      return ledger.record(rows)
    }
    const path = openFast({ record })
    expect(countCodes(await crowd(path, id, 10))).toEqual({ campaign_paused: 10 })
    await change(ledger, id, { paused: false })
    // The slots that were reserved for them are used now, and no gap is left.
    expect(countCodes(await crowd(path, id, 10))).toEqual({ issued: 10 })
    expect((await allCoupons(ledger, id)).map(({ slot }) => slot)).toEqual(
      Array.from({ length: 10 }, (_, index) => index + 1),
    )
  })
})

describe('sold out', () => {
  test('is not told from a look-up that began before the proof', async () => {
    const { id } = await openCampaign(ledger, 3)
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const read: Ledger['read'] = async (query) => {
      const answer = await ledger.read(query)
      // The look-up of Hana's request has its answer, "nothing", and is slow to come back.
      if (query.recipientKeys.length === 1) await held
      return answer
    }
    const path = openFast({ read })
    const elsewhere = openPath(ledger, null)
    const slow = path.ask(id, { recipient: 'hana' })
    await new Promise(setImmediate)
    const [coupon] = couponsOf([await elsewhere.ask(id, { recipient: 'hana' })])
    expect(countCodes(await crowd(path, id, 5))).toEqual({ issued: 2, sold_out: 3 })
    release()
    expect(await slow).toMatchObject({ code: 'replayed', by: 'recipient', coupon })
  })

  test('is proved once, however many wait for the proof', async () => {
    const { counts, faults } = counted()
    const { id } = await openCampaign(ledger, 1)
    expect(countCodes(await crowd(openSlow(faults), id, 1_400))).toEqual({ issued: 1, sold_out: 1_399 })
    expect(counts.locks).toBe(1)
  })

  test('what was issued while this process looked elsewhere is counted before the lock, not under it', async () => {
    const campaign = await openCampaign(ledger, 600_000)
    const under: number[] = []
    let before = 0
    const count = (ranges: readonly SlotRange[]) => ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)
    // A campaign of which only the highest slot and full segments are told: half a million rows would take the test long.
    const fullTo = 500_000
    const counts = (ranges: readonly SlotRange[]) =>
      ranges.flatMap(({ from, to }) => {
        const segments = []
        for (let slot = from; slot <= to; slot += SEGMENT_SLOTS) {
          segments.push({
            segment: (slot - 1) / SEGMENT_SLOTS,
            count: Math.min(SEGMENT_SLOTS, fullTo - slot + 1, to - slot + 1),
          })
        }
        return segments
      })
    const path = openSlow({
      maxSlots: async () => [fullTo],
      countSegments: async (_id, ranges) => {
        before += count(ranges)
        return counts(ranges)
      },
      lock: (ids, work) =>
        ledger.lock(ids, (locked) =>
          work(
            new Proxy(locked, {
              get(target, key) {
                if (key === 'maxSlots') return async () => [fullTo]
                if (key === 'countSegments') {
                  return async (_id: string, ranges: readonly SlotRange[]) => {
                    under.push(count(ranges))
                    return counts(ranges)
                  }
                }
                const value: unknown = Reflect.get(target, key)
                return typeof value === 'function' ? (value.bind(target) as unknown) : value
              },
            }),
          ),
        ),
    })
    expect(await path.ask(campaign.id)).toMatchObject({ code: 'issued', coupon: { slot: fullTo + 1 } })
    expect(before).toBe(fullTo)
    expect(under).toEqual([fullTo % SEGMENT_SLOTS])
  })

  test('is found to be untrue by those who are told it, without a connection having been lost', async () => {
    let nowMs = 0
    const path = openSlow({}, { clock: { ...systemClock, nowMs: () => nowMs } })
    const { id } = await openCampaign(ledger, 1)
    expect((await path.ask(id)).code).toBe('issued')
    expect((await path.ask(id)).code).toBe('sold_out')
    await ledger.lock([id], (locked) => locked.deleteCoupons(id, 0))
    nowMs += 60_000
    const told: string[] = []
    while (told.at(-1) !== 'issued' && told.length < 100) told.push((await path.ask(id)).code)
    expect(told.at(-1)).toBe('issued')
  })

  test('is proved by rows, whatever the counter says', async () => {
    const { id, createdAtMs } = await openCampaign(ledger, 30)
    const counter = openMemoryCounter(store)
    await counter.resync([{ campaign: { id, createdAtMs }, maxSlot: 30 }])
    expect(countCodes(await crowd(openFast(), id, 40))).toEqual({ issued: 30, sold_out: 10 })
  })
})

describe('admission', () => {
  test('embedded: a crowd at one campaign does not make another wait for all of it', async () => {
    let nowMs = 0
    const lock: Ledger['lock'] = (ids, work) => {
      nowMs += 1_000
      return ledger.lock(ids, work)
    }
    const path = openSlow({ lock }, { clock: { ...systemClock, nowMs: () => nowMs } })
    const [big, small] = [await openCampaign(ledger, 100_000), await openCampaign(ledger, 10)]
    const crowded = crowd(path, big.id, 2_600)
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    const asked = nowMs
    expect((await path.ask(small.id)).code).toBe('issued')
    // Three transactions at the most: those under way, and its own.
    expect(nowMs - asked).toBeLessThanOrEqual(3_000)
    await crowded
  })

  test('while the ledger is away: unavailable at once, and nobody is sent to stand before it', async () => {
    let isAway = true
    const asked: unknown[] = []
    const away = withFaults(ledger, {
      get isAway() {
        return isAway
      },
      read(query) {
        asked.push(query)
        return ledger.read(query)
      },
    })
    const path = openPath(away, null)
    const { id } = await openCampaign(ledger, 10)
    expect(countCodes(await crowd(path, id, 20))).toEqual({ unavailable: 20 })
    expect(asked).toEqual([])
    isAway = false
    expect((await path.ask(id)).code).toBe('issued')
  })

  test('over the wait that is allowed: overloaded at once, with a hint; those in the queue are served', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    let nowMs = 0
    const read: Ledger['read'] = async (query) => {
      await held
      return ledger.read(query)
    }
    const path = openFast({ read }, { clock: { ...systemClock, nowMs: () => nowMs } })
    const { id } = await openCampaign(ledger, 10_000)
    // More than this campaign's flights can hold, and the flights do not come back.
    const first = crowd(path, id, 2_000)
    await new Promise(setImmediate)
    nowMs = 2_000
    const rest = crowd(path, id, 6_000)
    const fault: unknown = await path.issuer
      .issue({ campaignId: id, client: '', idempotencyKey: null, recipient: null })
      .catch((error: unknown) => error)
    expect(fault).toMatchObject({ code: 'overloaded', retryAfterMs: expect.any(Number) })
    release()
    const counts = countCodes([...(await first), ...(await rest)])
    expect(Object.keys(counts).sort()).toEqual(['issued', 'overloaded'])
    expect(await allCoupons(ledger, id)).toHaveLength(counts['issued'] as number)
  })

  test('over the memory that is allowed: overloaded at once; when the others are answered there is room again', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const read: Ledger['read'] = async (query) => {
      await held
      return ledger.read(query)
    }
    // Time stands still: nobody waits too long.
    const path = openFast({ read }, { clock: { ...systemClock, nowMs: () => 0 } })
    // No such recipient comes through the edge: the fewer requests, the quicker the test.
    const length = 100_000
    const sizeEach = 1_000 + 2 * ('nowhere'.length + length)
    const fitting = Math.floor(ISSUE_LIMITS.queueBytesMax.value / sizeEach) + 1
    const call = (index: number) => ({ recipient: String(index).padStart(length, '가') })
    const inside = crowd(path, 'nowhere', fitting, call)
    expect(countCodes(await crowd(path, 'nowhere', 10, (index) => call(fitting + index)))).toEqual({ overloaded: 10 })
    release()
    expect(countCodes(await inside)).toEqual({ campaign_not_found: fitting })
    expect((await path.ask('nowhere', call(0))).code).toBe('campaign_not_found')
  })
})
