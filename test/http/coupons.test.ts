// Coupons over HTTP, on the embedded ledger.

import { expect, test } from 'vitest'
import type { IssueCall } from '../../src/issue/outcome.ts'
import { callerOf, type Call } from './documented.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer } from './open-server.ts'

const COUPONS = '/v1/campaigns/c/coupons'

async function open(fields: object = {}): Promise<Call> {
  const { app } = await openServer()
  const call = callerOf(app)
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c', ...fields })
  return call
}

const withKey = (key: string) => ({ headers: { 'idempotency-key': key } })

test('a coupon is issued; no body, an empty one and {} are the same', async () => {
  const call = await open()
  const bodies = [undefined, '', {}, { recipient: null }]
  const replies = await Promise.all(bodies.map((body) => call('POST', COUPONS, body)))
  replies.push(await call('POST', COUPONS, '', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }))
  for (const { status, json, headers } of replies) {
    expect(status).toBe(201)
    expect(json).toMatchObject({
      campaign_id: 'c',
      recipient: null,
      replayed: null,
      coupon_code: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{16}$/),
    })
    expect(headers).not.toHaveProperty('idempotent-replayed')
  }
  expect(new Set(replies.map(({ json }) => json['slot']))).toEqual(new Set([1, 2, 3, 4, 5]))
})

test('the same key, quoted or bare, and the same recipient in any form of writing, get the same coupon', async () => {
  const call = await open()
  const { replayed: _replayed, ...coupon } = (await call('POST', COUPONS, { recipient: ' Zo\u00eb ' }, withKey('k-1')))
    .json
  expect(coupon['recipient']).toBe('Zoë')
  const byKey = await call('POST', COUPONS, { recipient: 'Zo\u00eb' }, withKey('"k-1"'))
  const byRecipient = await call('POST', COUPONS, { recipient: 'Zoe\u0308' })
  for (const [reply, replayed] of [
    [byKey, 'request'],
    [byRecipient, 'recipient'],
  ] as const) {
    expect(reply.status).toBe(200)
    expect(reply.headers['idempotent-replayed']).toBe('true')
    expect(reply.json).toEqual({ ...coupon, replayed })
  }
  const reused = await call('POST', COUPONS, {}, withKey('k-1'))
  expect([reused.status, reused.json['code']]).toEqual([422, 'idempotency_key_reused'])
})

test('every refusal, in its order', async () => {
  const call = await open({ recipient_required: true, start_time: '2099-01-01T00:00:00Z', total_coupons: 1 })
  const codeOf = async (body: unknown) => {
    const { status, json } = await call('POST', COUPONS, body)
    return [status, json['code']]
  }
  expect(await codeOf({})).toEqual([422, 'recipient_required'])
  const early = await call('POST', COUPONS, { recipient: 'a' })
  expect([early.status, early.json['code'], early.json['start_time']]).toEqual([
    409,
    'campaign_not_started',
    '2099-01-01T00:00:00.000Z',
  ])
  expect(early.json['starts_in_ms']).toBe(
    Date.parse('2099-01-01T00:00:00Z') - Date.parse(String(early.json['server_time'])),
  )

  await call('PATCH', '/v1/campaigns/c', { paused: true })
  expect(await codeOf({ recipient: 'a' })).toEqual([409, 'campaign_paused'])
  await call('PATCH', '/v1/campaigns/c', { paused: false, start_time: 'now' })
  expect((await call('POST', COUPONS, { recipient: 'a' })).status).toBe(201)
  expect(await codeOf({ recipient: 'b' })).toEqual([409, 'sold_out'])

  const { json } = await call('GET', '/v1/campaigns/c')
  const end_time = new Date(Date.parse(String(json['start_time'])) + 1).toISOString()
  await call('PATCH', '/v1/campaigns/c', { end_time, total_coupons: 2 })
  const late = await call('POST', COUPONS, { recipient: 'b' })
  expect([late.status, late.json['code'], late.json['end_time']]).toEqual([409, 'campaign_ended', end_time])
  await call('PATCH', '/v1/campaigns/c', { paused: true })
  expect((await call('POST', COUPONS, { recipient: 'a' })).status).toBe(200)
})

