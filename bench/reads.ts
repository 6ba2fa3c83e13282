// What it costs to look: GET of one campaign, and of the list with all of them, while one of them issues. And whether the
// counts are right: of those at rest at any time, of the busy one when it has come to rest.
//
//   node bench/reads.ts [--campaigns 50] [--rows 1000000] [--connections 64] [--seconds 10] [--embedded]
//
// --embedded: on SQLite, else on a private durable MariaDB or MySQL and Redis. Filling takes most of the time: 50 million
// rows some 20 minutes. Needs wrk. Driver, server and databases share this machine.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { createConnection } from 'mysql2/promise'
import type { Ledger } from '../src/ledger/ledger.ts'
import { openMysqlLedger } from '../src/ledger/mysql.ts'
import { migrateMysql } from '../src/ledger/mysql/migrate.ts'
import { openSqliteLedger } from '../src/ledger/sqlite.ts'
import { change, openCampaign } from '../test/issue/open-path.ts'
import { issueMany } from '../test/ledger/many-coupons.ts'
import { answered, call, startServe } from '../test/serve/server-process.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { openGuardian } from '../test/servers/guarded.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'
import { issueLoad } from './wrk.ts'

const { values } = parseArgs({
  options: {
    campaigns: { type: 'string', default: '50' },
    rows: { type: 'string', default: '1000000' },
    connections: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '10' },
    embedded: { type: 'boolean', default: false },
  },
})
const CAMPAIGNS = Number(values.campaigns)
const ROWS = Number(values.rows)
/** With this pause between reply and next request of a connection: the machine is not full. */
const CALM_DELAY_MS = 20

const say = (what: string) => process.stderr.write(`${what}\n`)

interface Store {
  readonly name: string
  readonly environment: Record<string, string>
  openLedger(): Promise<Ledger>
  /** All coupons of one campaign once more, for another. */
  copy(from: string, to: string): Promise<void>
  /** Without any code of the project. */
  count(campaignId: string): Promise<number>
}

await using guardian = await openGuardian()
await using servers = new AsyncDisposableStack()
const store = values.embedded ? embedded() : await onMysql()

const ids = await fill()
const server = await startServe({ ...store.environment, CLIENT_READS_PER_S: '0' })
servers.defer(() => server.close())
const busy = ids.at(-1) as string
const campaignsUrl = `${server.url}/v1/campaigns`
const reads = {
  'the busy campaign': `${campaignsUrl}/${busy}`,
  'one at rest': `${campaignsUrl}/${ids[0]}`,
  'the list of all': `${campaignsUrl}?limit=${CAMPAIGNS}`,
}

say('the first list after a start, which counts them all')
const coldBeganAt = performance.now()
expectAtRest(await listed())
const coldMs = performance.now() - coldBeganAt

const rows = [
  { issuing: 'nobody', read: 'the list of all, the first one', reads: 1, 'p50 ms': shown(coldMs), 'p99 ms': '' },
]
for (const [issuing, delayMs] of [
  ['nobody', null],
  ['calm', CALM_DELAY_MS],
  ['full speed', 0],
] as const) {
  say(`reading while issuing: ${issuing}`)
  const isOver = new AbortController()
  const load = delayMs === null ? pause(Number(values.seconds)) : issueAt(issuing, delayMs)
  const reading = readAgainAndAgain(isOver.signal)
  const rate = await load.finally(() => isOver.abort())
  for (const [read, times] of Object.entries(await reading)) {
    times.sort((a, b) => a - b)
    const at = (share: number) => shown(times[Math.floor(times.length * share)] as number)
    const name = rate === null ? issuing : `${issuing}, ${rate}/s`
    rows.push({ issuing: name, read, reads: times.length, 'p50 ms': at(0.5), 'p99 ms': at(0.99) })
  }
}
console.table(rows)

const issued = Number((await answered(call(reads['the busy campaign']))).body['issued_count'])
const stored = await store.count(busy)
if (issued !== stored) throw new Error(`the busy campaign: ${issued} by the API, ${stored} rows`)
console.log(
  `exact: ${issued} coupons of the busy campaign by the API and by COUNT(*), ${ROWS} of each other at every read`,
)
console.log(`${store.name}; again: node bench/reads.ts ${process.argv.slice(2).join(' ')}`)

