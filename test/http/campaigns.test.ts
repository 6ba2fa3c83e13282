// Campaigns over HTTP, on the embedded ledger.

import { expect, test } from 'vitest'
import { callerOf, type Reply } from './documented.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer } from './open-server.ts'

async function open() {
  const { app } = await openServer()
  return callerOf(app)
}

const errorsOf = ({ json }: Reply) => json['errors'] as { pointer: string; detail: string }[]

test('a campaign is created with defaults, and read', async () => {
  const call = await open()
  const created = await call('POST', '/v1/campaigns', {
    name: '  봄 쿠폰 ',
    start_time: '2027-03-02T10:00:00.5+09:00',
    total_coupons: 10,
  })
  expect(created.status).toBe(201)
  expect(created.json).toEqual({
    id: expect.stringMatching(/^[0-9a-z]{12}$/),
    name: '봄 쿠폰',
    status: 'scheduled',
    start_time: '2027-03-02T01:00:00.500Z',
    end_time: null,
    total_coupons: 10,
    issued_count: 0,
    remaining_count: 10,
    paused: false,
    recipient_required: false,
    test: false,
    code_format: { alphabet: 'base32', length: 16, prefix: '' },
    metadata: {},
    version: 1,
    created_at: expect.any(String),
    updated_at: created.json['created_at'],
    server_time: created.json['created_at'],
  })
  expect(created.headers['location']).toBe(`/v1/campaigns/${String(created.json['id'])}`)
  const read = await call('GET', String(created.headers['location']))
  expect(read.status).toBe(200)
  expect({ ...read.json, server_time: null }).toEqual({ ...created.json, server_time: null })
})

test('all fields come back', async () => {
  const call = await open()
  const fields = {
    id: 'all',
    name: 'All',
    start_time: '2027-03-02T01:00:00.000Z',
    end_time: '2027-03-03T01:00:00.000Z',
    total_coupons: 7,
    paused: true,
    recipient_required: true,
    test: true,
    code_format: { alphabet: 'hangul', length: 12, prefix: 'BOM-' },
    metadata: { b: [1, 'x', null, { c: true }], a: '가' },
  }
  expect((await call('POST', '/v1/campaigns', fields)).json).toMatchObject({ ...fields, status: 'paused' })
  expect((await call('GET', '/v1/campaigns/all')).json).toMatchObject(fields)
})

test('created twice: the same fields are the same campaign, others are refused', async () => {
  const call = await open()
  const wish = { ...NEW_CAMPAIGN, id: 'twice', metadata: { a: 1, b: { c: 2 } } }
  const first = await call('POST', '/v1/campaigns', wish)
  const again = await call('POST', '/v1/campaigns', {
    metadata: { b: { c: 2 }, a: 1 },
    ...NEW_CAMPAIGN,
    id: 'twice',
    code_format: { length: 16 },
  })
  expect([first.status, again.status]).toEqual([201, 200])
  expect(again.json).toMatchObject({ version: 1, created_at: first.json['created_at'] })
  expect(again.headers['location']).toBe('/v1/campaigns/twice')
  for (const other of [
    { total_coupons: 2 },
    { name: 'x' },
    { start_time: '2027-01-01T00:00:00Z' },
    { metadata: { a: 1 } },
    { paused: true },
  ]) {
    const refused = await call('POST', '/v1/campaigns', { ...wish, ...other })
    expect([refused.status, refused.json['code']]).toEqual([409, 'campaign_exists'])
  }
})

