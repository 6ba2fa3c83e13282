// What the log tells of requests: which have a line, what stands in it, and what never does.

import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import { ANYBODY } from '../../src/access/caller.ts'
import { Fault } from '../../src/answers.ts'
import { systemClock } from '../../src/host.ts'
import { OPERATIONS } from '../../src/http/operations.ts'
import { RequestLog } from '../../src/http/request-log.ts'
import { callerOf, type Call } from './documented.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer } from './open-server.ts'
import { listen, openClient } from './raw-client.ts'

const RECIPIENT = 'recipient-of-somebody'
const KEY = 'idempotency-key-of-somebody'
const COUPONS = '/v1/campaigns/spring/coupons'

async function create(call: Call, id: string): Promise<void> {
  expect((await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id })).status).toBe(201)
}

describe('changes', () => {
  test('what was created, changed or deleted has a line each', async () => {
    const { app, told } = await openServer()
    const call = callerOf(app)
    const name = (id: string) => ({ headers: { 'x-request-id': id } })
    await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'spring', name: 'A name of theirs' }, name('r-1'))
    await call('PATCH', '/v1/campaigns/spring', { paused: true }, name('r-2'))
    await call('DELETE', '/v1/campaigns/spring', undefined, name('r-3'))
    const line = (operation: string, id: string, status: number) => ({
      operation,
      campaign_id: 'spring',
      request_id: id,
      status,
      message: 'a campaign was changed',
    })
    expect(told).toEqual([
      line('createCampaign', 'r-1', 201),
      line('changeCampaign', 'r-2', 200),
      line('deleteCampaign', 'r-3', 204),
    ])
  })

  test('a client that has a name is named', () => {
    const told: object[] = []
    const log = { error() {}, warn() {}, info: (fields: object) => void told.push(fields) }
    const requests = new RequestLog({ log, clock: systemClock, logRequests: 'faults' })
    const request = { id: 'r-1', caller: { ...ANYBODY, client: 'shop-api' } } as unknown as FastifyRequest
    requests.changed(request, OPERATIONS.changeCampaign, 'spring', 200)
    expect(told).toEqual([
      { operation: 'changeCampaign', campaign_id: 'spring', client: 'shop-api', request_id: 'r-1', status: 200 },
    ])
  })

  test('what changed nothing has none', async () => {
    const { app, told } = await openServer()
    const call = callerOf(app)
    await create(call, 'spring')
    told.length = 0
    // Sent once more, refused, or only looked at.
    const { json } = await call('GET', '/v1/campaigns/spring')
    const again = { ...NEW_CAMPAIGN, id: 'spring', start_time: json['start_time'] }
    expect((await call('POST', '/v1/campaigns', again)).status).toBe(200)
    await call('POST', '/v1/campaigns', { ...again, total_coupons: 9 })
    await call('PATCH', '/v1/campaigns/spring', { paused: true }, { headers: { 'if-match': '"0.0"' } })
    await call('PATCH', '/v1/campaigns/nix', { paused: true })
    await call('DELETE', '/v1/campaigns/nix')
    expect(told).toEqual([])
  })
})

describe('requests', () => {
  test('with `faults`, none has a line', async () => {
    const { app, told, logged } = await openServer()
    const call = callerOf(app)
    await create(call, 'spring')
    told.length = 0
    for (let i = 0; i < 10; i++) await call('POST', COUPONS)
    await call('GET', '/nix')
    expect([told, logged]).toEqual([[], []])
  })

  test('with `all`, each has one: the pattern of its route, the code, the end of the coupon, no secret', async () => {
    const { app, told } = await openServer({ logRequests: 'all' })
    const call = callerOf(app)
    await create(call, 'spring')
    told.length = 0
    const issued = await call('POST', COUPONS, { recipient: RECIPIENT }, { headers: { 'idempotency-key': KEY } })
    const code = String(issued.json['coupon_code'])
    await call('POST', COUPONS, { recipient: RECIPIENT })
    await call('GET', `${COUPONS}?recipient=${RECIPIENT}`)
    await call('GET', `${COUPONS}/${code}`)
    await call('GET', `/v1/campaigns/${RECIPIENT}`)
    await call('POST', `/v1/campaigns/${code}/coupons`)
    await call('GET', `/${RECIPIENT}`)
    await call('POST', COUPONS, `{"recipient":"${RECIPIENT}`)
    await call('GET', '/livez')
    const line = (method: string, route: string | null, status: number, more: object = {}) => ({
      request_id: expect.stringMatching(/^[A-Za-z0-9.-]+$/),
      method,
      route,
      status,
      ms: expect.any(Number),
      ...more,
      message: 'a request',
    })
    const spring = { campaign_id: 'spring' }
    const coupon = { ...spring, coupon: `…${code.slice(-4)}` }
    const path = '/v1/campaigns/:id'
    expect(told.filter((fields) => 'method' in fields)).toEqual([
      line('POST', `${path}/coupons`, 201, { ...coupon, code: 'issued' }),
      line('POST', `${path}/coupons`, 200, { ...coupon, code: 'replayed' }),
      line('GET', `${path}/coupons`, 200, spring),
      line('GET', `${path}/coupons/:code`, 200, spring),
      line('GET', path, 404, { code: 'campaign_not_found' }),
      line('POST', `${path}/coupons`, 404, { code: 'campaign_not_found' }),
      line('GET', null, 404, { code: 'not_found' }),
      line('POST', `${path}/coupons`, 400, { ...spring, code: 'invalid_request' }),
      line('GET', '/livez', 200),
    ])
    await app.close()
    const all = JSON.stringify(told)
    for (const secret of [RECIPIENT, KEY, code]) expect(all).not.toContain(secret)
  })

  test('with `sampled`, one in a hundred', async () => {
    const { app, told } = await openServer({ logRequests: 'sampled' })
    for (let i = 0; i < 300; i++) await app.inject({ url: '/livez' })
    expect(told).toHaveLength(3)
  })
})

