// Redis loses, repeats, lies and dies in the middle of a rush; the campaign ends at exactly N, by itself.

import { createClient } from '@redis/client'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { openRedisCounter } from '../../src/counter/redis.ts'
import { systemClock } from '../../src/host.ts'
import { openMysqlLedger } from '../../src/ledger/mysql.ts'
import { migrateMysql } from '../../src/ledger/mysql/migrate.ts'
import { freshDatabase, uniquePrefix, type FreshDatabase } from '../servers/fresh.ts'
import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { allCoupons, countCodes, openCampaign, openPath, type Answer, type Path } from './open-path.ts'

const COUPONS = 2_000
const REQUESTS = 2_600

let database: FreshDatabase
let redis: TestServer
let paths: Path[]
const prefix = uniquePrefix()

beforeAll(async () => {
  database = await freshDatabase(inject('mysqlUrl'))
  await migrateMysql({ url: database.url })
  redis = await startRedis()
})
afterAll(async () => {
  await redis.close()
  await database.drop()
})
beforeEach(async () => {
  await redis.restart()
  const open = () =>
    openPath(openMysqlLedger({ url: database.url }), openRedisCounter({ url: redis.url, prefix, clock: systemClock }))
  paths = [open(), open(), open()]
  // A first coupon from each, so that no connection is still being made when the rush begins.
  const { id } = await openCampaign(paths[0]?.ledger as Path['ledger'], 10)
  for (const path of paths) await expect.poll(() => path.counter?.ping()).toBe(true)
  for (const path of paths) expect((await path.ask(id)).code).toBe('issued')
})
afterEach(async () => {
  expect(paths.flatMap((path) => path.mistakes)).toEqual([])
  for (const { ledger, counter } of paths) {
    await ledger.close()
    await counter?.close()
  }
})

/** Everybody asks; when a quarter has an answer, `strike` happens; the rest asks on. Then all is counted. */
async function rush(strike: (campaignKey: string) => Promise<void>): Promise<void> {
  const [first] = paths as [Path]
  const campaign = await openCampaign(first.ledger, COUPONS)
  const key = `${prefix}{${campaign.id}}:${campaign.createdAtMs.toString(36)}:next`
  let answered = 0
  let struck: Promise<void> | undefined
  const answers: Answer[] = []
  // 130 callers, each asks 20 times, one after the other.
  await Promise.all(
    Array.from({ length: 130 }, async (_, caller) => {
      for (let call = 0; call < REQUESTS / 130; call++) {
        const path = paths[(caller + call) % paths.length] as Path
        answers.push(await path.ask(campaign.id, { recipient: `m-${caller}-${call}` }))
        if (++answered === COUPONS / 4) struck = strike(key)
      }
    }),
  )
  await struck
  expect(struck).toBeDefined()
  const rows = await allCoupons(first.ledger, campaign.id)
  expect(countCodes(answers)).toEqual({ issued: COUPONS, sold_out: REQUESTS - COUPONS })
  expect(rows.map((row) => row.slot)).toEqual(Array.from({ length: COUPONS }, (_, index) => index + 1))
  const stored = new Map(rows.map((row) => [row.recipient, row.couponCode]))
  for (const answer of answers) {
    if (answer.code === 'issued') expect(stored.get(answer.coupon.recipient)).toBe(answer.coupon.couponCode)
  }
}

async function command(...words: [string, ...string[]]): Promise<unknown> {
  const client = await createClient({ url: redis.url }).connect()
  try {
    return await client.sendCommand(words)
  } finally {
    await client.close()
  }
}

const next = async (key: string) => Number(await command('GET', key))

test.each<[string, (key: string) => Promise<unknown>]>([
  ['FLUSHALL', () => command('FLUSHALL')],
  ['the counter set back by 50', async (key) => command('SET', key, String((await next(key)) - 50))],
  ['the counter set forward by 500', async (key) => command('SET', key, String((await next(key)) + 500))],
  ['the counter set beyond the total', (key) => command('SET', key, String(COUPONS * 2))],
  ['the counter replaced by a word', (key) => command('SET', key, 'quatsch')],
  // In one step: a server that finds nothing would write an integer at once.
  [
    'the counter replaced by a list',
    (key) => command('EVAL', "redis.call('DEL', KEYS[1]) return redis.call('RPUSH', KEYS[1], 1, 2)", '1', key),
  ],
  ['the counter deleted', (key) => command('DEL', key)],
  ['the scripts forgotten', () => command('SCRIPT', 'FLUSH')],
])('%s in the middle of a rush: exactly N, nobody hears of it', async (_, strike) => {
  await rush(async (key) => void (await strike(key)))
})

test('Redis stopped and started again in the middle of a rush: exactly N, nobody hears of it', async () => {
  await rush(async () => {
    await redis.kill()
    await redis.restart()
  })
  // Back on the fast way by itself.
  for (const path of paths) await expect.poll(() => path.counter?.ping()).toBe(true)
})

test('Redis stopped and never started again: exactly N, nobody hears of it', async () => {
  await rush(() => redis.kill())
})

test('Redis frozen in the middle of a rush: exactly N, nobody hears of it', async () => {
  try {
    await rush(async () => redis.pause())
  } finally {
    redis.resume()
  }
})
