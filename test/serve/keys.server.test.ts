// Keys on two servers that share MySQL: made and revoked by the command at the database, known on both within seconds, and
// seen nowhere but where they belong.

import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { idOfKey } from '../http/make-key.ts'
import { run, start } from '../cli/run-firstcome.ts'
import { freshDatabase, type FreshDatabase } from '../servers/fresh.ts'
import { answered, call, startServe, type Reply, type ServerProcess } from './server-process.ts'

let database: FreshDatabase
let servers: ServerProcess[] = []
let output = ''
const keys = { ops: '', first: '', second: '', revoked: '' }
let env: Record<string, string>

async function firstcome(...args: string[]): Promise<string> {
  const { code, out, err } = await run('', args, { env })
  expect(code, err).toBe(0)
  return out.trim()
}

const createKey = (client: string, scopes: string) => firstcome('key', 'create', '--client', client, '--scopes', scopes)

function askWith(key: string, server: number, path: string, options: Parameters<typeof call>[1] = {}): Promise<Reply> {
  const headers = { ...options.headers, authorization: `Bearer ${key}` }
  return answered(call(`${servers[server]?.url}${path}`, { ...options, headers }))
}

beforeAll(async () => {
  database = await freshDatabase(inject('mysqlUrl'))
  env = { MYSQL_URL: database.url }
  keys.ops = await createKey('ops', 'admin')
  const settings = { ...env, LOG_LEVEL: 'debug' }
  servers = await Promise.all([1, 2].map(() => startServe(settings, [], { onOutput: (text) => void (output += text) })))
  const body = { id: 'c', name: 'c', start_time: 'now', total_coupons: 1_000, recipient_required: false }
  expect((await askWith(keys.ops, 0, '/v1/campaigns', { method: 'POST', body })).status).toBe(201)
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
  await database.drop()
})

const ORDER = { method: 'POST', headers: { 'idempotency-key': 'order-7781' } }
const COUPONS = '/v1/campaigns/c/coupons'

test('a retry under the client’s second key, at the other server, gets its first coupon', async () => {
  keys.first = await createKey('shop', 'issue')
  // New, and good at once.
  const issued = await askWith(keys.first, 0, COUPONS, ORDER)
  expect(issued.status).toBe(201)
  keys.second = await createKey('shop', 'issue')
  const again = await askWith(keys.second, 1, COUPONS, ORDER)
  expect([again.status, again.body['replayed'], again.body['coupon_code']]).toEqual([
    200,
    'request',
    issued.body['coupon_code'],
  ])
})

test('a revoked key is refused by both servers, without anybody’s doing, and the other one goes on', async () => {
  keys.revoked = keys.first
  expect(await firstcome('key', 'revoke', idOfKey(keys.first), '--yes')).toBe(
    `Revoked ${idOfKey(keys.first)} of shop (issue).`,
  )
  for (const server of [0, 1]) {
    await expect
      .poll(async () => (await askWith(keys.first, server, COUPONS, ORDER)).body['detail'], { timeout: 10_000 })
      .toBe('This key was revoked.')
    expect((await askWith(keys.second, server, COUPONS, ORDER)).status).toBe(200)
  }
  const listed = JSON.parse(await firstcome('key', 'list', '--json')) as { data: Record<string, unknown>[] }
  expect(listed.data.map(({ client, state }) => [client, state])).toEqual([
    ['ops', 'live'],
    ['shop', 'revoked'],
    ['shop', 'live'],
  ])
})

test('the commands call with FIRSTCOME_API_KEY, and say what to do without it', async () => {
  const url = servers[0]?.url ?? ''
  const withKey = { env: { FIRSTCOME_API_KEY: keys.ops } }
  const without = await run(url, ['campaign', 'show', 'c'])
  expect(without.code).toBe(3)
  expect(without.err).toMatch(/\(unauthenticated\)\n {2}No key was sent.*\n {2}Next: set FIRSTCOME_API_KEY/)
  const wrong = await run(url, ['campaign', 'pause', 'c'], { env: { FIRSTCOME_API_KEY: keys.second } })
  expect(wrong.code).toBe(3)
  expect(wrong.err).toMatch(/\(forbidden\)\n.*\n {2}Next: take a key with the scope admin/)
  for (const args of [
    ['campaign', 'show', 'c'],
    ['issue', 'c', '--recipient', 'r'],
    ['coupons', 'c'],
    ['coupons', 'c', '--ndjson', '-'],
    ['audit', 'c'],
    ['load', '--coupons', '20', '--requests', '60', '--url', servers.map((one) => one.url).join(',')],
    ['check'],
  ]) {
    const { code, out, err } = await run(url, args, withKey)
    expect(code, `${args.join(' ')}\n${out}${err}`).toBe(0)
    expect(out + err).not.toContain(keys.ops)
  }
  const audit = await run(url, ['audit', 'c'])
  expect([audit.code, audit.err]).toEqual([3, expect.stringMatching(/401 unauthenticated: .*FIRSTCOME_API_KEY/)])
  const check = await run(url, ['check'])
  expect([check.code, check.err]).toEqual([3, expect.stringMatching(/needs the key of an admin in FIRSTCOME_API_KEY/)])
})

test('no key is in the list of processes, in a log or in an error', async () => {
  const secrets = Object.values(keys).map((key) => key.slice(-32))
  const running = start(servers[0]?.url ?? '', ['load', '--coupons', '9', '--rate', '20', '--for', '2s'], {
    env: { FIRSTCOME_API_KEY: keys.ops },
  })
  await running.said(/issued/)
  const processes = execFileSync('ps', ['-A', '-o', 'args'], { encoding: 'utf8' })
  expect(processes).toContain('load --coupons 9')
  const { out, err } = await running.ended
  // A ledger that fails under calls with keys: what is said of it.
  const bad = await run('', ['key', 'list'], {
    env: { MYSQL_URL: `${database.url}_gone_${secrets[0]}`, BOOTSTRAP_API_KEY: 'short' },
  })
  expect(bad.code).toBe(3)
  expect(bad.err).not.toContain('short')
  for (const secret of secrets) {
    expect(secret).toHaveLength(32)
    for (const text of [processes, output, out, err]) expect(text).not.toContain(secret)
  }
})
