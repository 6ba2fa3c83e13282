// Living and dying: what happens to callers when a server, a database or a clock does not do as it should.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createClient } from '@redis/client'
import { createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { openTcpProxy } from '../ledger/tcp-proxy.ts'
import { freshDatabase, uniquePrefix, type FreshDatabase } from '../servers/fresh.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { until } from '../servers/processes.ts'
import {
  answered,
  call,
  countReplies,
  createCampaign,
  issue,
  listCoupons,
  startServe,
  type Reply,
  type ServerProcess,
} from './server-process.ts'

let database: FreshDatabase
const prefix = uniquePrefix()
const started: ServerProcess[] = []

beforeAll(async () => {
  database = await freshDatabase(inject('mysqlUrl'))
})
afterAll(() => database.drop())
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()))
})

async function start(
  environment: Record<string, string> = {},
  nodeArgs: readonly string[] = [],
): Promise<ServerProcess> {
  const shared = { MYSQL_URL: database.url, REDIS_URL: inject('redisUrl'), REDIS_PREFIX: prefix }
  const server = await startServe({ ...shared, ...environment }, nodeArgs)
  started.push(server)
  return server
}

async function inDatabase<T>(
  work: (connection: Awaited<ReturnType<typeof createConnection>>) => Promise<T>,
): Promise<T> {
  const connection = await createConnection(database.url)
  try {
    return await work(connection)
  } finally {
    await connection.end()
  }
}

/** As a good client does: no reply or a 503 is asked again, elsewhere, with the same key. Counts the last answers. */
async function issueUntilAnswered(urls: readonly string[], campaignId: string, key: string): Promise<Reply> {
  for (let attempt = 0; ; attempt++) {
    const reply = await issue(urls[attempt % urls.length] as string, campaignId, { key })
    if (reply !== null && reply.status < 500) return reply
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a crowd that connects while the server is busy need not knock again', async () => {
  // The system's own limit, if it is lower.
  const systemMax = process.platform === 'linux' ? Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8')) : 128
  const { url, process: server } = await start({ SQLITE_PATH: ':memory:', MYSQL_URL: '', REDIS_URL: '' })
  const { hostname, port } = new URL(url)
  server.signal('SIGSTOP')
  const sockets = Array.from({ length: Math.min(1_200, systemMax) }, () => connect(Number(port), hostname))
  try {
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  } finally {
    server.signal('SIGCONT')
    for (const socket of sockets) socket.destroy()
  }
})

test('SIGTERM in the middle of a rush: every accepted request is answered, exit 0, nothing acknowledged is lost', async () => {
  const server = await start({ DRAIN_MS: '300', LOG_REQUESTS: 'faults' })
  const { id } = await createCampaign(server.url, { total_coupons: 100_000 })
  const replies: (Reply | null)[] = []
  let isStopping = false
  const callers = Array.from({ length: 128 }, async (_, caller) => {
    for (let number = 0; ; number++) {
      const reply = await issue(server.url, id, { key: `rush-key-${caller}-${number}` })
      replies.push(reply)
      // After the signal: until the door is closed.
      if (reply === null && isStopping) return
    }
  })
  await until(() => replies.length > 1_000)
  isStopping = true
  server.process.signal('SIGTERM')
  const draining = await answered(call(`${server.url}/readyz`))
  expect(draining).toMatchObject({ status: 503, body: { status: 'closing' } })
  expect(draining.headers['connection']).toBe('close')
  await Promise.all(callers)
  expect(await server.process.exited).toEqual({ code: 0, signal: null })

  // No reply only to those who came when the door was closed: one for each caller, its last.
  expect(countReplies(replies)).toEqual({ '201': replies.length - 128, none: 128 })
  const other = await start()
  const stored = new Set((await listCoupons(other.url, id)).map((coupon) => coupon['coupon_code']))
  const acknowledged = replies.flatMap((reply) => (reply === null ? [] : [reply.body['coupon_code']]))
  expect(acknowledged.filter((code) => !stored.has(code))).toEqual([])
  expect(stored.size).toBe(acknowledged.length)

  // Nor is anything of it missing in the log: its last second was written, too.
  const summaries = server.process.output.split('\n').filter((line) => line.includes('"a second of a campaign"'))
  const counted = summaries.map((line) => JSON.parse(line) as { campaign_id: string; issued: number })
  expect(new Set(counted.map(({ campaign_id: campaignId }) => campaignId))).toEqual(new Set([id]))
  expect(counted.reduce((sum, { issued }) => sum + issued, 0)).toBe(acknowledged.length)
})

