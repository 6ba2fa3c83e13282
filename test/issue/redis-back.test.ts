// Redis goes in a rush at several servers, and comes back empty: all take the fast way again by themselves, and it is told
// where to begin a few times, not once for every batch that waited.

import { expect, test } from 'vitest'
import { ISSUE_LIMITS } from '../../src/issue/limits.ts'
import { NO_METER, type IssueMeter } from '../../src/issue/meter.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { createMemoryCounterStore, openMemoryCounter } from '../counter/memory-counter.ts'
import { allCoupons, countCodes, openCampaign, openPath, type Answer } from './open-path.ts'

const SERVERS = 4
const COUPONS = 6_000
const CALLERS = 200

test('back without a storm, on all servers', async () => {
  const ledger = await openSqliteLedger({ path: ':memory:' })
  const store = createMemoryCounterStore()
  const counts: Record<string, number> = {}
  const meter: IssueMeter = {
    ...NO_METER,
    resynced: (reason, campaigns) => void (counts[reason] = (counts[reason] ?? 0) + campaigns),
    toLedgerWay: (reason) => void (counts[reason] = (counts[reason] ?? 0) + 1),
  }
  const paths = Array.from({ length: SERVERS }, () => openPath(ledger, openMemoryCounter(store), { meter }))
  const { id } = await openCampaign(ledger, COUPONS)
  const answers: Answer[] = []
  let asked = 0
  const caller = async (number: number) => {
    const path = paths[number % SERVERS] as (typeof paths)[number]
    while (asked++ < COUPONS + CALLERS) {
      answers.push(await path.ask(id))
      if (answers.length === COUPONS / 3) store.away = true
      if (answers.length !== (2 * COUPONS) / 3) continue
      // It was killed: it knows nothing any more.
      store.entries.splice(0)
      store.away = false
      for (const name of Object.keys(counts)) delete counts[name]
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)))

  expect(countCodes(answers)).toEqual({ issued: COUPONS, sold_out: CALLERS })
  expect((await allCoupons(ledger, id)).map(({ slot }) => slot)).toEqual(
    Array.from({ length: COUPONS }, (_, i) => i + 1),
  )
  // Each batch that was under way may find it cold, and meet rows of the ledger way twice; whoever comes later does not.
  const underWay = SERVERS * ISSUE_LIMITS.flightsMax.value
  expect(counts['cold'] ?? 0).toBeGreaterThan(0)
  expect(counts['cold'] ?? 0).toBeLessThanOrEqual(underWay)
  expect(counts['behind'] ?? 0).toBeLessThanOrEqual(2 * underWay)
  // Two thousand coupons later than that, nearly all came by the fast way.
  const slow = ['counter_unavailable', 'counter_cold', 'collisions'].map((reason) => counts[reason] ?? 0)
  expect(slow.reduce((sum, count) => sum + count, 0)).toBeLessThan(COUPONS / 6)
  await ledger.close()
})
