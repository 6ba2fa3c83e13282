// No answer is an answer, too: what callers are told of a fault, and what the log is.

import type { FastifyRequest } from 'fastify'
import { FaultLog } from '../../src/http/fault-log.ts'
import { expect, test } from 'vitest'
import { Campaigns } from '../../src/campaign/campaigns.ts'
import { Fault, type FaultCode } from '../../src/answers.ts'
import { systemClock, systemRandomness } from '../../src/host.ts'
import { ServiceHealth } from '../../src/http/health.ts'
import { LedgerUnavailable, type Ledger } from '../../src/ledger/ledger.ts'
import { callerOf } from './documented.ts'
import { openServer } from './open-server.ts'

const SECRET = 'recipient-of-somebody'

function failing(error: unknown) {
  const issue = () => {
    throw error
  }
  return { issue, isIdle: true }
}

/** A driver's error: its text quotes the row. */
function driverError(): Error {
  return Object.assign(new Error(`Duplicate entry '${SECRET}' for key 'coupons.recipient'`), {
    errno: 1062,
    sql: `INSERT ${SECRET}`,
  })
}

test('a mistake of ours is internal, without a word of what it was', async () => {
  const { app, logged } = await openServer({ issuer: failing(driverError()) })
  const call = callerOf(app)
  const reply = await call(
    'POST',
    '/v1/campaigns/c/coupons',
    { recipient: SECRET },
    { headers: { 'idempotency-key': SECRET } },
  )
  expect([reply.status, reply.json['code']]).toEqual([500, 'internal'])
  expect(reply.text).not.toMatch(/recipient-of|Duplicate|INSERT|at .*\.ts/)
  expect(logged).toEqual([
    {
      code: 'internal',
      method: 'POST',
      route: '/v1/campaigns/:id/coupons',
      request_id: reply.json['request_id'],
      error: { name: 'Error', errno: 1062, at: expect.arrayContaining([expect.stringContaining('faults.test.ts')]) },
      message: 'a request failed',
    },
  ])
  expect(JSON.stringify(logged)).not.toContain(SECRET)
})

test.each([undefined, null, 'text', 0, { statusCode: 418 }])('whatever is thrown: %s', async (thrown) => {
  const { app } = await openServer({ issuer: failing(thrown) })
  const { status, json } = await callerOf(app)('POST', '/v1/campaigns/c/coupons')
  expect([status, json['code']]).toEqual([500, 'internal'])
})

test.each(['overloaded', 'unavailable'] satisfies FaultCode[])(
  '%s says when to ask again, each time a little different',
  async (code) => {
    const { app } = await openServer({ issuer: failing(new Fault(code, 'x', { retryAfterMs: 4_000 })) })
    const call = callerOf(app)
    const waits: number[] = []
    for (let i = 0; i < 200; i++) {
      const { status, json } = await call('POST', '/v1/campaigns/c/coupons')
      expect([status, json['code']]).toEqual([503, code])
      waits.push(Number(json['retry_after_ms']))
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(2_000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(6_000)
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(2_000)
    expect(new Set(waits).size).toBeGreaterThan(100)
  },
)

test('the log tells of an outage once a second, and how often it was not told', async () => {
  let nowMs = 0
  const error = new Fault('unavailable', 'the ledger did not answer', { cause: driverError() })
  const { app, logged } = await openServer({ issuer: failing(error), clock: { ...systemClock, nowMs: () => nowMs } })
  const call = callerOf(app)
  for (let i = 0; i < 50; i++) await call('POST', '/v1/campaigns/c/coupons')
  nowMs = 1_000
  await call('POST', '/v1/campaigns/c/coupons')
  expect(logged).toMatchObject([{ code: 'unavailable' }, { code: 'unavailable', suppressed: 49 }])
  expect(logged[0]).toMatchObject({
    message: 'a request was not answered',
    cause: { message: 'the ledger did not answer', name: 'Error', errno: 1062 },
  })
  expect(JSON.stringify(logged)).not.toContain(SECRET)
})

test('mistakes of callers are not logged', async () => {
  const { app, logged } = await openServer()
  const call = callerOf(app)
  await call('POST', '/v1/campaigns', '{')
  await call('GET', '/nix')
  expect(logged).toEqual([])
})

test('a ledger that does not answer is unavailable on every route that asks it, and the server stays ready', async () => {
  const away = () => Promise.reject(new LedgerUnavailable('away', { mayBeWritten: false }))
  const ledger = new Proxy({} as Ledger, { get: (_target, name) => (name === 'lockScope' ? 'campaign' : away) })
  let isUp = true
  const pings = {
    ...ledger,
    lockScope: 'campaign',
    ping: () => (isUp ? Promise.resolve({ nowMs: 1 }) : away()),
  } as unknown as Ledger
  let nowMs = 0
  const health = new ServiceHealth(pings, null, { ...systemClock, nowMs: () => nowMs })
  health.markPrepared()
  health.markPrepared()
  const campaigns = new Campaigns(
    ledger,
    { highestSlot: away, issuedCount: away, issuedCounts: away },
    systemRandomness,
  )
  const { app } = await openServer({ campaigns, health })
  const call = callerOf(app)
  expect((await call('GET', '/readyz')).status).toBe(200)
  isUp = false
  nowMs = 1_000
  const asks: [string, string, unknown?][] = [
    ['POST', '/v1/campaigns', { name: 'a', start_time: 'now', total_coupons: 1 }],
    ['GET', '/v1/campaigns'],
    ['GET', '/v1/campaigns/c'],
    ['PATCH', '/v1/campaigns/c', { paused: true }],
    ['DELETE', '/v1/campaigns/c'],
    ['GET', '/v1/campaigns/c/coupons'],
    ['GET', '/v1/campaigns/c/coupons?recipient=r'],
    ['GET', '/v1/campaigns/c/coupons.csv'],
    ['GET', '/v1/campaigns/c/coupons.ndjson'],
    ['GET', '/v1/campaigns/c/coupons/7KQ2M9XD4R8TVW3A'],
  ]
  for (const ask of asks) {
    const { status, json } = await call(...ask)
    expect([status, json['code']], ask.join(' ')).toEqual([503, 'unavailable'])
  }
  const { status, json } = await call('GET', '/readyz')
  expect([status, json]).toEqual([200, { status: 'ready', database: 'down', counter: 'off', lock_scope: 'campaign' }])
})

test('a caller who hung up is no fault, and leaves no line; a mistake of ours does', () => {
  const lines: object[] = []
  const log = (fields: object) => void lines.push(fields)
  const faults = new FaultLog({ error: log, warn: log }, systemClock)
  const request = { raw: { socket: { destroyed: true } }, method: 'POST', id: 'r', routeOptions: { url: '/v1' } }
  faults.write('unavailable', request as unknown as FastifyRequest, new Error('gone'))
  expect(lines).toEqual([])
  faults.write('internal', request as unknown as FastifyRequest, new Error('ours'))
  expect(lines).toHaveLength(1)
})
