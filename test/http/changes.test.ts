// Who changed what, over HTTP, on the embedded ledger: what is noted, what is not, and the list.

import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import { authorOf } from '../../src/http/change-handlers.ts'
import type { NewChange } from '../../src/ledger/changes.ts'
import { SOMEBODY } from '../contract/ledger-samples.ts'
import { callerOf, type Call } from './documented.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer } from './open-server.ts'

interface Change {
  readonly action: string
  readonly campaign_id: string
  readonly before: Readonly<Record<string, unknown>> | null
  readonly after: Readonly<Record<string, unknown>> | null
  readonly [member: string]: unknown
}

async function open() {
  const { app, ledger } = await openServer()
  const call = callerOf(app)
  return { app, ledger, call }
}

async function changes(call: Call, query = ''): Promise<Change[]> {
  const { status, json } = await call('GET', `/v1/changes?limit=100${query}`)
  expect(status).toBe(200)
  return json['data'] as Change[]
}
const actions = async (call: Call) => (await changes(call)).map(({ action }) => action)

test('created, changed, deleted: each with how it was before and after, and the request that did it', async () => {
  const { call } = await open()
  const as = (id: string) => ({ headers: { 'x-request-id': id } })
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'spring', metadata: { 팀: '봄' } }, as('r-create'))
  const created = (await call('GET', '/v1/campaigns/spring')).json
  await call('PATCH', '/v1/campaigns/spring', { paused: true, total_coupons: 7 }, as('r-change'))
  await call('DELETE', '/v1/campaigns/spring', undefined, as('r-delete'))

  const { status: _s, issued_count: _i, remaining_count: _r, updated_at: _u, server_time: _t, ...first } = created
  const second = { ...first, paused: true, total_coupons: 7, version: 2 }
  const nobody = { id: expect.any(Number), at: expect.any(String), client: null, key_id: null, operator: null }
  const spring = { ...nobody, campaign_id: 'spring' }
  expect(await changes(call)).toEqual([
    { ...spring, action: 'campaign.deleted', before: second, after: null, request_id: 'r-delete' },
    { ...spring, action: 'campaign.changed', before: first, after: second, request_id: 'r-change' },
    { ...spring, action: 'campaign.created', before: null, after: first, request_id: 'r-create' },
  ])
})

test('whose key called is noted; nobody’s is nobody', () => {
  const scopes = new Set(['admin'] as const)
  const requestOf = (client: string, keyId: string | null) =>
    ({ id: 'r-1', caller: { client, keyId, scopes } }) as unknown as FastifyRequest
  const operator = null
  expect(authorOf(requestOf('shop', 'k1'))).toEqual({ client: 'shop', keyId: 'k1', operator, requestId: 'r-1' })
  expect(authorOf(requestOf('', null))).toEqual({ client: null, keyId: null, operator, requestId: 'r-1' })
})

test('what makes no difference, or is refused, is no change', async () => {
  const { call } = await open()
  const wish = { ...NEW_CAMPAIGN, id: 'spring', start_time: '2026-01-01T00:00:00Z' }
  expect((await call('POST', '/v1/campaigns', wish)).status).toBe(201)
  await call('POST', '/v1/campaigns/spring/coupons', { recipient: '하나' })
  const before = await actions(call)
  const calls: readonly [status: number, ...Parameters<Call>][] = [
    [200, 'POST', '/v1/campaigns', wish],
    [409, 'POST', '/v1/campaigns', { ...wish, name: 'another' }],
    [400, 'POST', '/v1/campaigns', { ...wish, id: 'wrong', end_time: '2025-01-01T00:00:00Z' }],
    [200, 'PATCH', '/v1/campaigns/spring', { paused: false }],
    [200, 'PATCH', '/v1/campaigns/spring', {}],
    [409, 'PATCH', '/v1/campaigns/spring', { recipient_required: true }],
    [412, 'PATCH', '/v1/campaigns/spring', { name: 'late' }, { headers: { 'if-match': '"1.0"' } }],
    [404, 'PATCH', '/v1/campaigns/nowhere', { paused: true }],
    [409, 'DELETE', '/v1/campaigns/spring', undefined],
    [404, 'DELETE', '/v1/campaigns/nowhere', undefined],
  ]
  for (const [status, ...one] of calls) expect([one[1], (await call(...one)).status]).toEqual([one[1], status])
  expect(before).toEqual(['campaign.created'])
  expect(await actions(call)).toEqual(before)
})

