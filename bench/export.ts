// What an export costs: the server's memory, time, and the rate of issuing beside it. And whether it is right: the NDJSON
// is compared with the database row by row, the CSV is opened in LibreOffice.
//
//   node bench/export.ts [--rows 1000000] [--connections 256] [--seconds 8] [--rounds 3] [--exports 1] [--embedded] [--spreadsheet]
//
// --embedded: on SQLite, else on a private durable MariaDB or MySQL and Redis. --exports: at once, beside the issuing.
// --spreadsheet needs LibreOffice (Debian: apt-get install --no-install-recommends libreoffice-calc-nogui). Needs wrk, and
// Linux, which tells a process's memory. Driver, server and databases share this machine.

import { createWriteStream, readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { createConnection } from 'mysql2'
import type { Ledger } from '../src/ledger/ledger.ts'
import { openMysqlLedger } from '../src/ledger/mysql.ts'
import { migrateMysql } from '../src/ledger/mysql/migrate.ts'
import { openSqliteLedger } from '../src/ledger/sqlite.ts'
import { openCampaign } from '../test/issue/open-path.ts'
import { issueMany } from '../test/ledger/many-coupons.ts'
import { answered, call, createCampaign, issue, startServe, type ServerProcess } from '../test/serve/server-process.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { openGuardian } from '../test/servers/guarded.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'
import { openInSpreadsheet } from './spreadsheet.ts'
import { median } from './report/statistics.ts'
import { issueLoad } from './wrk.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    connections: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    exports: { type: 'string', default: '1' },
    embedded: { type: 'boolean', default: false },
    spreadsheet: { type: 'boolean', default: false },
  },
})
const ROWS = Number(values.rows)
const LOAD = { connections: Number(values.connections), seconds: Number(values.seconds) }

const say = (what: string) => process.stderr.write(`${what}\n`)

interface Store {
  readonly name: string
  readonly environment: Record<string, string>
  openLedger(): Promise<Ledger>
  /** As the exports must have them, read without any code of the project. */
  rows(campaignId: string): AsyncIterable<Row>
}

interface Row {
  readonly slot: number
  readonly coupon_code: string
  readonly recipient: string | null
  readonly issued_at: string
}

// Its folder is gone when this process is, however that ends.
await using guardian = await openGuardian()
await using servers = new AsyncDisposableStack()
const store = values.embedded ? embedded() : await onMysql()

say(`${store.name}: filling a campaign with ${ROWS} coupons`)
const filled = await fill(store)
const server = await startServe(store.environment)
servers.defer(() => server.close())
const exportUrl = (extension: string, id = filled) => `${server.url}/v1/campaigns/${id}/coupons.${extension}`
const file = (extension: string) => join(guardian.folder, `coupons.${extension}`)

// Once each, of a campaign with one coupon: the code is loaded, the connections are open.
const small = await createCampaign(server.url, { total_coupons: 1 })
await answered(issue(server.url, small.id, { recipient: '김하나' }))
await answered(call(`${server.url}/v1/campaigns/${filled}`))
for (const extension of ['ndjson', 'csv']) await download(exportUrl(extension, small.id), file(extension))

const startMb = memoryMb(server, 'VmRSS')
const exports = []
for (const [name, extension, pauses] of [
  ['NDJSON', 'ndjson', false],
  ['CSV', 'csv', false],
  ['NDJSON, the reader stops for 2 s', 'ndjson', true],
] as const) {
  say(`export: ${name}`)
  // From now on the highest since now.
  writeFileSync(`/proc/${server.process.pid}/clear_refs`, '5')
  const beganAt = performance.now()
  await download(exportUrl(extension), file(extension), pauses)
  const seconds = (performance.now() - beganAt) / 1_000
  const peakMb = memoryMb(server, 'VmHWM')
  exports.push({
    export: name,
    'RSS at the start, MB': startMb,
    'peak, MB': peakMb,
    'more, MB (wanted: ≤ 50)': Math.round((peakMb - startMb) * 10) / 10,
    seconds: Math.round(seconds * 10) / 10,
    'rows/s': Math.round(ROWS / seconds),
  })
}
console.table(exports)

say('comparing the NDJSON with the database')
console.log(`NDJSON: ${await compareNdjson()} rows, each as in the database, and the last line says so`)
if (values.spreadsheet) {
  say('opening the CSV in LibreOffice')
  await openInSpreadsheet(guardian, file('csv'), store.rows(filled), console.log)
}

const { id: issuing } = await createCampaign(server.url, { total_coupons: 2_000_000_000 })
// Not measured: until the code is compiled and the pools are full.
await issueLoad(server.url, issuing, { ...LOAD, run: 'warm', seconds: 3 })
const rounds = []
for (let round = 1; round <= Number(values.rounds); round++) {
  const rateOf = async (phase: string) =>
    (await issueLoad(server.url, issuing, { ...LOAD, run: `${phase}-${round}` })).rate
  say(`round ${round} of ${values.rounds}: issuing, without an export, beside ${values.exports}, and without`)
  const before = await rateOf('before')
  const { rate: beside, rowsRead } = await besideExports(() => rateOf('beside'))
  const after = await rateOf('after')
  rounds.push({
    'coupons/s without an export': before,
    [`beside ${values.exports}`]: beside,
    'without again': after,
    ratio: Math.round((200 * beside) / (before + after)) / 100,
    'rows/s exported meanwhile': Math.round(rowsRead / LOAD.seconds),
  })
}
console.table(rounds)
console.log(`issuing beside exports, median: ${median(rounds.map(({ ratio }) => ratio))} of its rate (wanted: ≥ 0.8)`)
console.log(`${store.name}; again: node bench/export.ts ${process.argv.slice(2).join(' ')}`)

