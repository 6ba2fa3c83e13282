// A first figure, not yet a benchmark: how many coupons a second one server process issues over HTTP, in each mode, beside
// what the same process answers on a route that does nothing. Driver, server and databases share this machine.
//
//   node bench/rough.ts [--connections 256] [--seconds 8] [--rounds 3]       needs wrk (Debian: apt-get install wrk)
//
// A recipient in each request; the databases are private and durable; the modes take turns, the median is printed.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { createCampaign, startServe } from '../test/serve/server-process.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
  },
})

const folder = mkdtempSync(join(tmpdir(), 'firstcome-bench-'))
const script = join(folder, 'issue.lua')
writeFileSync(
  script,
  `wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
local n, run = 0, os.getenv('RUN')
request = function() n = n + 1; return wrk.format(nil, nil, nil, '{"recipient":"' .. run .. '-' .. n .. '"}') end`,
)

await using mysql = await startMariadb()
await using redis = await startRedis()
const database = await freshDatabase(mysql.url)
const modes = [
  { name: 'embedded SQLite', environment: { SQLITE_PATH: join(folder, 'coupons.db') } },
  { name: 'MySQL alone', environment: { MYSQL_URL: database.url } },
  { name: 'MySQL and Redis', environment: { MYSQL_URL: database.url, REDIS_URL: redis.url } },
]
const figures = modes.map(({ name }) => ({ name, issued: [] as Load[], nothing: [] as Load[] }))
try {
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const [index, { name, environment }] of modes.entries()) {
      process.stderr.write(`round ${round} of ${values.rounds}: ${name}\n`)
      const server = await startServe(environment)
      const { id } = await createCampaign(server.url, { total_coupons: 100_000_000 })
      const coupons = `${server.url}/v1/campaigns/${id}/coupons`
      // Not measured: until the code is compiled and the pools are full.
      await load(coupons, `warm-${round}`, 2, script)
      figures[index]?.issued.push(await load(coupons, `round-${round}`, Number(values.seconds), script))
      figures[index]?.nothing.push(await load(`${server.url}/livez`, '', 3))
      await server.close()
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.table(
  figures.map(({ name, issued, nothing }) => ({
    mode: name,
    'coupons/s': median(issued.map(({ rate }) => rate)),
    'median ms': median(issued.map(({ p50Ms }) => p50Ms)),
    'p99 ms': median(issued.map(({ p99Ms }) => p99Ms)),
    'do-nothing route/s': median(nothing.map(({ rate }) => rate)),
  })),
)

interface Load {
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
}

async function load(url: string, run: string, seconds: number, scriptFile?: string): Promise<Load> {
  const args = [
    '--latency',
    '-t1',
    `-c${values.connections}`,
    `-d${seconds}s`,
    ...(scriptFile ? ['-s', scriptFile] : []),
    url,
  ]
  const { stdout } = await promisify(execFile)('wrk', args, { env: { ...process.env, RUN: run } })
  const wrong = /Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)/.exec(stdout)
  if (wrong !== null) throw new Error(`not every request got its coupon: ${wrong[0]}`)
  const ms = (percent: string) => {
    const [, number, unit] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(stdout) ?? []
    return Number(number) * ({ us: 0.001, ms: 1, s: 1_000 }[unit ?? ''] ?? NaN)
  }
  return { rate: Math.round(Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])), p50Ms: ms('50'), p99Ms: ms('99') }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number
}
