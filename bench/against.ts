// Coupons a second of this checkout, with an API key, limits, metrics and logs, against those of another one, in one run and
// by turns: what a change costs, or what a step on the way has cost. Driver, servers and databases share this machine.
//
//   git worktree add /tmp/before <commit> && (cd /tmp/before && npm ci)
//   node bench/against.ts /tmp/before [--connections 256] [--seconds 8] [--rounds 5]    needs wrk (Debian: apt-get install wrk)
//
// The server's own CPU time for each coupon is printed, too: it is less moved by what else the machine does.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { spawnGuarded } from '../test/servers/guarded.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'
import { median } from './report/statistics.ts'
import { issueLoad } from './wrk.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    connections: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '5' },
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

const folder = mkdtempSync(join(tmpdir(), 'firstcome-against-'))
await using mysql = await startMariadb()
await using redis = await startRedis()
// A database each: their schemas may differ.
const databases = [await freshDatabase(mysql.url), await freshDatabase(mysql.url)] as const
const MODES = ['embedded SQLite', 'MySQL and Redis'] as const
const SIDES = [
  { name: 'here', root: HERE, database: databases[0] },
  { name: 'there', root: resolve(other), database: databases[1] },
] as const
const turns = MODES.map((mode) => ({ mode, here: [] as Turn[], there: [] as Turn[] }))
try {
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const figures of turns) {
      // Whoever comes second finds a warmer machine: each is it in turn.
      for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
        process.stderr.write(`round ${round} of ${values.rounds}: ${figures.mode}, ${side.name}\n`)
        figures[side.name].push(await play(side, figures.mode, round))
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const of = (name: keyof Turn, all: readonly Turn[]) => median(all.map((turn) => turn[name]))
console.table(
  turns.map(({ mode, here, there }) => ({
    mode,
    'coupons/s here': of('rate', here),
    'there ': of('rate', there),
    'ratio ': ratio(of('rate', here), of('rate', there)),
    'p99 ms here': of('p99Ms', here),
    there: of('p99Ms', there),
    'CPU µs a coupon here': of('cpuUsEach', here),
    'there  ': of('cpuUsEach', there),
    ratio: ratio(of('cpuUsEach', there), of('cpuUsEach', here)),
  })),
)

async function play({ name, root, database }: (typeof SIDES)[number], mode: string, round: number): Promise<Turn> {
  const store: Record<string, string> =
    mode === MODES[0]
      ? { SQLITE_PATH: join(folder, `${name}.db`) }
      : { MYSQL_URL: database.url, REDIS_URL: redis.url, REDIS_PREFIX: `${name}:` }
  const env = { PATH: process.env['PATH'], PORT: '0', DRAIN_MS: '0', ...store }
  const main = join(root, 'src/main.ts')
  await using server = await spawnGuarded(process.execPath, [main, 'serve'], { env })
  const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)[^]*^Ready\.$/m)
  const hasKeys = name === 'here'
  const makeKey = [main, 'key', 'create', '--client', 'bench', '--scopes', 'admin']
  const key = hasKeys ? execFileSync(process.execPath, makeKey, { env, encoding: 'utf8' }).trim() : ''
  const headers = { 'content-type': 'application/json', ...(hasKeys && { authorization: `Bearer ${key}` }) }
  const body = JSON.stringify({ name: 'bench', start_time: 'now', total_coupons: 100_000_000 })
  const reply = await fetch(`${url}/v1/campaigns`, { method: 'POST', headers, body })
  const { id } = (await reply.json()) as { id: string }
  const load = { connections: Number(values.connections), ...(hasKeys && { key }) }
  // Not measured: until the code is compiled and the pools are full.
  await issueLoad(url, id, { ...load, seconds: 2, run: `${name}-warm-${round}` })
  const before = cpuUs(server.pid)
  const seconds = Number(values.seconds)
  const { rate, p99Ms } = await issueLoad(url, id, { ...load, seconds, run: `${name}-${round}` })
  return { rate, p99Ms, cpuUsEach: Math.round((cpuUs(server.pid) - before) / (rate * seconds)) }
}

/** Of a process on Linux, in ticks of a hundredth of a second. */
function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function ratio(one: number, other: number): number {
  return Number((one / other).toFixed(3))
}