describe('summaries', () => {
  test('every answer and every fault of the route is in the line of its campaign, and closing writes it', async () => {
    let nowMs = 0
    const { app, told } = await openServer({ clock: { ...systemClock, nowMs: () => nowMs++ } })
    const call = callerOf(app)
    await create(call, 'spring')
    told.length = 0
    for (let i = 0; i < 5; i++) await call('POST', COUPONS, { recipient: `${RECIPIENT}-${i % 2}` })
    await call('POST', COUPONS, '{')
    await call('POST', COUPONS, 'x'.repeat(20_000))
    await call('POST', `/v1/campaigns/${RECIPIENT}/coupons`)
    await call('POST', '/v1/campaigns/not%20possible/coupons')
    // Other routes are not counted, be it of the same path.
    await call('GET', `${COUPONS}?limit=x`)
    await call('POST', '/v1/campaigns', '{')
    await app.close()
    expect(told).toEqual([
      {
        campaign_id: 'spring',
        seconds: expect.any(Number),
        issued: 2,
        replayed: 3,
        refused: {},
        faults: { invalid_request: 1, payload_too_large: 1 },
        p50_ms: expect.any(Number),
        p99_ms: expect.any(Number),
        message: 'a second of a campaign',
      },
      expect.objectContaining({ others: true, refused: { campaign_not_found: 2 }, faults: {} }),
    ])
    expect(JSON.stringify(told)).not.toContain(RECIPIENT)
  })

  test('a server that can issue nothing counts that', async () => {
    const issue = () => Promise.reject(new Fault('overloaded', 'the queue is full'))
    const { app, told } = await openServer({ issuer: { issue, isIdle: true } })
    const call = callerOf(app)
    await create(call, 'spring')
    for (let i = 0; i < 5; i++) await call('POST', COUPONS)
    await app.close()
    expect(told.at(-1)).toMatchObject({ campaign_id: 'spring', issued: 0, faults: { overloaded: 5 } })
  })

  test('close does not forget those whose answer it waited for', async () => {
    const { promise: isAsked, resolve: ask } = Promise.withResolvers<void>()
    const { promise: answer, resolve } = Promise.withResolvers<{ code: 'sold_out' }>()
    const issue = () => {
      ask()
      return answer
    }
    const { app, told } = await openServer({ issuer: { issue, isIdle: true } })
    const { write, replies } = await openClient(await listen(app))
    write(`POST ${COUPONS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`)
    await isAsked
    const closing = app.close()
    resolve({ code: 'sold_out' })
    expect((await replies(1))[0]?.status).toBe(409)
    await closing
    expect(told).toMatchObject([{ campaign_id: 'spring', refused: { sold_out: 1 } }])
  })
})

describe('the id of a request', () => {
  test('is in every reply, and in the problem', async () => {
    const { app } = await openServer()
    const call = callerOf(app)
    await create(call, 'spring')
    const named = { headers: { 'x-request-id': 'mine-1' } }
    const asks: [method: string, url: string, body?: unknown][] = [
      ['GET', '/livez'],
      ['GET', '/'],
      ['GET', '/openapi.json'],
      ['GET', '/v1/campaigns/spring'],
      ['POST', COUPONS],
      ['GET', `${COUPONS}.csv`],
      ['GET', `${COUPONS}.ndjson`],
      ['GET', '/nix'],
      ['PUT', '/livez'],
      ['POST', COUPONS, '{'],
      ['DELETE', '/v1/campaigns/nix'],
    ]
    for (const ask of asks) {
      const [method, url, body] = ask
      expect((await call(method, url, body, named)).headers['x-request-id'], ask.join(' ')).toBe('mine-1')
      expect((await call(...ask)).headers['x-request-id'], ask.join(' ')).toMatch(/^[A-Za-z0-9.-]{8}-[0-9a-z]+$/)
    }
    const { headers, json } = await call('GET', '/v1/campaigns/%', undefined, named)
    expect([headers['x-request-id'], json['request_id']]).toEqual(['mine-1', 'mine-1'])
    expect((await app.inject({ url: '/docs/', ...named })).headers['x-request-id']).toBe('mine-1')
  })

  test('is in the reply to what is no request', async () => {
    const { app } = await openServer()
    const { write, replies } = await openClient(await listen(app))
    write('nonsense\r\n\r\n')
    const [reply] = await replies(1)
    const { request_id: id } = JSON.parse(reply?.text ?? '') as { request_id: string }
    expect(reply?.headers['x-request-id']).toBe(id)
  })

  test.each([
    ['the key of the same call', KEY, KEY],
    ['that key in quotes', KEY, `"${KEY}"`],
    ['a code', '7KQ2M9XD4R8TVW3A', undefined],
    ['a code of a test campaign', 'TEST7KQ2M9XD4R8TVW3A', undefined],
    ['an API key', 'fc_0123456789ab_0123456789abcdef0123456789abcdef', undefined],
  ])('is none of the caller’s secrets: %s', async (_what, id, key) => {
    const { app } = await openServer()
    const headers = { 'x-request-id': id, ...(key !== undefined && { 'idempotency-key': key }) }
    const reply = await callerOf(app)('POST', COUPONS, undefined, { headers })
    expect(reply.headers['x-request-id']).toMatch(/^[A-Za-z0-9.-]{8}-[0-9a-z]+$/)
  })
})