test('a change that cannot be noted is not made', async () => {
  const { ledger, call } = await open()
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'spring', test: true })
  const deaf = await openServer({
    faults: {
      lock: (ids, work) =>
        ledger.lock(ids, (locked) => work({ ...locked, noteChange: () => Promise.reject(new Error('full')) })),
    },
  })
  const deafCall = callerOf(deaf.app)
  expect((await deafCall('PATCH', '/v1/campaigns/spring', { paused: true })).status).toBe(500)
  expect((await deafCall('DELETE', '/v1/campaigns/spring')).status).toBe(500)
  expect((await call('GET', '/v1/campaigns/spring')).json).toMatchObject({ paused: false, version: 1 })
  expect(await actions(call)).toEqual(['campaign.created'])
})

test('a big test campaign that is deleted is one change, however many bites it takes', async () => {
  const { ledger, call } = await open()
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'big', test: true, total_coupons: 20_000 })
  const [campaign] = (await ledger.campaigns(['big'])).campaigns
  for (let from = 1; from <= 11_000; from += 1_000) {
    const rows = Array.from({ length: 1_000 }, (_, index) => ({
      campaignId: 'big',
      campaignCreatedAtMs: campaign!.createdAtMs,
      campaignVersion: 1,
      couponCode: `TEST${from + index}`,
      slot: from + index,
      requestKey: (from + index).toString(16).padStart(32, '0'),
      recipient: null,
      recipientKey: null,
      issuedAtMs: campaign!.startTimeMs,
    }))
    expect(await ledger.record(rows)).toEqual({ status: 'recorded', count: 1_000 })
  }
  expect((await call('DELETE', '/v1/campaigns/big')).status).toBe(204)
  expect(await actions(call)).toEqual(['campaign.deleted', 'campaign.created'])
})

describe('the list', () => {
  async function filled() {
    const { ledger, call } = await open()
    const clients = [null, 'shop', 'admin']
    const noted = Array.from({ length: 12 }, (_, n): NewChange => ({
      by: { ...SOMEBODY, client: clients[n % 3] ?? null },
      action: n % 2 === 0 ? 'campaign.changed' : 'campaign.created',
      campaignId: n % 4 === 0 ? 'spring' : null,
      before: null,
      after: { n },
    }))
    await ledger.lock([], async (locked) => {
      for (const change of noted) await locked.noteChange(change)
    })
    const numbers = async (query: string) => (await changes(call, query)).map(({ after }) => after?.['n'])
    return { call, numbers }
  }

  test('pages newest first', async () => {
    const { call } = await filled()
    const seen: unknown[] = []
    const sizes: number[] = []
    for (let cursor = ''; ;) {
      const { json } = await call('GET', `/v1/changes?limit=5${cursor}`)
      const page = json['data'] as Change[]
      sizes.push(page.length)
      seen.push(...page.map(({ after }) => after?.['n']))
      const next = json['next_cursor'] as string | null
      if (next === null) break
      cursor = `&cursor=${next}`
    }
    expect(seen).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
    expect(sizes).toEqual([5, 5, 2])
  })

  test('by campaign, client and action', async () => {
    const { numbers } = await filled()
    expect(await numbers('&campaign=spring')).toEqual([8, 4, 0])
    expect(await numbers('&client=shop')).toEqual([10, 7, 4, 1])
    expect(await numbers('&client=shop&action=campaign.created')).toEqual([7, 1])
    expect(await numbers('&client=shop&campaign=spring')).toEqual([4])
    expect(await numbers('&action=key.revoked')).toEqual([])
    expect(await numbers('&campaign=gone')).toEqual([])
  })

  test.each([
    ['limit=0', '/limit'],
    ['limit=101', '/limit'],
    ['cursor=abc', '/cursor'],
    [`cursor=${Buffer.from('h:0').toString('base64url')}`, '/cursor'],
    ['action=coupon.issued', '/action'],
    ['campaign=no%20id', '/campaign'],
    ['client=', '/client'],
    ['who=me', '/who'],
  ])('%s is refused', async (query, pointer) => {
    const { call } = await open()
    const { status, json } = await call('GET', `/v1/changes?${query}`)
    expect([status, json['errors']]).toMatchObject([400, [{ in: 'query', pointer }]])
  })
})
