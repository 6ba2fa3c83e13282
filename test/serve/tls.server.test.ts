// TLS to both stores by URL, with certificates of the test's own.

import { createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openRedisCounter } from '../../src/counter/redis.ts'
import { systemClock } from '../../src/host.ts'
import { openMysqlLedger } from '../../src/ledger/mysql.ts'
import { newCampaign, reservationOf } from '../contract/counter.ts'
import { connected, eventually } from '../counter/raw-redis.ts'
import { startCluster } from '../counter/redis-cluster.ts'
import { type Authority, type Certificate, newAuthority } from '../servers/certificates.ts'
import { uniquePrefix } from '../servers/fresh.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { startRedis } from '../servers/redis.ts'
import { freePort, type TestServer } from '../servers/server.ts'
import { countReplies, createCampaign, issue, startServe } from './server-process.ts'

let authority: Authority
let stranger: Authority
let local: Certificate
let client: Certificate
let mysql: TestServer
let redis: TestServer
let redisTlsPort: number

const tlsOptions = (certificate: Certificate, tlsPort: number, clients: 'yes' | 'no' = 'no') => [
  '--tls-port',
  String(tlsPort),
  '--tls-auth-clients',
  clients,
  '--tls-cert-file',
  certificate.cert,
  '--tls-key-file',
  certificate.key,
  '--tls-ca-cert-file',
  authority.ca,
]

beforeAll(async () => {
  authority = newAuthority()
  stranger = newAuthority()
  // One name only: the other ways to say this machine are wrong host names.
  local = authority.certify('server', ['IP:127.0.0.1'])
  client = authority.certify('client', ['DNS:client'])
  mysql = await startMariadb({
    options: [`--ssl-cert=${local.cert}`, `--ssl-key=${local.key}`, `--ssl-ca=${authority.ca}`],
  })
  const owner = await createConnection(mysql.url)
  await owner.query('CREATE DATABASE sale')
  await owner.query("CREATE USER 'shop'@'%' IDENTIFIED BY 's3cret'")
  await owner.query("GRANT ALL ON sale.* TO 'shop'@'%'")
  await owner.query("CREATE USER 'safe'@'%' IDENTIFIED BY 's3cret' REQUIRE X509")
  await owner.query("GRANT ALL ON sale.* TO 'safe'@'%'")
  await owner.query('SET GLOBAL require_secure_transport = ON')
  await owner.end()
  redisTlsPort = await freePort()
  redis = await startRedis({ options: [...tlsOptions(local, redisTlsPort), '--requirepass', 's3cret'] })
})
afterAll(async () => {
  await Promise.all([mysql?.close(), redis?.close()])
  authority?.close()
  stranger?.close()
})

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

function mysqlUrl(query: string, { host = '127.0.0.1', user = 'shop' } = {}): string {
  return `mysql://${user}:s3cret@${host}:${mysql.port}/sale${query}`
}

async function ping(url: string): Promise<string> {
  const ledger = openMysqlLedger({ url })
  opened.push(ledger)
  return ledger.ping().then(
    () => 'up',
    (error: unknown) => String(error),
  )
}

const redisUrl = (query: string, { host = '127.0.0.1', port = redisTlsPort, scheme = 'rediss' } = {}) =>
  `${scheme}://:s3cret@${host}:${port}${query}`

/** What it says first of a connection: that it is up, or why not. */
async function firstWord(url: string): Promise<string> {
  const warned: string[] = []
  const log = { warn: (what: string) => void warned.push(what) }
  const counter = openRedisCounter({ url, prefix: uniquePrefix(), clock: systemClock, replyMsMax: 5_000, log })
  opened.push(counter)
  return eventually(async () => warned[0] ?? ((await counter.ping()) && 'up'))
}

test('a campaign is sold out over both', async () => {
  const server = await startServe({
    MYSQL_URL: mysqlUrl(`?ssl-ca=${authority.ca}`),
    REDIS_URL: redisUrl(`?tls-ca=${authority.ca}`),
    REDIS_PREFIX: uniquePrefix(),
  })
  opened.push(server)
  const { id } = await createCampaign(server.url, { total_coupons: 100 })
  await expect
    .poll(async () => (await fetch(`${server.url}/readyz`)).json())
    .toMatchObject({ database: 'up', counter: 'up' })
  const replies = await Promise.all(Array.from({ length: 150 }, () => issue(server.url, id)))
  expect(countReplies(replies)).toEqual({ '201': 100, '409 sold_out': 50 })
  expect(server.process.output).not.toContain('s3cret')
})

