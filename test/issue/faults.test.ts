// What the path does when a store fails in a way that no real store fails on demand.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock, systemRandomness } from '../../src/host.ts'
import { LedgerUnavailable, type Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { createMemoryCounterStore, openMemoryCounter, type MemoryCounterStore } from '../counter/memory-counter.ts'
import { allCoupons, change, countCodes, couponsOf, crowd, openCampaign, openPath, withFaults } from './open-path.ts'

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

  test('a dead ledger: unavailable at the deadline with a retry hint, never sold out; nothing is left behind', async () => {
    const dead = async () => Promise.reject(lost(true))
    const path = openFast({ read: dead }, { clock: fastClock })
    const { id } = await openCampaign(ledger, 10)
    expect(countCodes(await crowd(path, id, 20, (index) => ({ recipient: `m-${index}` })))).toEqual({ unavailable: 20 })
    while (!path.issuer.isIdle) await new Promise(setImmediate)
    const fault: unknown = await path.issuer
      .issue({ campaignId: id, client: '', idempotencyKey: null, recipient: null })
      .catch((error: unknown) => error)
    expect(fault).toMatchObject({ code: 'unavailable', retryAfterMs: expect.any(Number) })
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
    const { id } = await openCampaign(ledger, 5)
    const path = openFast({ record: async () => ({ status: 'recorded', count: 0 }) })
    expect(countCodes(await crowd(path, id, 5))).toEqual({ issued: 5 })
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

  test('is proved by rows, whatever the counter says', async () => {
    const { id, createdAtMs } = await openCampaign(ledger, 30)
    const counter = openMemoryCounter(store)
    await counter.resync([{ campaign: { id, createdAtMs }, maxSlot: 30 }])
    expect(countCodes(await crowd(openFast(), id, 40))).toEqual({ issued: 30, sold_out: 10 })
  })
})

describe('admission', () => {
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
    const first = crowd(path, id, 1)
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
})