test('what nobody catches ends the server, and its text stays out of the log; so does what goes wrong while it ends', async () => {
  const SECRET = 'recipient-of-somebody'
  const fail = `() => { throw Object.assign(new Error('Duplicate entry ${SECRET}'), { sql: 'INSERT INTO coupons' }) }`
  const twice = `process.once('SIGWINCH', () => { setImmediate(${fail}); setImmediate(${fail}) })`
  const server = await start({ DRAIN_MS: '600000' }, ['--import', `data:text/javascript,${encodeURIComponent(twice)}`])
  const holding = issue(server.url, 'nix')
  server.process.signal('SIGWINCH')
  await holding
  expect((await server.process.exited).code).toBe(1)
  expect(server.process.output).toMatch(/"a mistake of ours: ending"[^]*"second error, exiting"[^]*"an error"/)
  expect(server.process.output).not.toMatch(/recipient-of|Duplicate|INSERT/)
})

test('SIGTERM while the database is silent: nobody waits for what it owes to callers who are gone', async () => {
  const proxy = await openTcpProxy(database.url)
  try {
    // Less than the 8 s for which their requests are still tried.
    const server = await start({ MYSQL_URL: proxy.url, CLOSE_MS: '3000' })
    const { id } = await createCampaign(server.url, { total_coupons: 100 })
    expect((await answered(issue(server.url, id))).status).toBe(201)
    proxy.freeze()
    const gone = Array.from({ length: 20 }, () => issue(server.url, id, { hangUpAfterMs: 200 }))
    expect(countReplies(await Promise.all(gone))).toEqual({ none: 20 })
    server.process.signal('SIGTERM')
    expect(await server.process.exited).toEqual({ code: 0, signal: null })
  } finally {
    await proxy.close()
  }
})

test('a second signal ends it at once; SIGINT does not drain', async () => {
  const patient = await start({ DRAIN_MS: '600000' })
  patient.process.signal('SIGTERM')
  await patient.process.waitForOutput(/"ending"/)
  patient.process.signal('SIGTERM')
  expect((await patient.process.exited).code).toBe(1)

  const other = await start({ DRAIN_MS: '600000' })
  other.process.signal('SIGINT')
  expect(await other.process.exited).toEqual({ code: 0, signal: null })
})

test('a server killed between Redis and MySQL: its slots are given to others, exactly N, no lost answer', async () => {
  const [doomed, first, second] = await Promise.all([start(), start(), start()])
  const { id } = await createCampaign(first.url, { total_coupons: 200 })
  const lost = await inDatabase(async (connection) => {
    // A foreign transaction holds the campaign: what the doomed server reserved in Redis cannot become rows.
    await connection.beginTransaction()
    await connection.query('SELECT id FROM campaigns WHERE id = ? FOR UPDATE', [id])
    const asked = Array.from({ length: 60 }, (_, index) => issue(doomed.url, id, { key: `lost-${index}` }))
    const redis = await createClient({ url: inject('redisUrl') }).connect()
    const keys = () => redis.keys(`${prefix}{${id}}*`)
    await expect.poll(keys, { timeout: 10_000 }).toHaveLength(1)
    const [key] = await keys()
    expect(Number(await redis.get(key as string))).toBeGreaterThan(1)
    await redis.close()
    doomed.process.signal('SIGKILL')
    const replies = await Promise.all(asked)
    await connection.rollback()
    return replies
  })
  expect(countReplies(lost)).toEqual({ none: 60 })
  const urls = [first.url, second.url]
  const retried = await Promise.all(
    Array.from({ length: 60 }, (_, index) => issueUntilAnswered(urls, id, `lost-${index}`)),
  )
  expect(retried.every(({ status }) => status === 200 || status === 201)).toBe(true)
  const rest = await Promise.all(
    Array.from({ length: 200 }, (_, index) => issueUntilAnswered(urls, id, `rest-${index}`)),
  )
  expect(countReplies(rest)).toEqual({ '201': 140, '409 sold_out': 60 })
  expect((await listCoupons(first.url, id)).map((coupon) => coupon['slot'])).toEqual(
    Array.from({ length: 200 }, (_, index) => index + 1),
  )
})