describe('MySQL', () => {
  test.each([
    ['its own authority', () => `?ssl-ca=${authority.ca}`],
    ['the same, in words', () => `?ssl-mode=VERIFY_IDENTITY&ssl-ca=${authority.ca}`],
    ['nobody is checked', () => '?ssl-mode=REQUIRED'],
  ])('is reached: %s', async (_name, query) => {
    expect(await ping(mysqlUrl(query()))).toBe('up')
  })

  test('by another host name: with VERIFY_CA, and not with VERIFY_IDENTITY', async () => {
    const at = { host: 'localhost' }
    expect(await ping(mysqlUrl(`?ssl-mode=VERIFY_CA&ssl-ca=${authority.ca}`, at))).toBe('up')
    expect(await ping(mysqlUrl(`?ssl-ca=${authority.ca}`, at))).toMatch(/the certificate is for another host/)
  })

  test('at an IP address a certificate for localhost will not do', async () => {
    const named = authority.certify('named', ['DNS:localhost'])
    await using server = await startMariadb({ options: [`--ssl-cert=${named.cert}`, `--ssl-key=${named.key}`] })
    const at = (host: string) => ping(`mysql://root@${host}:${server.port}/mysql?ssl-ca=${authority.ca}`)
    expect(await at('localhost')).toBe('up')
    expect(await at('127.0.0.1')).toMatch(/the certificate is for another host/)
  })

  test.each([
    ['of another authority', () => `?ssl-ca=${stranger.ca}`, /of nobody who is trusted here/],
    ['of another authority, whatever the name', () => `?ssl-mode=VERIFY_CA&ssl-ca=${stranger.ca}`, /trusted here/],
    ['of the system', () => '?ssl-mode=VERIFY_CA', /trusted here/],
    ['without TLS', () => '', /takes TLS only|must use TLS: see ssl-mode/],
  ])('is refused: %s', async (_name, query, message) => {
    const told = await ping(mysqlUrl(query()))
    expect(told).toMatch(message)
    expect(told).not.toContain('s3cret')
  })

  test('a server without TLS', async () => {
    await using server = await startMariadb({ options: ['--skip-ssl'] })
    expect(await ping(`mysql://root@127.0.0.1:${server.port}/mysql?ssl-mode=REQUIRED`)).toMatch(/offers no TLS/)
  })

  test('a user who must show a certificate', async () => {
    const query = `?ssl-ca=${authority.ca}`
    const safe = { user: 'safe' }
    expect(await ping(mysqlUrl(query, safe))).toMatch(/access denied/)
    expect(await ping(mysqlUrl(`${query}&ssl-cert=${client.cert}&ssl-key=${client.key}`, safe))).toBe('up')
  })
})

describe('Redis', () => {
  test('is reached with its own authority', async () => {
    expect(await firstWord(redisUrl(`/0?tls-ca=${authority.ca}`))).toBe('up')
  })

  test.each([
    ['another authority', () => redisUrl(`?tls-ca=${stranger.ca}`), /trusted here: name its authority by tls-ca/],
    ['the system’s authorities', () => redisUrl(''), /trusted here/],
    ['another host name', () => redisUrl(`?tls-ca=${authority.ca}`, { host: 'localhost' }), /for another host/],
    ['plain, where TLS is wanted', () => redisUrl('', { scheme: 'redis' }), /takes TLS only, rediss/],
    ['TLS, where it is not wanted', () => redisUrl('', { port: redis.port }), /takes no TLS, redis:/],
  ])('is refused: %s', async (_name, url, message) => {
    const told = await firstWord(url())
    expect(told).toMatch(message)
    expect(told).not.toContain('s3cret')
  })

  test('one that wants a certificate of ours', async () => {
    const port = await freePort()
    await using server = await startRedis({ options: tlsOptions(local, port, 'yes') })
    expect(server.port).not.toBe(port)
    const url = `rediss://127.0.0.1:${port}?tls-ca=${authority.ca}`
    expect(await firstWord(url)).toMatch(/tls-cert and tls-key/)
    expect(await firstWord(`${url}&tls-cert=${client.cert}&tls-key=${client.key}`)).toBe('up')
  })

  test('a cluster, of which two nodes are named', async () => {
    const ports: number[] = []
    const cluster = await startCluster({
      async more() {
        const port = await freePort()
        ports.push(port)
        return [...tlsOptions(local, port), '--tls-cluster', 'yes']
      },
    })
    opened.push(cluster)
    const url = ports
      .slice(0, 2)
      .map((port) => `rediss://127.0.0.1:${port}?tls-ca=${authority.ca}`)
      .join()
    const counter = openRedisCounter({ url, prefix: uniquePrefix(), clock: systemClock, replyMsMax: 5_000 })
    opened.push(counter)
    await connected(counter)
    const campaigns = Array.from({ length: 30 }, newCampaign)
    await counter.resync(campaigns.map((campaign) => ({ campaign, maxSlot: 0 })))
    const answers = await counter.reserve(campaigns.map((campaign) => ({ campaign, count: 1, total: 10 })))
    expect(answers.map((answer) => reservationOf(answer).status)).toEqual(campaigns.map(() => 'ok'))
  })
})
