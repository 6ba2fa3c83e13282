// Where a server's time goes in a rush: a flame graph of its main thread, for each pair of stores.
//
//   node bench/flame.ts [--seconds 10] [--connections 256]       needs wrk (Debian: apt-get install wrk)
//
// It writes bench/results/flame-embedded.svg and bench/results/flame-mysql-redis.svg. A profiler that looks 4,000 times a second
// slows a server down: the shares are what counts.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { freshDatabase, uniquePrefix } from '../test/servers/fresh.ts'
import { spawnGuarded } from '../test/servers/guarded.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'
import { flameGraph, framesOf, type Profile } from './report/flame.ts'
import { issueLoad } from './wrk.ts'

const MAIN = resolve(import.meta.dirname, '../src/main.ts')
const INTERVAL_US = 250
/** Not drawn: until the code is compiled. */
const WARM_S = 4

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, connections: { type: 'string', default: '256' } },
})
const folder = mkdtempSync(join(tmpdir(), 'firstcome-flame-'))
try {
  await draw('embedded', 'Embedded SQLite', { SQLITE_PATH: join(folder, 'coupons.db') })
  await using mysql = await startMariadb()
  await using redis = await startRedis()
  const { url } = await freshDatabase(mysql.url)
  await draw('mysql-redis', 'MySQL and Redis', { MYSQL_URL: url, REDIS_URL: redis.url, REDIS_PREFIX: uniquePrefix() })
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function draw(name: string, title: string, stores: Record<string, string>): Promise<void> {
  process.stderr.write(`${title}: ${WARM_S + Number(values.seconds)} s\n`)
  const profiles = join(folder, name)
  const env = { PATH: process.env['PATH'], PORT: '0', DRAIN_MS: '0', ...stores }
  const profiled = ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-interval=${INTERVAL_US}`]
  await using server = await spawnGuarded(process.execPath, [...profiled, MAIN, 'serve'], { env })
  const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)[^]*^Ready\.$/m)
  const makeKey = [MAIN, 'key', 'create', '--client', 'bench', '--scopes', 'admin']
  const key = execFileSync(process.execPath, makeKey, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim()
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const body = JSON.stringify({ name: 'bench', start_time: 'now', total_coupons: 100_000_000 })
  const { id } = (await (await fetch(`${url}/v1/campaigns`, { method: 'POST', headers, body })).json()) as {
    id: string
  }
  const load = { connections: Number(values.connections), key }
  await issueLoad(url, id, { ...load, seconds: WARM_S, run: 'warm' })
  const fromUs = nowUs()
  const { rate } = await issueLoad(url, id, { ...load, seconds: Number(values.seconds), run: 'drawn' })
  const toUs = nowUs()
  await server.stop()
  const [file] = readdirSync(profiles)
  const profile = JSON.parse(readFileSync(join(profiles, file as string), 'utf8')) as Profile
  const path = resolve(import.meta.dirname, `results/flame-${name}.svg`)
  const coupons = rate * Number(values.seconds)
  writeFileSync(
    path,
    flameGraph(framesOf(profile, fromUs, toUs), coupons, `${title}: ${rate} coupons/s under the profiler`),
  )
  process.stderr.write(`written: ${path}\n`)
}

/** V8's own clock is the same one. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n)
}
