// Ten million coupons in one campaign: issuing beside an empty table, reading while it issues, the last coupons, and an export
// with an audit beside it; then the same table with a quarter of the memory.

import { join } from 'node:path'
import { freshDatabase } from '../../test/servers/fresh.ts'
import { startRedis } from '../../test/servers/redis.ts'
import type { TestServer } from '../../test/servers/server.ts'
import { median, ratios } from '../report/statistics.ts'
import { startDurable, type Part, type Stage } from '../stage.ts'
import { asked, ENOUGH_COUPONS, startOurs, type Subject } from '../subjects.ts'
import { deleteSlots, fillCampaign, readAllKeys, sizesOf } from '../ten-million.ts'
import { besideReaders, readWhileIssuing } from './readers.ts'
import { untilExactlyN } from './last-coupons.ts'

const COUPONS = 10_000_000
const COUPONS_QUICK = 100_000
const CONNECTIONS = 256
/** While it is filled. */
const FILLING_POOL = '6G'
/** More than data and keys take: a rush writes, too. */
const POOL_OVER = 1.25
const POOL_STEP_MB = 128

export interface Big {
  readonly coupons: number
  readonly campaignId: string
  /** Of its database. */
  readonly url: string
  start(): Promise<Subject>
}

export const tenMillion: Part = {
  name: 'ten-million',
  rows: ['ten-million', 'quarter-pool', 'read-gap', 'time-to-n', 'export-audit'],

  async run(stage) {
    const coupons = stage.options.isQuick ? COUPONS_QUICK : COUPONS
    const dataDir = join(await stage.folder(), 'ten-million')
    const campaignId = 'ten-million'
    const redis = stage.keep(await startRedis())
    let mysql = await startDurable(FILLING_POOL, dataDir)
    const names = { full: await nameOf(mysql), empty: await nameOf(mysql) }
    const at = (name: string) => new URL(name, mysql.url).href
    const startAt = (name: string) => async () =>
      stage.keep(
        await startOurs('MySQL and Redis', { MYSQL_URL: at(name), REDIS_URL: redis.url, REDIS_PREFIX: `${name}:` }),
      )
    {
      const first = await startAt(names.full)()
      const fields = { id: campaignId, name: 'bench', start_time: 'now', total_coupons: coupons }
      await asked(`${first.url}/v1/campaigns`, first.key, fields)
      await first[Symbol.asyncDispose]()
    }
    const beganAt = performance.now()
    await fillCampaign(at(names.full), campaignId, coupons, (what) => stage.say(`ten million: filling: ${what}`))
    const filledS = Math.round((performance.now() - beganAt) / 1_000)
    const sizes = await sizesOf(at(names.full))
    const poolMb = Math.ceil(((sizes.dataMb + sizes.indexesMb) * POOL_OVER) / POOL_STEP_MB) * POOL_STEP_MB
    stage.facts['ten million'] = { coupons, ...sizes, filledS, poolMb }
    mysql = await withPool(stage, mysql, dataDir, poolMb)
    await readAllKeys(at(names.full))
    const big: Big = { coupons, campaignId, url: at(names.full), start: startAt(names.full) }

    await expectRealRows(big)

    await untilExactlyN(stage, big)

    // From here on it gives away more; the gap stays where it is.
    await deleteSlots(big.url, campaignId, [100])
    const full = await big.start()
    await asked(`${full.url}/v1/campaigns/${campaignId}`, full.key, { total_coupons: ENOUGH_COUPONS }, 'PATCH')
    const empty = await startAt(names.empty)()
    const note = `${poolMb} MB for ${sizes.dataMb} MB of rows and ${sizes.indexesMb} MB of keys`
    await beside(stage, 'ten million', full, empty, campaignId)
    stage.judge(
      'ten-million',
      ratios(stage.roundsOf('ten million: issuing'), stage.roundsOf('ten million: empty table')),
      note,
    )
    await readWhileIssuing(stage, big, full)
    await besideReaders(stage, big, full)

    const quarterMb = poolMb / 4
    await full[Symbol.asyncDispose]()
    await empty[Symbol.asyncDispose]()
    mysql = await withPool(stage, mysql, dataDir, quarterMb)
    stage.keep(mysql)
    await beside(stage, 'quarter pool', await startAt(names.full)(), await startAt(names.empty)(), campaignId)
    stage.judge(
      'quarter-pool',
      ratios(stage.roundsOf('quarter pool: issuing'), stage.roundsOf('quarter pool: empty table')),
      `${quarterMb} MB`,
    )
    stage.say(`ten million: ${median(stage.roundsOf('quarter pool: issuing'))}/s with a quarter of the memory`)
  },
}

/** Rows that were made by the database are found by ours. */
async function expectRealRows({ start, campaignId }: Big): Promise<void> {
  const subject = await start()
  const url = `${subject.url}/v1/campaigns/${campaignId}/coupons`
  const { replayed, slot } = await asked(url, subject.key, { recipient: 'user-00000007' })
  if (replayed !== 'recipient' || slot !== 7) throw new Error(`slot ${String(slot)}, replayed: ${String(replayed)}`)
  await subject[Symbol.asyncDispose]()
}

async function nameOf(mysql: TestServer): Promise<string> {
  return new URL((await freshDatabase(mysql.url)).url).pathname
}

async function withPool(stage: Stage, before: TestServer, dataDir: string, poolMb: number): Promise<TestServer> {
  stage.say(`ten million: the database again, with a buffer pool of ${poolMb} MB`)
  // In order: what is in its memory is written.
  await before.stop()
  await before.close()
  return startDurable(`${poolMb}M`, dataDir)
}

/** Issuing in the big campaign and, by turns, in one of an empty table of the same server. */
async function beside(stage: Stage, name: string, full: Subject, empty: Subject, campaignId: string): Promise<void> {
  const { rounds, seconds } = stage.options
  for (let round = stage.options.firstRound; round <= rounds; round++) {
    stage.say(`${name}: ${round === 0 ? 'warming' : `round ${round} of ${rounds}`}`)
    const load = { connections: CONNECTIONS, seconds, run: `${name.replace(' ', '-')}-${round}` }
    const inFull = () => stage.drive(full, campaignId, load)
    const inEmpty = async () => stage.drive(empty, await empty.newCampaign(), load)
    const isFullFirst = round % 2 === 0
    const first = await (isFullFirst ? inFull() : inEmpty())
    const second = await (isFullFirst ? inEmpty() : inFull())
    if (round === 0) continue
    stage.noteLoad(`${name}: issuing`, isFullFirst ? first : second)
    stage.noteLoad(`${name}: empty table`, isFullFirst ? second : first)
  }
}
