// Coupons a second of this checkout, with an API key, limits, metrics and logs, against those of another one: what a change
// costs, or what a step on the way has cost. Driver, servers and databases share this machine.
//
//   git worktree add /tmp/before <commit> && (cd /tmp/before && npm ci)
//   node bench/against.ts /tmp/before [--connections 256] [--seconds 1] [--rounds 8] [--starts 10]
//                                                                     needs wrk (Debian: apt-get install wrk)
//
// Both servers are up at the same time and take short turns, so that what else the machine does hurts both alike. Two starts of
// the same code differ by up to a tenth (what is compiled when, what lies where), so that both are started anew several times:
// a ratio is the median over the starts of the medians over the rounds; the least and the largest of a start stand beside it.

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
const WARM_S = 3

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    connections: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '8' },
    starts: { type: 'string', default: '10' },
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

interface Round {
  readonly here: Turn
  readonly there: Turn
}

interface Side extends AsyncDisposable {
  turn(seconds: number): Promise<Turn>
}

const folder = mkdtempSync(join(tmpdir(), 'firstcome-against-'))
await using mysql = await startMariadb()
await using redis = await startRedis()
const MODES = ['embedded SQLite', 'MySQL and Redis'] as const
const rounds = Number(values.rounds)
const starts = Number(values.starts)
const rows: object[] = []
try {
  for (const mode of MODES) {
    const all: Round[][] = []
    for (let start = 1; start <= starts; start++) {
      process.stderr.write(`\r${mode}: start ${start} of ${starts} `)
      all.push(await measure(mode, start))
    }
    process.stderr.write('\n')
    const of = (name: keyof Turn, who: 'here' | 'there') =>
      Math.round(median(all.flat().map((round) => round[who][name])))
    const ratioOf = (name: keyof Turn) => {
      const each = all.map((ofStart) => median(ofStart.map(({ here, there }) => here[name] / there[name])))
      return `${ratio(median(each))} (${ratio(Math.min(...each))} to ${ratio(Math.max(...each))})`
    }
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

async function measure(mode: string, start: number): Promise<Round[]> {
  await using here = await openSide('here', HERE, mode, start)
  await using there = await openSide('there', resolve(other as string), mode, start)
  const measured: Round[] = []
  for (const side of [here, there]) await side.turn(WARM_S)
  for (let round = start; round < start + rounds; round++) {
    // Whoever comes second finds a warmer machine: each is it in turn.
    const first = await (round % 2 === 0 ? here : there).turn(Number(values.seconds))
    const second = await (round % 2 === 0 ? there : here).turn(Number(values.seconds))
    measured.push(round % 2 === 0 ? { here: first, there: second } : { here: second, there: first })
  }
  return measured
}

async function openSide(name: 'here' | 'there', root: string, mode: string, start: number): Promise<Side> {
  // A database each: their schemas may differ.
  const store: Record<string, string> =
    mode === MODES[0]
      ? { SQLITE_PATH: join(folder, `${name}${start}.db`) }
      : { MYSQL_URL: (await freshDatabase(mysql.url)).url, REDIS_URL: redis.url, REDIS_PREFIX: `${name}${start}:` }
  const env = { PATH: process.env['PATH'], PORT: '0', DRAIN_MS: '0', ...store }
  const main = join(root, 'src/main.ts')
  const server = await spawnGuarded(process.execPath, [main, 'serve'], { env })
  const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)[^]*^Ready\.$/m)
  const hasKeys = name === 'here'
  const makeKey = [main, 'key', 'create', '--client', 'bench', '--scopes', 'admin']
  const key = hasKeys
    ? execFileSync(process.execPath, makeKey, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    : ''
  const headers = { 'content-type': 'application/json', ...(hasKeys && { authorization: `Bearer ${key}` }) }
  const body = JSON.stringify({ name: 'bench', start_time: 'now', total_coupons: 100_000_000 })
  const reply = await fetch(`${url}/v1/campaigns`, { method: 'POST', headers, body })
  const { id } = (await reply.json()) as { id: string }
  const load = { connections: Number(values.connections), ...(hasKeys && { key }) }
  let turns = 0
  return {
    async turn(seconds) {
      const beforeUs = cpuUs(server.pid)
      const { rate, p99Ms } = await issueLoad(url, id, { ...load, seconds, run: `${name}${start}-${turns++}` })
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
