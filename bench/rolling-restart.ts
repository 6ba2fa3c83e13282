// Four servers behind a proxy at 1,000 calls a second that wait for nobody, each server stopped with SIGTERM and started anew
// in turn while coupons are being issued: failed calls, and whether there are exactly as many coupons as there should be.
//
//   node bench/rolling-restart.ts [--times 5] [--proxy haproxy|nginx] [--per-second 1000] [--seconds 55] [--drain-ms 5000] [--keys]
//
// Calls carry a recipient and no Idempotency-Key, so that the proxy may not repeat one that was sent: `--keys` sends one.
// Needs `npm run servers`.

import { parseArgs } from 'node:util'
import { rollingRestart } from '../test/serve/rolling-restart.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'

const { values } = parseArgs({
  options: {
    times: { type: 'string', default: '5' },
    proxy: { type: 'string', default: 'haproxy' },
    'per-second': { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '55' },
    'drain-ms': { type: 'string', default: '5000' },
    keys: { type: 'boolean', default: false },
  },
})

await using mysql = await startMariadb()
await using redis = await startRedis()
const rows = []
for (let time = 1; time <= Number(values.times); time++) {
  const result = await rollingRestart({
    mysqlUrl: mysql.url,
    redisUrl: redis.url,
    proxy: values.proxy === 'nginx' ? 'nginx' : 'haproxy',
    servers: 4,
    perSecond: Number(values['per-second']),
    seconds: Number(values.seconds),
    share: 0.9,
    drainMs: Number(values['drain-ms']),
    hasKeys: values.keys,
  })
  const { calls, issued, soldOut, failed, issuedWhileRolling, slowestMs, exits, verdict } = result
  const failures = Object.entries(failed).map(([what, count]) => `${count} ${what}`)
  const row = {
    calls,
    issued,
    'sold out': soldOut,
    failed: failures.join(', ') || 0,
    'issued when the last was back': issuedWhileRolling,
    'slowest ms': slowestMs,
    exits: exits.join(' '),
    verdict,
  }
  process.stderr.write(`${time}: ${JSON.stringify(row)}\n`)
  rows.push(row)
}
console.table(rows)
if (rows.some(({ failed, verdict }) => failed !== 0 || verdict !== 'exact')) process.exitCode = 1