async function issueAt(run: string, delayMs: number): Promise<number> {
  const options = { connections: Number(values.connections), seconds: Number(values.seconds) }
  return (await issueLoad(server.url, busy, { ...options, run: run.replaceAll(' ', '-'), delayMs })).rate
}

async function pause(seconds: number): Promise<null> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  return null
}

/** One after the other, as somebody who watches does. → the milliseconds of each */
async function readAgainAndAgain(signal: AbortSignal): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = Object.fromEntries(Object.keys(reads).map((name) => [name, []]))
  let before = 0
  while (!signal.aborted) {
    for (const [name, url] of Object.entries(reads)) {
      const beganAt = performance.now()
      const { body } = await answered(call(url))
      times[name]?.push(performance.now() - beganAt)
      if (Array.isArray(body['data'])) expectAtRest(body['data'] as Campaign[])
      if (body['id'] !== busy) continue
      // Only ever more: a row that was counted stays.
      const now = Number(body['issued_count'])
      if (now < before) throw new Error(`${now} coupons after ${before}`)
      before = now
    }
  }
  return times
}

interface Campaign {
  readonly id: string
  readonly issued_count: number
}

async function listed(): Promise<Campaign[]> {
  return (await answered(call(reads['the list of all']))).body['data'] as Campaign[]
}

function expectAtRest(campaigns: readonly Campaign[]): void {
  const wrong = campaigns.filter(({ id, issued_count: count }) => id !== busy && count !== ROWS)
  if (campaigns.length !== CAMPAIGNS || wrong.length > 0) throw new Error(`not as filled: ${JSON.stringify(wrong)}`)
}

async function fill(): Promise<string[]> {
  const ledger = await store.openLedger()
  const made: string[] = []
  for (let number = 1; number <= CAMPAIGNS; number++) {
    say(`${store.name}: filling campaign ${number} of ${CAMPAIGNS}`)
    const campaign = await openCampaign(ledger, ROWS)
    if (made[0] === undefined) await issueMany(ledger, campaign, ROWS, (slot) => `user-${slot}`)
    else await store.copy(made[0], campaign.id)
    made.push(campaign.id)
  }
  await change(ledger, made.at(-1) as string, { totalCoupons: 2_000_000_000 })
  await ledger.close()
  return made
}

function embedded(): Store {
  const path = join(guardian.folder, 'coupons.db')
  return {
    name: 'embedded SQLite',
    environment: { SQLITE_PATH: path },
    openLedger: () => openSqliteLedger({ path }),
    async copy(from, to) {
      using database = new DatabaseSync(path)
      database.prepare(copied()).run(to, from)
    },
    async count(campaignId) {
      using database = new DatabaseSync(path, { readOnly: true })
      return Number(database.prepare('SELECT COUNT(*) AS n FROM coupons WHERE campaign_id = ?').get(campaignId)?.['n'])
    },
  }
}

async function onMysql(): Promise<Store> {
  const [mysql, redis] = await Promise.all([
    startMariadb({ options: ['--innodb-buffer-pool-size=6G', '--loose-innodb-log-file-size=2G'] }),
    startRedis(),
  ])
  servers.use(mysql)
  servers.use(redis)
  const { url } = await freshDatabase(mysql.url)
  const connection = await createConnection(url)
  servers.defer(() => connection.end())
  return {
    name: 'MySQL and Redis',
    environment: { MYSQL_URL: url, REDIS_URL: redis.url },
    async openLedger() {
      await migrateMysql({ url })
      return openMysqlLedger({ url })
    },
    async copy(from, to) {
      await connection.execute(copied(), [to, from])
    },
    async count(campaignId) {
      const [counted] = await connection.execute('SELECT COUNT(*) AS n FROM coupons WHERE campaign_id = ?', [
        campaignId,
      ])
      return Number((counted as { n: number }[])[0]?.n)
    },
  }
}

/** Keys are unique in their campaign only: they may stay as they are. */
function copied(): string {
  const columns = 'coupon_code, issued_at, slot, request_key, recipient, recipient_key'
  return `INSERT INTO coupons (campaign_id, ${columns}) SELECT ?, ${columns} FROM coupons WHERE campaign_id = ? ORDER BY slot`
}

function shown(ms: number): string {
  return ms.toFixed(1)
}
