// What a batch costs, in round trips, syncs and bytes; what a second server changes; and what becomes of the rate when the database is 1, 5 or 20 ms away.

import { freshDatabase } from '../../test/servers/fresh.ts'
import { spawnGuarded } from '../../test/servers/guarded.ts'
import { createConnection } from 'mysql2/promise'
import type { Part, Stage } from '../stage.ts'
import { startOurs, type Subject } from '../subjects.ts'
import type { TestServer } from '../../test/servers/server.ts'

const AWAY_MS = [0, 1, 5, 20]
const CONNECTIONS = [256, 1_000]
const TWO_SERVERS_CONNECTIONS = 256
const FAR_PROXY = new URL('../far-proxy.ts', import.meta.url).pathname
/** What the database counts, by the names that both MySQL and MariaDB have. */
const COUNTED = ['Questions', 'Innodb_data_fsyncs', 'Innodb_os_log_written', 'Bytes_received', 'Bytes_sent'] as const

export const cost: Part = {
  name: 'cost',
  rows: [],

  async run(stage) {
    const { mysql, redis } = await stage.shared()
    const { rounds, seconds } = stage.options
    const subjects: [ms: number, subject: Subject][] = []
    for (const ms of AWAY_MS) {
      const url = ms === 0 ? mysql.url : await farUrl(stage, mysql.url, ms)
      const database = new URL(url)
      database.pathname = new URL((await freshDatabase(mysql.url)).url).pathname
      const environment = { MYSQL_URL: database.href, REDIS_URL: redis.url, REDIS_PREFIX: `far-${ms}:` }
      subjects.push([ms, stage.keep(await startOurs('MySQL and Redis', environment))])
    }
    const place = await stage.place('MySQL and Redis')
    const pair = [await place.start(), await place.start()]
    for (let round = stage.options.firstRound; round <= rounds; round++) {
      await twoServers(stage, pair, round)
      for (const [ms, subject] of subjects) {
        for (const connections of CONNECTIONS) {
          stage.say(
            `cost: ${round === 0 ? 'warming' : `round ${round} of ${rounds}`}: ${ms} ms away, ${connections} connections`,
          )
          const run = `far-${round}-${connections}`
          const campaignId = await subject.newCampaign()
          const before = await counters(mysql, subject)
          const load = await stage.drive(subject, campaignId, { connections, seconds, run })
          const after = await counters(mysql, subject)
          if (round === 0) continue
          const name = `${ms} ms away, ${connections} connections`
          stage.noteLoad(name, load)
          if (ms === 0) noteBatch(stage, name, before, after)
        }
      }
    }
  },
}

/** The connections are shared among them, as are the cores. */
async function twoServers(stage: Stage, pair: readonly Subject[], round: number): Promise<void> {
  stage.say('cost: two servers')
  const campaignId = await (pair[0] as Subject).newCampaign()
  const { seconds } = stage.options
  const load = { connections: TWO_SERVERS_CONNECTIONS / pair.length, seconds }
  const loads = await Promise.all(
    pair.map((subject, index) => stage.drive(subject, campaignId, { ...load, run: `two-${round}-${index}` })),
  )
  if (round > 0)
    stage.note(
      `two servers, ${TWO_SERVERS_CONNECTIONS} connections`,
      '/s',
      loads.reduce((sum, { rate }) => sum + rate, 0),
    )
}

async function farUrl(stage: Stage, url: string, ms: number): Promise<string> {
  const proxy = stage.keep(await spawnGuarded(process.execPath, [FAR_PROXY, url, String(ms)]))
  const [, through = ''] = await proxy.waitForOutput(/listens on (\S+)/)
  return through
}

interface Counters {
  readonly batches: number
  readonly coupons: number
  readonly database: Readonly<Record<(typeof COUNTED)[number], number>>
}

async function counters({ url }: TestServer, subject: Subject): Promise<Counters> {
  await using connection = await createConnection(url)
  const [rows] = await connection.query('SHOW GLOBAL STATUS WHERE Variable_name IN (?)', [COUNTED])
  const found = new Map(
    (rows as { Variable_name: string; Value: string }[]).map((row) => [row.Variable_name, Number(row.Value)]),
  )
  const headers = { authorization: `Bearer ${subject.key}` }
  const metrics = await (await fetch(`${subject.url}/metrics`, { headers })).text()
  const metric = (name: string) => Number(new RegExp(`^${name}(?:\\{\\})? (\\S+)$`, 'm').exec(metrics)?.[1])
  return {
    batches: metric('firstcome_issue_batch_requests_count'),
    coupons: metric('firstcome_issue_batch_requests_sum'),
    database: Object.fromEntries(COUNTED.map((name) => [name, found.get(name) ?? NaN])) as Counters['database'],
  }
}

function noteBatch(stage: Stage, name: string, before: Counters, after: Counters): void {
  const batches = after.batches - before.batches
  const coupons = after.coupons - before.coupons
  stage.note(`batch, ${name}: requests`, '', coupons / batches)
  for (const counted of COUNTED) {
    const isBytes = counted.startsWith('Bytes') || counted === 'Innodb_os_log_written'
    const difference = after.database[counted] - before.database[counted]
    stage.note(
      `${isBytes ? 'coupon' : 'batch'}, ${name}: ${counted}`,
      isBytes ? 'bytes' : '',
      difference / (isBytes ? coupons : batches),
    )
  }
}