test('a server killed with -9 in the middle of a rush of three: exactly N, no lost answer, no false sold out', async () => {
  const servers = await Promise.all([start(), start(), start()])
  const { id } = await createCampaign(servers[1].url, { total_coupons: 3_000 })
  let answers = 0
  const replies = await Promise.all(
    Array.from({ length: 128 }, async (_, caller) => {
      const mine: Reply[] = []
      for (let number = caller; number < 4_000; number += 128) {
        const urls = servers.map(({ url }) => url)
        const turned = [...urls.slice(caller % 3), ...urls.slice(0, caller % 3)]
        mine.push(await issueUntilAnswered(turned, id, `k-${number}`))
        if (++answers === 1_000) servers[0]?.process.signal('SIGKILL')
      }
      return mine
    }),
  )
  const all = replies.flat()
  const got = all.filter(({ status }) => status === 200 || status === 201)
  expect(got).toHaveLength(3_000)
  expect(countReplies(all)['409 sold_out']).toBe(1_000)
  const stored = await listCoupons(servers[1].url, id)
  expect(new Set(got.map(({ body }) => body['coupon_code']))).toEqual(
    new Set(stored.map((coupon) => coupon['coupon_code'])),
  )
  expect(stored).toHaveLength(3_000)
})

test("64 connections from before the start to after it, two servers whose clocks differ by 3 s: the database's clock decides", async () => {
  const clock = (ms: number) => [
    '--import',
    `data:text/javascript,const now = Date.now; Date.now = () => now() + ${ms}`,
  ]
  const [early, late] = await Promise.all([start({}, clock(1_500)), start({}, clock(-1_500))])
  const nowMs = await inDatabase(async (connection) => {
    const [rows] = await connection.query('SELECT CAST(1000 * UNIX_TIMESTAMP(NOW(3)) AS UNSIGNED) AS now_ms')
    return Number((rows as { now_ms: number | string }[])[0]?.now_ms)
  })
  const startMs = nowMs + 2_000
  const { id } = await createCampaign(early.url, {
    total_coupons: 1_000_000,
    start_time: new Date(startMs).toISOString(),
  })
  const issued: Reply[] = []
  const refused: Reply[] = []
  await Promise.all(
    Array.from({ length: 64 }, async (_, caller) => {
      for (let number = 0; issued.length < 500; number++) {
        const reply = await answered(
          issue((caller % 2 === 0 ? early : late).url, id, { key: `rush-key-${caller}-${number}` }),
        )
        ;(reply.status === 201 ? issued : refused).push(reply)
        // Once each, its replay: the same instant in the 201, the replay and the row.
        if (reply.status !== 201 || number % 10 !== 0) continue
        const replay = await answered(
          issue((caller % 2 === 0 ? late : early).url, id, { key: `rush-key-${caller}-${number}` }),
        )
        expect(replay.body).toEqual({ ...reply.body, replayed: 'request' })
      }
    }),
  )
  expect(Object.keys(countReplies(refused))).toEqual(['409 campaign_not_started'])
  for (const { body } of refused) {
    expect(Date.parse(String(body['server_time']))).toBeLessThan(startMs)
    expect(body['starts_in_ms']).toBe(startMs - Date.parse(String(body['server_time'])))
  }
  const stored = new Map(
    (await listCoupons(early.url, id)).map((coupon) => [coupon['coupon_code'], coupon['issued_at']]),
  )
  for (const { body } of issued) expect(stored.get(body['coupon_code'])).toBe(body['issued_at'])
  const first = Math.min(...[...stored.values()].map((time) => Date.parse(String(time))))
  expect(first).toBeGreaterThanOrEqual(startMs)
  console.log(`the first coupon came ${first - startMs} ms after the start`)
})

