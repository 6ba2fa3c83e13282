// How often do batches collide, and how often is the ledger way taken, when nothing is wrong? Three servers in one
// process, each with connections of its own, sell out a campaign together on private MySQL-protocol and Redis servers.
//
//   node bench/healthy-run.ts [--coupons 10000] [--callers 256] [--rounds 5]

import { parseArgs } from 'node:util'
import { openRedisCounter } from '../src/counter/redis.ts'
import { systemClock } from '../src/host.ts'
import type { Ledger } from '../src/ledger/ledger.ts'
import { openMysqlLedger } from '../src/ledger/mysql.ts'
import { migrateMysql } from '../src/ledger/mysql/migrate.ts'
import { countCodes, openCampaign, openPath, withFaults, type Answer } from '../test/issue/open-path.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'

const { values } = parseArgs({
  options: {
    coupons: { type: 'string', default: '10000' },
    callers: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '5' },
  },
})
const COUPONS = Number(values.coupons)
const CALLERS = Number(values.callers)

await using mysql = await startMariadb()
await using redis = await startRedis()
const database = await freshDatabase(mysql.url)
await migrateMysql({ url: database.url })

const counts = { batches: 0, rows: 0, duplicates: 0, skipped: 0, locks: 0 }

/** The ledger, with what it is asked and what it answers counted. */
function counted(ledger: Ledger): Ledger {
  return withFaults(ledger, {
    async record(rows) {
      const answer = await ledger.record(rows)
      counts.batches++
      counts.rows += rows.length
      if (answer.status === 'duplicate') counts.duplicates++
      if (answer.status === 'recorded' && answer.count < rows.length) counts.skipped++
      return answer
    },
    lock(ids, work) {
      counts.locks++
      return ledger.lock(ids, work)
    },
  })
}

const paths = Array.from({ length: 3 }, () => {
  const ledger = counted(openMysqlLedger({ url: database.url }))
  return openPath(ledger, openRedisCounter({ url: redis.url, prefix: 'bench:', clock: systemClock }))
})
const [first] = paths as [(typeof paths)[number]]
for (const { counter } of paths) while (!(await counter?.ping())) await systemClock.sleep(10)

for (let round = 1; round <= Number(values.rounds); round++) {
  const { id } = await openCampaign(first.ledger, COUPONS)
  Object.assign(counts, { batches: 0, rows: 0, duplicates: 0, skipped: 0, locks: 0 })
  const answers: Answer[] = []
  const beganAt = performance.now()
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let number = caller; number < COUPONS * 1.2; number += CALLERS) {
        const path = paths[number % paths.length] as (typeof paths)[number]
        answers.push(await path.ask(id, { recipient: `m-${number}` }))
      }
    }),
  )
  const took = ((performance.now() - beganAt) / 1_000).toFixed(2)
  const { batches, rows, duplicates, skipped, locks } = counts
  console.log(
    `round ${round}: ${JSON.stringify(countCodes(answers))} in ${took} s; ${batches} statements of ${(rows / batches).toFixed(0)} rows, ` +
      `${duplicates} refused as duplicate (1062), ${skipped} with rows passed over, ${locks} transactions of the ledger way`,
  )
}
for (const { ledger, counter } of paths) {
  await ledger.close()
  await counter?.close()
}