test('what the issuer is asked for', async () => {
  const calls: IssueCall[] = []
  const issue = (call: IssueCall) => {
    calls.push(call)
    return Promise.resolve({ code: 'sold_out' } as const)
  }
  const { app } = await openServer({ issuer: { issue, isIdle: true } })
  await callerOf(app)('POST', '/v1/campaigns/abc/coupons', { recipient: ' \u1112\u1161\u11ab ' }, withKey('"a\\"b"'))
  expect(calls).toEqual([
    {
      campaignId: 'abc',
      client: '',
      idempotencyKey: 'a"b',
      recipient: '한',
      isGone: expect.any(Function),
      companion: null,
    },
  ])
})

test('the list goes by slot, both ways, page by page', async () => {
  const call = await open()
  for (let i = 0; i < 5; i++) await call('POST', COUPONS, { recipient: `r${i}` })
  const walk = async (order: string) => {
    const slots: number[][] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const { json } = await call('GET', `${COUPONS}?limit=2&order=${order}${cursor === '' ? '' : `&cursor=${cursor}`}`)
      slots.push((json['data'] as { slot: number }[]).map(({ slot }) => slot))
      cursor = json['next_cursor'] as string | null
    }
    return slots
  }
  expect(await walk('asc')).toEqual([[1, 2], [3, 4], [5]])
  expect(await walk('desc')).toEqual([[5, 4], [3, 2], [1]])
  expect((await call('GET', `${COUPONS}?limit=5`)).json['next_cursor']).toBeNull()
  const missing = await call('GET', '/v1/campaigns/nix/coupons')
  expect([missing.status, missing.json['code']]).toEqual([404, 'campaign_not_found'])
})

test('a coupon is found by its code, however it is typed', async () => {
  const call = await open({ code_format: { alphabet: 'hangul', prefix: 'BOM-' } })
  const { replayed: _replayed, ...coupon } = (await call('POST', COUPONS, { recipient: 'r' })).json
  const code = String(coupon['coupon_code'])
  const typed = [
    code,
    code.toLowerCase(),
    code.normalize('NFD'),
    code.replace('-', ''),
    ` ${code.slice(0, 7)} ${code.slice(7)}`,
  ]
  for (const one of typed) expect((await call('GET', `${COUPONS}/${encodeURIComponent(one)}`)).json).toEqual(coupon)
  const missing = await call('GET', `/v1/campaigns/nix/coupons/${encodeURIComponent(code)}`)
  expect([missing.status, missing.json['code']]).toEqual([404, 'campaign_not_found'])
})

test('what can be no code is asked for like any other: the time of the answer tells nothing', async () => {
  const asked: string[] = []
  const couponByCode = async (_id: string, code: string) => {
    asked.push(code)
    return null
  }
  const { app } = await openServer({ faults: { couponByCode } })
  const call = callerOf(app)
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c' })
  for (const code of ['7KQ2M9XD4R8TVW3A', '7KQ2M9XD4R8TVW3', 'U'.repeat(16), 'x']) {
    const { status, json } = await call('GET', `${COUPONS}/${code}`)
    expect([status, json['code']]).toEqual([404, 'coupon_not_found'])
  }
  expect(asked).toEqual(['7KQ2M9XD4R8TVW3A', '', '', ''])
})

test('the coupon of a recipient is found in any form of writing, or it is not there', async () => {
  const call = await open()
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'other' })
  const mine: Record<string, unknown> = {}
  for (const [path, recipient] of [
    [COUPONS, 'Zo\u00eb 한글'],
    [COUPONS, 'somebody'],
    [COUPONS, null],
    ['/v1/campaigns/other/coupons', 'Zo\u00eb 한글'],
  ] as const) {
    const { replayed: _replayed, ...coupon } = (await call('POST', path, { recipient })).json
    mine[path] ??= coupon
  }
  const ask = (recipient: string, more = '') =>
    call('GET', `${COUPONS}?recipient=${encodeURIComponent(recipient)}${more}`)
  for (const form of ['Zo\u00eb 한글', 'Zoe\u0308 한글'.normalize('NFD'), ' Zo\u00eb 한글\u3000']) {
    const { status, json } = await ask(form)
    expect([status, json]).toEqual([200, { data: [mine[COUPONS]], next_cursor: null }])
  }
  expect((await ask('Zo\u00eb 한글', '&limit=1&order=desc')).json['data']).toEqual([mine[COUPONS]])
  for (const nobody of ['zo\u00eb 한글', 'nobody', 'null', '%']) {
    expect((await ask(nobody)).json).toEqual({ data: [], next_cursor: null })
  }
  const unknown = await call('GET', '/v1/campaigns/nix/coupons?recipient=somebody')
  expect([unknown.status, unknown.json['code']]).toEqual([404, 'campaign_not_found'])
})
