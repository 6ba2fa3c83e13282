// The ledger way beside the fast way: what it gives out is not what others have reserved and are about to write.

import { expect, test } from 'vitest'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { createMemoryCounterStore, openMemoryCounter } from '../counter/memory-counter.ts'
import { allCoupons, countCodes, fill, openCampaign, openPath, withFaults } from './open-path.ts'

/** One server holds its reserved slots back, and another has met foreign rows twice meanwhile. */
async function beside(hurt: (store: ReturnType<typeof createMemoryCounterStore>) => void) {
  const ledger = await openSqliteLedger({ path: ':memory:' })
  const store = createMemoryCounterStore()
  const campaign = await openCampaign(ledger, 100)
  // Warm: from here on a run is what it says.
  await openMemoryCounter(store).resync([{ campaign, maxSlot: 0 }])
  const holding = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  let collisions = 0
  const one = openPath(
    withFaults(ledger, {
      async record(rows) {
        held.resolve()
        await holding.promise
        const answer = await ledger.record(rows)
        if (answer.status === 'duplicate') collisions++
        return answer
      },
    }),
    openMemoryCounter(store),
  )
  const first = Promise.all(Array.from({ length: 5 }, () => one.ask(campaign.id)))
  await held.promise
  let refused = 0
  const other = openPath(
    withFaults(ledger, {
      record: (rows) => (refused++ < 2 ? Promise.resolve({ status: 'duplicate' }) : ledger.record(rows)),
    }),
    openMemoryCounter(store),
  )
  hurt(store)
  const second = await Promise.all(Array.from({ length: 5 }, () => other.ask(campaign.id)))
  expect(countCodes(second)).toEqual({ issued: 5 })
  const taken = (await allCoupons(ledger, campaign.id)).map(({ slot }) => slot)
  holding.resolve()
  expect(countCodes(await first)).toEqual({ issued: 5 })
  return { ledger, campaign, taken, collisions }
}

test('the ledger way takes slots of its own while the counter has some', async () => {
  const { ledger, taken, collisions } = await beside(() => {})
  expect(taken).toHaveLength(5)
  expect(Math.min(...taken)).toBeGreaterThan(5)
  expect(collisions).toBe(0)
  await ledger.close()
})

test('without a counter it takes the lowest, and the others go round again', async () => {
  const { ledger, taken, collisions } = await beside((store) => (store.away = true))
  expect(taken).toEqual([1, 2, 3, 4, 5])
  expect(collisions).toBeGreaterThan(0)
  await ledger.close()
})

test('a run in which others have rows is not taken', async () => {
  const ledger = await openSqliteLedger({ path: ':memory:' })
  const store = createMemoryCounterStore()
  const counter = openMemoryCounter(store)
  const campaign = await openCampaign(ledger, 100)
  await counter.resync([{ campaign, maxSlot: 0 }])
  await fill(ledger, campaign, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  let refused = 0
  // It is told nothing: it goes on to name slots that are taken.
  const path = openPath(
    withFaults(ledger, {
      record: (rows) => (refused++ < 2 ? Promise.resolve({ status: 'duplicate' }) : ledger.record(rows)),
    }),
    { ...counter, resync: async (asks) => asks.map(() => undefined) },
  )
  expect(await path.ask(campaign.id)).toMatchObject({ code: 'issued', coupon: { slot: 11 } })
  await ledger.close()
})