/** One export after the other, as many at once as asked for, as long as `work` runs. Fails when one of them breaks. */
async function besideExports(work: () => Promise<number>): Promise<{ rate: number; rowsRead: number }> {
  const stop = new AbortController()
  const reading = Array.from({ length: Number(values.exports) }, (_, index) => exportAgainAndAgain(stop.signal, index))
  const [rate, ...rowsRead] = await Promise.all([work().finally(() => stop.abort()), ...reading])
  return { rate, rowsRead: rowsRead.reduce((sum, rows) => sum + rows, 0) }
}

function embedded(): Store {
  const path = join(guardian.folder, 'coupons.db')
  return {
    name: 'embedded SQLite',
    environment: { SQLITE_PATH: path },
    openLedger: () => openSqliteLedger({ path }),
    async *rows(campaignId) {
      const database = new DatabaseSync(path, { readOnly: true })
      const sql = 'SELECT slot, coupon_code, recipient, issued_at FROM coupons WHERE campaign_id = ? ORDER BY slot'
      for (const row of database.prepare(sql).iterate(campaignId)) {
        yield { ...row, issued_at: new Date(Number(row['issued_at'])).toISOString() } as Row
      }
      database.close()
    },
  }
}

async function onMysql(): Promise<Store> {
  const [mysql, redis] = await Promise.all([startMariadb(), startRedis()])
  servers.use(mysql)
  servers.use(redis)
  const { url } = await freshDatabase(mysql.url)
  return {
    name: 'MySQL and Redis',
    environment: { MYSQL_URL: url, REDIS_URL: redis.url },
    async openLedger() {
      await migrateMysql({ url })
      return openMysqlLedger({ url })
    },
    async *rows(campaignId) {
      const connection = createConnection(url)
      yield* connection
        .query(
          `SELECT slot, coupon_code, recipient, CONCAT(LEFT(DATE_FORMAT(issued_at, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z') AS issued_at
             FROM coupons WHERE campaign_id = ? ORDER BY slot`,
          [campaignId],
        )
        .stream() as AsyncIterable<Row>
      connection.destroy()
    },
  }
}

async function fill(store: Store): Promise<string> {
  const ledger = await store.openLedger()
  const campaign = await openCampaign(ledger, ROWS)
  await issueMany(ledger, campaign, ROWS, recipientOf)
  await ledger.close()
  return campaign.id
}

/** Mostly names; every tenth is what spreadsheets make numbers, formulas or a mess of, and every tenth is nobody. */
function recipientOf(slot: number): string | null {
  const number = String(slot).padStart(8, '0')
  const odd = ['=SUM(1,', '+82 10 ', '-', '@', '"따옴표", ', '010', '🎟️ ', '1E'][Math.floor(slot / 10) % 8] as string
  return slot % 10 === 0 ? null : slot % 10 === 1 ? odd + number : `김하나 ${number}`
}

/** Of the kernel: RSS now, or its highest since clear_refs. */
function memoryMb({ process: { pid } }: ServerProcess, what: 'VmRSS' | 'VmHWM'): number {
  const [, kb] = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kb) / 102.4) / 10
}

function openExport(url: string, signal?: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, ...(signal && { signal }) }, (response) => {
      if (response.statusCode === 200) return resolve(response)
      reject(new Error(`${url}: ${response.statusCode}`))
      response.destroy()
    })
    request.on('error', reject)
  })
}

/** Rejects when it is broken off. */
async function download(url: string, path: string, pauses = false): Promise<void> {
  const response = await openExport(url)
  let bytes = 0
  const stopOnce = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const wasShort = bytes < 1_000_000
      bytes += chunk.length
      if (pauses && wasShort && bytes >= 1_000_000) setTimeout(() => done(null, chunk), 2_000)
      else done(null, chunk)
    },
  })
  await pipeline(response, stopOnce, createWriteStream(path))
}

/** → how many lines came. Rejects when an export ends in another way than by the signal. */
async function exportAgainAndAgain(signal: AbortSignal, index: number): Promise<number> {
  let lines = 0
  for (let turn = index; !signal.aborted; turn++) {
    try {
      for await (const chunk of await openExport(exportUrl(turn % 2 === 0 ? 'ndjson' : 'csv'), signal)) {
        for (const byte of chunk as Buffer) if (byte === 0x0a) lines++
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
  return lines
}

/** → how many rows; throws at the first that differs. */
async function compareNdjson(): Promise<number> {
  await using handle = await open(file('ndjson'))
  const lines = handle.readLines()[Symbol.asyncIterator]()
  let rows = 0
  for await (const { slot, coupon_code, recipient, issued_at } of store.rows(filled)) {
    const expected = JSON.stringify({ campaign_id: filled, coupon_code, slot, recipient, issued_at })
    const { value } = await lines.next()
    if (value !== expected) throw new Error(`row ${rows + 1}: the export has ${value}, the database ${expected}`)
    rows++
  }
  const last = [await lines.next(), await lines.next()]
  if (last[0]?.value !== JSON.stringify({ rows }) || last[1]?.done !== true)
    throw new Error('the last line is not right')
  return rows
}
