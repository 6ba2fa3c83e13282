// The table of docs/operating.md, "What is away, and how it shows": each of its states is made, and what a server says of it is
// compared.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { CALM, openFaultProxy, type FaultProxy } from '../chaos/fault-proxy.ts'
import { openRaw } from '../counter/raw-redis.ts'
import { readDocument, section, tableRows } from '../docs/documents.ts'
import { freshDatabase, type FreshDatabase } from '../servers/fresh.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { readAlerts } from '../telemetry/deployed.ts'
import { seriesOf, valueOf } from '../telemetry/exposition.ts'
import { answered, call, createCampaign, issue, startServe, type ServerProcess } from './server-process.ts'

const rows = tableRows(section(readDocument('docs/operating.md'), 'What is away, and how it shows'))

let mysql: TestServer
let redis: TestServer
let proxy: FaultProxy
let database: FreshDatabase
let server: ServerProcess
let campaignId: string
let isOver = () => {}

beforeAll(async () => {
  ;[mysql, redis] = await Promise.all([startMariadb(), startRedis()])
  proxy = await openFaultProxy(redis.url, () => 0.5)
  database = await freshDatabase(mysql.url)
  server = await startServe({ MYSQL_URL: database.url, REDIS_URL: proxy.url, REDIS_PREFIX: 'away:' })
  campaignId = (await createCampaign(server.url, { total_coupons: 1_000_000 })).id
}, 60_000)
afterAll(async () => {
  await server?.close()
  await proxy?.close()
  await Promise.all([mysql?.close(), redis?.close()])
})

const toRedis = async (work: (raw: Awaited<ReturnType<typeof openRaw>>) => Promise<unknown>) => {
  const raw = await openRaw(redis.url)
  await work(raw)
  raw.destroy()
}

/** In the order of the table: each begins where the one before has ended. */
const STATES: Readonly<Record<string, () => unknown>> = {
  'All is well': () => {},
  'Redis is killed': () => redis.kill(),
  'Redis is back, and empty': () => redis.restart(),
  'Redis is cut off'() {
    const { promise, resolve } = Promise.withResolvers<void>()
    void proxy.blackHole(promise)
    isOver = resolve
  },
  'Redis is reached again': () => isOver(),
  'Redis is slower than 300 ms': () => proxy.weather({ ...CALM, delay: 1, delayMsMax: 1_200 }),
  'Redis is quick again': () => proxy.weather(CALM),
  'Redis refuses: memory full, read-only': () => toRedis((raw) => raw.configSet('maxmemory', '1')),
  'Redis takes commands again': () => toRedis((raw) => raw.configSet('maxmemory', '0')),
  'Redis names slots that are taken': () =>
    toRedis(async (raw) => {
      for (const key of await raw.keys('away:*')) await raw.set(key, '1')
    }),
  'MySQL is killed': () => mysql.kill(),
  'MySQL is back': () => mysql.restart(),
  async 'No Redis by configuration'() {
    await server.close()
    server = await startServe({ MYSQL_URL: database.url })
  },
}

test('the table has these states', () => {
  expect(rows.map(([state]) => state)).toEqual(Object.keys(STATES))
})

test.each(rows)('%s', async (state = '', log = '', readyz = '', metric = '', alert = '') => {
  const [, name = '', reason, wanted] = /^`(\w+)(?:\{reason="(\w+)"\})?` (\d|grows)$/.exec(metric) ?? []
  const value = async () => {
    const series = seriesOf(await (await fetch(`${server.url}/metrics`)).text())
    return valueOf(series, name, reason === undefined ? {} : { reason })
  }
  const lines = (of: ServerProcess, text: string) =>
    of.process.output.split('\n').filter((line) => line.includes(`"msg":"${text}`)).length
  const words = ['Redis is away', 'Redis answers again', 'MySQL is away', 'MySQL answers again']
  const counts = () => words.map((word) => lines(server, word))
  const before = counts()
  const beforeValue = (await value()) ?? 0
  const restarts = state === 'No Redis by configuration'
  await STATES[state]?.()

  const expected = words.map((word, index) => (restarts ? 0 : (before[index] ?? 0)) + Number(log.includes(word)))
  const [field = '', word = ''] = Object.entries(JSON.parse(`{${readyz.replaceAll('`', '')}}`) as object)[0] as string[]
  await expect
    .poll(
      async () => {
        // Somebody asks all the time, and is answered whatever Redis does.
        const reply = await answered(issue(server.url, campaignId))
        if (state !== 'MySQL is killed' && state !== 'MySQL is back') expect(reply.status).toBe(201)
        const ready = await answered(call(`${server.url}/readyz`))
        const now = (await value()) ?? NaN
        return {
          log: counts(),
          readyz: [ready.status, ready.body[field]],
          metric: wanted === 'grows' ? now > (restarts ? 0 : beforeValue) : now === Number(wanted),
        }
      },
      { timeout: 30_000, interval: 20 },
    )
    .toEqual({ log: expected, readyz: [200, word], metric: true })

  if (alert === '–') return
  const found = readAlerts().find((one) => one.name === alert)
  expect(found, alert).toBeDefined()
  // Collisions are what makes a counter be told again.
  expect(found?.expression).toContain(alert === 'FirstcomeCollisions' ? 'collisions' : name)
})
