// What workers buy on one machine: a server of one process against one of several, on the same MySQL-protocol and Redis
// servers. Both are up and take short turns, so that a busy machine hurts both alike; the ratio is of each pair of turns.
//
//   node bench/workers.ts [--workers 2] [--connections 256] [--seconds 4] [--rounds 5]       needs wrk
//
// Also what it costs to be dealt out: a route that does nothing, asked over connections that stay and over new ones each time.

import { parseArgs } from 'node:util'
import { createCampaign, startServe, type ServerProcess } from '../test/serve/server-process.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'
import { median } from './report/statistics.ts'
import { issueLoad, load, type Load } from './wrk.ts'

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '2' },
    connections: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
  },
})
const options = { connections: Number(values.connections), seconds: Number(values.seconds) }
const rounds = Number(values.rounds)

await using mysql = await startMariadb()
await using redis = await startRedis()
const { url: databaseUrl } = await freshDatabase(mysql.url)

const start = (workers: string) =>
  startServe({
    MYSQL_URL: databaseUrl,
    REDIS_URL: redis.url,
    WORKERS: workers,
    LOG_LEVEL: 'info',
    LOG_REQUESTS: 'faults',
  })
const servers: readonly ServerProcess[] = [await start('1'), await start(values.workers)]
const { id } = await createCampaign((servers[0] as ServerProcess).url, { total_coupons: 100_000_000 })

type Turn = (server: ServerProcess, run: string) => Promise<Load>
const close = ['--header', 'Connection: close']
const turns: Readonly<Record<string, Turn>> = {
  'a coupon': ({ url }, run) => issueLoad(url, id, { run, ...options }),
  nothing: ({ url }) => load(`${url}/livez`, { ...options, seconds: 2 }),
  'nothing, a connection each': ({ url }) => load(`${url}/livez`, { ...options, connections: 64, seconds: 2 }, close),
}
try {
  const rows = []
  for (const [what, turn] of Object.entries(turns)) {
    const loads: [Load[], Load[]] = [[], []]
    // Round 0 is not measured: until the code is compiled and the pools are full.
    for (let round = 0; round <= rounds; round++) {
      for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const done = await turn(servers[side] as ServerProcess, `${what}-${round}-${side}`.replaceAll(/\W/g, '-'))
        if (round > 0) loads[side].push(done)
      }
    }
    const [one, several] = loads
    const ratios = several.map(({ rate }, index) => rate / (one[index] as Load).rate)
    rows.push({
      what,
      'one process /s': median(one.map(({ rate }) => rate)),
      [`${values.workers} workers /s`]: median(several.map(({ rate }) => rate)),
      ratio: median(ratios).toFixed(2),
      'lowest and highest': `${Math.min(...ratios).toFixed(2)} ${Math.max(...ratios).toFixed(2)}`,
      'p99 ms': `${median(one.map(({ p99Ms }) => p99Ms))} and ${median(several.map(({ p99Ms }) => p99Ms))}`,
    })
  }
  console.table(rows)
} finally {
  await Promise.all(servers.map((server) => server.close()))
}