test('pause, resume and every other change; what stays the same is no change', async () => {
  const call = await open()
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c', metadata: { a: 1 } })
  const change = async (body: unknown) => (await call('PATCH', '/v1/campaigns/c', body)).json
  expect(await change({ paused: true })).toMatchObject({ status: 'paused', paused: true, version: 2 })
  expect(await change({ paused: true })).toMatchObject({ version: 2 })
  expect(await change({})).toMatchObject({ version: 2 })
  expect(await change(undefined)).toMatchObject({ version: 2 })
  expect(await change({ paused: false, name: ' Neu ' })).toMatchObject({ status: 'open', name: 'Neu', version: 3 })
  expect(await change({ metadata: { b: 2 } })).toMatchObject({ metadata: { b: 2 }, version: 4 })
  expect(await change({ end_time: '2100-01-01T00:00:00Z' })).toMatchObject({
    end_time: '2100-01-01T00:00:00.000Z',
    version: 5,
  })
  expect(await change({ end_time: null })).toMatchObject({ end_time: null, version: 6 })
  expect(await change({ start_time: '2099-01-01T00:00:00Z' })).toMatchObject({ status: 'scheduled', version: 7 })
  const now = await change({ start_time: 'now' })
  expect(now).toMatchObject({ status: 'open', version: 8 })
  expect(await change({ recipient_required: true, code_format: { alphabet: 'digits' } })).toMatchObject({
    recipient_required: true,
    code_format: { alphabet: 'digits', length: 12, prefix: '' },
  })
  expect(await change({ total_coupons: 2 })).toMatchObject({ total_coupons: 2, remaining_count: 2 })
  expect(errorsOf(await call('PATCH', '/v1/campaigns/c', { total_coupons: 2_000_000 }))).toEqual([
    {
      in: 'body',
      pointer: '/total_coupons',
      detail: expect.stringContaining('code_format.length must be at least 13 for 2000000 coupons'),
    },
  ])
  expect(errorsOf(await call('PATCH', '/v1/campaigns/c', { end_time: '2026-01-01T00:00:00Z' }))[0]?.pointer).toBe(
    '/end_time',
  )
})

test('with coupons some changes are refused', async () => {
  const call = await open()
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c', total_coupons: 5 })
  for (let i = 0; i < 3; i++) await call('POST', '/v1/campaigns/c/coupons')
  const before = (await call('GET', '/v1/campaigns/c')).json
  expect(before).toMatchObject({ issued_count: 3, remaining_count: 2, status: 'open' })

  const fixed = await call('PATCH', '/v1/campaigns/c', {
    start_time: '2027-01-01T00:00:00Z',
    recipient_required: true,
    code_format: { length: 20 },
    paused: true,
  })
  expect([fixed.status, fixed.json['code']]).toEqual([409, 'campaign_has_coupons'])
  expect(fixed.json['fields']).toEqual(['start_time', 'recipient_required', 'code_format'])
  const low = await call('PATCH', '/v1/campaigns/c', { total_coupons: 2 })
  expect([low.status, low.json['code'], low.json['lowest_total']]).toEqual([409, 'total_below_issued', 3])
  expect({ ...(await call('GET', '/v1/campaigns/c')).json, server_time: null }).toEqual({
    ...before,
    server_time: null,
  })

  const same = { start_time: before['start_time'], recipient_required: false, code_format: { length: 16 } }
  expect((await call('PATCH', '/v1/campaigns/c', { ...same, total_coupons: 3 })).json).toMatchObject({
    status: 'sold_out',
    remaining_count: 0,
  })
  expect((await call('PATCH', '/v1/campaigns/c', { total_coupons: 4 })).json).toMatchObject({
    status: 'open',
    remaining_count: 1,
  })
  expect((await call('POST', '/v1/campaigns/c/coupons')).json).toMatchObject({ slot: 4 })
  const end = new Date(Date.parse(String(before['start_time'])) + 1).toISOString()
  expect((await call('PATCH', '/v1/campaigns/c', { end_time: end })).json).toMatchObject({
    status: 'ended',
    end_time: end,
  })
})

test('the list goes newest first, page by page, without test campaigns', async () => {
  const call = await open()
  const ids = Array.from({ length: 7 }, (_, i) => `c${i}`)
  for (const id of ids) await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id })
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'trial', test: true })
  const seen: string[][] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const { status, json } = await call('GET', `/v1/campaigns?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)
    expect(status).toBe(200)
    seen.push((json['data'] as { id: string }[]).map(({ id }) => id))
    cursor = json['next_cursor'] as string | null
  }
  expect(seen.map((page) => page.length)).toEqual([3, 3, 1])
  expect(seen.flat().sort()).toEqual(ids)
  expect((await call('GET', '/v1/campaigns')).json['data']).toHaveLength(7)
})

test('a list without anything is one empty page', async () => {
  const call = await open()
  expect((await call('GET', '/v1/campaigns')).json).toEqual({ data: [], next_cursor: null })
})
