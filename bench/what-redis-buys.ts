// What Redis buys: one server and four, with Redis and without, on one private MariaDB or MySQL. Coupons a second, and what a
// coupon costs the database; then the same campaign sold out, and what an answer costs that says so.
//
//   node bench/what-redis-buys.ts [--rounds 3] [--seconds 6] [--connections 256]    needs wrk
//
// Driver, servers and stores share this machine, so that four servers have no more cores than one.

import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { answered, call, createCampaign, issue, startServe, type ServerProcess } from '../test/serve/server-process.ts'
import { freshDatabase, uniquePrefix } from '../test/servers/fresh.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'
import { median } from './report/statistics.ts'
import { issueLoad } from './wrk.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    connections: { type: 'string', default: '256' },
  },
})
const WARM_SECONDS = 2

interface Figures {
  readonly couponsPerS: number
  readonly p99Ms: number
  readonly mysqlUsACoupon: number
  readonly serversUsACoupon: number
  readonly statementsACoupon: number
  readonly soldOutPerS: number
  readonly statementsASoldOut: number
}

await using mysql = await startMariadb()
await using redis = await startRedis()
const status = await createConnection(mysql.url)
const MODES = [1, 4].flatMap((servers) =>
  [true, false].map((hasRedis) => ({ servers, hasRedis, all: [] as Figures[] })),
)
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const mode of round % 2 === 1 ? MODES : MODES.toReversed()) {
    process.stderr.write(`round ${round}: ${mode.servers} servers, ${mode.hasRedis ? 'with' : 'without'} Redis\n`)
    mode.all.push(await play(mode.servers, mode.hasRedis))
  }
}
await status.end()
console.table(
  MODES.map(({ servers, hasRedis, all }) => {
    const of = (name: keyof Figures) => median(all.map((figures) => figures[name]))
    return {
      servers,
      Redis: hasRedis ? 'yes' : 'no',
      'coupons/s': of('couponsPerS'),
      'p99 ms': of('p99Ms'),
      'MySQL CPU µs a coupon': of('mysqlUsACoupon'),
      'servers CPU µs a coupon': of('serversUsACoupon'),
      'statements a coupon': of('statementsACoupon'),
      'sold out/s': of('soldOutPerS'),
      'statements a sold out': of('statementsASoldOut'),
    }
  }),
)

async function play(count: number, hasRedis: boolean): Promise<Figures> {
  const database = await freshDatabase(mysql.url)
  const servers: ServerProcess[] = []
  const prefix = uniquePrefix()
  try {
    for (let index = 0; index < count; index++) {
      servers.push(
        await startServe({
          MYSQL_URL: database.url,
          ...(hasRedis && { REDIS_URL: redis.url, REDIS_PREFIX: prefix }),
          LOG_LEVEL: 'info',
          LOG_REQUESTS: 'faults',
        }),
      )
    }
    const { url } = servers[0] as ServerProcess
    const { id } = await createCampaign(url, { total_coupons: 100_000_000 })
    const rush = async (run: string, seconds: number, isRefused = false) => {
      const connections = Number(values.connections) / count
      const before = { statements: await statements(), mysqlUs: cpuUs(mysql.pid), serversUs: cpuOf(servers) }
      const loads = await Promise.all(
        servers.map((server, index) =>
          issueLoad(server.url, id, { run: `${run}-${index}`, connections, seconds, isRefused }),
        ),
      )
      const perS = loads.reduce((sum, { rate }) => sum + rate, 0)
      const each = (total: number) => Number((total / (perS * seconds)).toFixed(3))
      return {
        perS,
        p99Ms: Math.max(...loads.map(({ p99Ms }) => p99Ms)),
        statements: each((await statements()) - before.statements),
        mysqlUs: Math.round(each(cpuUs(mysql.pid) - before.mysqlUs)),
        serversUs: Math.round(each(cpuOf(servers) - before.serversUs)),
      }
    }
    await rush('warm', WARM_SECONDS)
    const issuing = await rush('rush', Number(values.seconds))

    // Down to what is there, but for gaps; those are asked for until there are none.
    const patch = (total: number) =>
      answered(call(`${url}/v1/campaigns/${id}`, { method: 'PATCH', body: { total_coupons: total } }))
    await patch(Number((await patch(1)).body['lowest_total']))
    for (const server of servers) {
      for (let number = 0, code: unknown = null; code !== 'sold_out'; number++) {
        code = (await answered(issue(server.url, id, { recipient: `last-one-${server.url}-${number}` }))).body['code']
      }
    }
    await rush('no-more', WARM_SECONDS, true)
    const soldOut = await rush('none-left', Number(values.seconds), true)
    return {
      couponsPerS: issuing.perS,
      p99Ms: issuing.p99Ms,
      mysqlUsACoupon: issuing.mysqlUs,
      serversUsACoupon: issuing.serversUs,
      statementsACoupon: issuing.statements,
      soldOutPerS: soldOut.perS,
      statementsASoldOut: soldOut.statements,
    }
  } finally {
    await Promise.all(servers.map((server) => server.close()))
    await database.drop()
  }
}

/** Of all sessions since the database was started; this question is one, too. */
async function statements(): Promise<number> {
  const [rows] = await status.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Questions'")
  return Number(rows[0]?.['Value'])
}

/** Of a process on Linux, in ticks of a hundredth of a second. */
function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function cpuOf(servers: readonly ServerProcess[]): number {
  return servers.reduce((sum, { process: { pid } }) => sum + cpuUs(pid), 0)
}
