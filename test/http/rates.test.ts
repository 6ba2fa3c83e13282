// Limits of calls over HTTP: who is refused, in which words, and that a refused call costs no coupon and no statement. And
// look-ups by code, which tell who guesses nothing.

import { describe, expect, test } from 'vitest'
import { callerOf, type Reply } from './documented.ts'
import { bearer, newKey } from './make-key.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer } from './open-server.ts'
import { listen, openClient, request } from './raw-client.ts'

/** Time stands still: all calls are of one second. */
const clock = {
  nowMs: () => 1_000,
  wallMs: () => Date.now(),
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  after: () => () => {},
  soon: (work: () => void) => void setImmediate(work),
}

function expectLimited(reply: Reply, detail: RegExp): void {
  expect([reply.status, reply.json['code']], reply.text).toEqual([429, 'rate_limited'])
  expect(reply.json['detail']).toMatch(detail)
  expect(reply.json['retry_after_ms']).toBeGreaterThan(0)
}

test('a hundred calls of one recipient in one packet: 20 are heard, and the others get theirs', async () => {
  const { app } = await openServer({ limits: { recipientCallsPerS: 20 }, clock })
  const ask = callerOf(app)
  await ask('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c' })
  const client = await openClient(await listen(app))
  const one = request('POST', '/v1/campaigns/c/coupons', { recipient: 'greedy' })
  client.write(one.repeat(100))
  const replies = await client.replies(100)
  const codes = replies.map(({ text }) => (JSON.parse(text) as Record<string, unknown>)['coupon_code'])
  expect(replies.filter(({ status }) => status === 429)).toHaveLength(80)
  expect(new Set(codes.slice(0, 20)).size).toBe(1)
  client.socket.destroy()
  expect((await ask('POST', '/v1/campaigns/c/coupons', { recipient: 'patient' })).status).toBe(201)
  // White space and composition are no way around it.
  expectLimited(await ask('POST', '/v1/campaigns/c/coupons', { recipient: ' greedy ' }), /For one recipient 20 calls/)
  // A call without a recipient is nobody's.
  expect((await ask('POST', '/v1/campaigns/c/coupons')).status).toBe(201)
})

test('a call over its limit reaches no ledger', async () => {
  let statements = 0
  const count = <T>(answer: () => Promise<T>) => {
    statements++
    return answer()
  }
  const { app, ledger } = await openServer({ limits: { recipientCallsPerS: 1, clientReadsPerS: 3 }, clock })
  const ask = callerOf(app)
  await ask('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c' })
  await ask('POST', '/v1/campaigns/c/coupons', { recipient: 'r' })
  for (const name of ['read', 'record', 'lock', 'campaigns', 'listCampaigns', 'couponByCode'] as const) {
    const real = ledger[name].bind(ledger) as (...args: unknown[]) => Promise<unknown>
    Object.assign(ledger, { [name]: (...args: unknown[]) => count(() => real(...args)) })
  }
  for (let i = 0; i < 5; i++)
    expectLimited(await ask('POST', '/v1/campaigns/c/coupons', { recipient: 'r' }), /recipient/)
  expect(statements).toBe(0)
  for (let i = 0; i < 2; i++) expect((await ask('GET', '/v1/campaigns')).status).toBe(200)
  expect(statements).toBeGreaterThan(0)
  statements = 0
  expectLimited(await ask('GET', '/v1/campaigns'), /A client may make 3 calls other than those that issue/)
  expectLimited(await ask('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'd' }), /3 calls other than/)
  expect(statements).toBe(0)
})

test('each client has its own, and what is not allowed does not count', async () => {
  const keys = { one: '', two: '', issuer: '' }
  const limits = { clientIssuesPerS: 2, clientReadsPerS: 2, clientLookUpsPerS: 2 }
  const { app } = await openServer({
    limits,
    clock,
    async makeKeys(store) {
      keys.one = await newKey(store, { client: 'one' })
      keys.two = await newKey(store, { client: 'two' })
      keys.issuer = await newKey(store, { client: 'two', scopes: ['issue'] })
    },
  })
  const ask = callerOf(app)
  const statuses = async (key: string, method: string, url: string) => {
    const seen: number[] = []
    for (let i = 0; i < 3; i++) seen.push((await ask(method, url, undefined, bearer(key))).status)
    return seen
  }
  for (let i = 0; i < 5; i++) await ask('GET', '/v1/campaigns', undefined, bearer(keys.issuer))
  for (const key of [keys.one, keys.two]) {
    expect(await statuses(key, 'GET', '/v1/campaigns')).toEqual([200, 200, 429])
    expect(await statuses(key, 'GET', '/v1/campaigns/c/coupons/X')).toEqual([404, 404, 429])
  }
  // Two keys, one client.
  expect(await statuses(keys.two, 'POST', '/v1/campaigns/c/coupons')).toEqual([404, 404, 429])
  expect(await statuses(keys.issuer, 'POST', '/v1/campaigns/c/coupons')).toEqual([429, 429, 429])
  expect((await ask('GET', '/livez')).status).toBe(200)
})

describe('who guesses codes learns nothing from the answer or from the work that it makes:', () => {
  test('a wrong, a malformed and a foreign code are one', async () => {
    const asked: string[][] = []
    const { app, ledger } = await openServer()
    const ask = callerOf(app)
    for (const id of ['mine', 'other']) await ask('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id })
    const foreign = String((await ask('POST', '/v1/campaigns/other/coupons')).json['coupon_code'])
    const steps: string[] = []
    for (const name of ['campaigns', 'couponByCode', 'read', 'listCoupons'] as const) {
      const real = ledger[name].bind(ledger) as (...args: unknown[]) => Promise<unknown>
      Object.assign(ledger, {
        [name]: (...args: unknown[]) => {
          steps.push(name)
          return real(...args)
        },
      })
    }
    const answers: object[] = []
    for (const code of [
      foreign,
      '0'.repeat(16),
      '0'.repeat(15),
      'U',
      '!'.repeat(16),
      '%20',
      'x'.repeat(2_000),
      '%EA%B0%80',
    ]) {
      steps.length = 0
      const { status, headers, json } = await ask('GET', `/v1/campaigns/mine/coupons/${code}`)
      const { request_id: _, ...problem } = json
      const { date: _date, 'x-request-id': _id, ...rest } = headers as Record<string, unknown>
      answers.push({ status, headers: rest, problem })
      asked.push([...steps])
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]).toMatchObject({ status: 404, problem: { code: 'coupon_not_found' } })
    expect(asked).toEqual(asked.map(() => ['campaigns', 'couponByCode']))
  })
})