test('one campaign of 20 is held by a foreign transaction: the others go on, its own callers are told unavailable', async () => {
  const servers = await Promise.all([start(), start()])
  const url = (index: number) => (servers[index % 2] as ServerProcess).url
  const campaigns = await Promise.all(
    Array.from({ length: 20 }, (_, index) => createCampaign(url(index), { total_coupons: 1_000_000 })),
  )
  const [held, ...others] = campaigns.map(({ id }) => id)
  let isOver = false
  let issued = 0
  const unexpected: (Reply | null)[] = []
  const callers = Array.from({ length: 76 }, async (_, caller) => {
    while (!isOver) {
      const reply = await issue(url(caller), others[caller % others.length] as string)
      if (reply?.status === 201) issued++
      else unexpected.push(reply)
    }
  })
  const rateOver = async (ms: number) => {
    const before = issued
    const beganAt = performance.now()
    await new Promise((resolve) => setTimeout(resolve, ms))
    return (issued - before) / (performance.now() - beganAt)
  }
  await rateOver(1_000)
  const free = await rateOver(2_000)
  const [ofHeld, whileHeld] = await inDatabase(async (connection) => {
    await connection.beginTransaction()
    await connection.query('SELECT id FROM campaigns WHERE id = ? FOR UPDATE', [held])
    const replies = Promise.all(Array.from({ length: 40 }, (_, index) => issue(url(index), held as string)))
    const rate = await rateOver(5_000)
    // Longer than a request may wait: nobody is answered by the end of the transaction.
    const told = await replies
    await connection.rollback()
    return [told, rate] as const
  })
  isOver = true
  await Promise.all(callers)
  expect(unexpected).toEqual([])
  expect(countReplies(ofHeld)).toEqual({ '503 unavailable': 40 })
  for (const reply of ofHeld) expect(Number(reply?.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  console.log(`19 campaigns beside one that is held: ${(whileHeld / free).toFixed(2)} of their rate`)
  // A machine that does other things, too, says little about rates; stopped they would be at 0.
  expect(whileHeld / free).toBeGreaterThan(0.3)
  expect((await answered(issue(url(0), held as string))).status).toBe(201)
})

test('Redis hears nothing of creating and reading; after a rush it holds one integer a campaign', async () => {
  const server = await start()
  const redis = await createClient({ url: inject('redisUrl') }).connect()
  const commands = async () => {
    const stats = await redis.info('commandstats')
    return [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)]
      .filter(([, name]) => name !== 'info' && name !== 'ping')
      .map(([, name, calls]) => `${name}=${calls}`)
  }
  const before = await commands()
  const { id } = await createCampaign(server.url, { total_coupons: 10_000_000 })
  for (let read = 0; read < 5; read++) await answered(call(`${server.url}/v1/campaigns/${id}`))
  await listCoupons(server.url, id)
  expect(await commands()).toEqual(before)
  const rows = await inDatabase(async (connection) => {
    const [[counts]] = (await connection.query(
      'SELECT (SELECT COUNT(*) FROM campaigns WHERE id = ?) AS campaigns, (SELECT COUNT(*) FROM coupons WHERE campaign_id = ?) AS coupons',
      [id, id],
    )) as unknown as [[{ campaigns: number | string; coupons: number | string }]]
    return { campaigns: Number(counts.campaigns), coupons: Number(counts.coupons) }
  })
  expect(rows).toEqual({ campaigns: 1, coupons: 0 })

  await Promise.all(Array.from({ length: 500 }, () => issue(server.url, id)))
  const keys = await redis.keys(`${prefix}{${id}}*`)
  expect(keys).toHaveLength(1)
  expect(await redis.type(keys[0] as string)).toBe('string')
  expect(await redis.get(keys[0] as string)).toBe('501')
  expect(await redis.ttl(keys[0] as string)).toBeGreaterThan(0)
  await redis.close()
})

test('Redis away from the beginning: ready, and exact by the ledger way', async () => {
  const server = await start({ REDIS_URL: 'redis://127.0.0.1:1' })
  const { id } = await createCampaign(server.url, { total_coupons: 100 })
  const replies = await Promise.all(Array.from({ length: 150 }, () => issue(server.url, id)))
  expect(countReplies(replies)).toEqual({ '201': 100, '409 sold_out': 50 })
  expect((await answered(call(`${server.url}/readyz`))).body).toMatchObject({ status: 'ready', counter: 'down' })
})

test('the database away: not ready until it was reached, then ready for good; restarted, it goes on by itself', async () => {
  await using mysql = await startMariadb()
  const own = await freshDatabase(mysql.url)
  await mysql.stop()
  const server = await startServe({ MYSQL_URL: own.url }, [], { isReadyAwaited: false })
  started.push(server)
  expect(await answered(call(`${server.url}/readyz`))).toMatchObject({
    status: 503,
    body: { status: 'starting', database: 'down' },
  })
  expect(await answered(call(`${server.url}/livez`))).toMatchObject({ status: 200 })
  expect(await answered(issue(server.url, 'any'))).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  await mysql.restart()
  await server.process.waitForOutput(/^Ready\.$/m)
  expect(await answered(call(`${server.url}/readyz`))).toMatchObject({ status: 200, body: { status: 'ready' } })
  const { id } = await createCampaign(server.url, { total_coupons: 50 })
  expect((await answered(issue(server.url, id))).status).toBe(201)
  await mysql.kill()
  const told = await answered(issue(server.url, id))
  expect(told).toMatchObject({ status: 503, body: { code: 'unavailable' } })
  expect((await answered(call(`${server.url}/readyz`))).body).toMatchObject({ status: 'ready', database: 'down' })
  await mysql.restart()
  const rest = await Promise.all(
    Array.from({ length: 60 }, (_, index) => issueUntilAnswered([server.url], id, `k-${index}`)),
  )
  expect(countReplies(rest)['409 sold_out']).toBeGreaterThanOrEqual(10)
  expect(await listCoupons(server.url, id)).toHaveLength(50)
})
