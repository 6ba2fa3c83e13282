// Coupons a second of this checkout, with an API key, limits, metrics and logs, against those of another one: what a change
// costs, or what a step on the way has cost. Driver, servers and databases share this machine.
//
//   git worktree add /tmp/before <commit> && (cd /tmp/before && npm ci)
//   node bench/against.ts /tmp/before [--connections 256] [--seconds 1] [--rounds 40]   needs wrk (Debian: apt-get install wrk)
//
// Both servers are up all the time and take short turns, so that what else the machine does hurts both alike: the ratios are
// medians of those of each round. The server's own CPU time for each coupon is even less moved by it.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { spawnGuarded } from '../test/servers/guarded.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'
import { median } from './report/statistics.ts'
import { issueLoad } from './wrk.ts'

/** Not measured: until the code is compiled and the pools are full. */
const WARM_S = 4

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    connections: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '40' },
  },
})
const HERE = resolve(import.meta.dirname, '..')
const [other] = positionals
if (other === undefined) {
  process.stderr.write('Which checkout? node bench/against.ts /tmp/before\n')
  process.exit(3)
}

interface Turn {
  readonly rate: number
  readonly p99Ms: number
  readonly cpuUsEach: number
}

interface Side extends AsyncDisposable {
  turn(seconds: number): Promise<Turn>
}

const folder = mkdtempSync(join(tmpdir(), 'firstcome-against-'))
await using mysql = await startMariadb()
await using redis = await startRedis()
const MODES = ['embedded SQLite', 'MySQL and Redis'] as const
const rounds = Number(values.rounds)
const rows: object[] = []
try {
  for (const mode of MODES) {
    await using here = await openSide('here', HERE, mode)
    await using there = await openSide('there', resolve(other), mode)
    const turns: { here: Turn; there: Turn }[] = []
    for (const side of [here, there]) await side.turn(WARM_S)
    for (let round = 1; round <= rounds; round++) {
      process.stderr.write(`\r${mode}: round ${round} of ${rounds} `)
      // Whoever comes second finds a warmer machine: each is it in turn.
      const first = await (round % 2 === 0 ? here : there).turn(Number(values.seconds))
      const second = await (round % 2 === 0 ? there : here).turn(Number(values.seconds))
      turns.push(round % 2 === 0 ? { here: first, there: second } : { here: second, there: first })
    }
    process.stderr.write('\n')
    const of = (name: keyof Turn, who: 'here' | 'there') => Math.round(median(turns.map((turn) => turn[who][name])))
    const ratioOf = (name: keyof Turn) => ratio(median(turns.map((turn) => turn.here[name] / turn.there[name])))
    rows.push({
      mode,
      'coupons/s here': of('rate', 'here'),
      'there ': of('rate', 'there'),
      'ratio ': ratioOf('rate'),
      'p99 ms here': of('p99Ms', 'here'),
      there: of('p99Ms', 'there'),
      'CPU µs a coupon here': of('cpuUsEach', 'here'),
      'there  ': of('cpuUsEach', 'there'),
      ratio: ratioOf('cpuUsEach'),
    })
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.table(rows)

async function openSide(name: 'here' | 'there', root: string, mode: string): Promise<Side> {
  // A database each: their schemas may differ.
  const store: Record<string, string> =
    mode === MODES[0]
      ? { SQLITE_PATH: join(folder, `${name}.db`) }
      : { MYSQL_URL: (await freshDatabase(mysql.url)).url, REDIS_URL: redis.url, REDIS_PREFIX: `${name}:` }
  const env = { PATH: process.env['PATH'], PORT: '0', DRAIN_MS: '0', ...store }
  const main = join(root, 'src/main.ts')
  const server = await spawnGuarded(process.execPath, [main, 'serve'], { env })
  const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)[^]*^Ready\.$/m)
  const hasKeys = name === 'here'
  const makeKey = [main, 'key', 'create', '--client', 'bench', '--scopes', 'admin']
  const key = hasKeys ? execFileSync(process.execPath, makeKey, { env, encoding: 'utf8' }).trim() : ''
  const headers = { 'content-type': 'application/json', ...(hasKeys && { authorization: `Bearer ${key}` }) }
  const body = JSON.stringify({ name: 'bench', start_time: 'now', total_coupons: 100_000_000 })
  const reply = await fetch(`${url}/v1/campaigns`, { method: 'POST', headers, body })
  const { id } = (await reply.json()) as { id: string }
  const load = { connections: Number(values.connections), ...(hasKeys && { key }) }
  let turns = 0
  return {
    async turn(seconds) {
      const beforeUs = cpuUs(server.pid)
      const { rate, p99Ms } = await issueLoad(url, id, { ...load, seconds, run: `${name}-${turns++}` })
      return { rate, p99Ms, cpuUsEach: (cpuUs(server.pid) - beforeUs) / (rate * seconds) }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** Of a process on Linux, by the scheduler's own account of each thread. */
function cpuUs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const ranNs = (thread: string) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  return threads.reduce((sumNs, thread) => sumNs + ranNs(thread), 0) / 1_000
}

function ratio(value: number): number {
  return Number(value.toFixed(3))
}
