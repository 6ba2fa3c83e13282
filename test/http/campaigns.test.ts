// Campaigns over HTTP, on the embedded ledger.

import { describe, expect, test } from 'vitest'
import { callerOf, type Call, type Reply } from './documented.ts'
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
  const kept = { ...fields, code_format: { ...fields.code_format, prefix: 'TESTBOM-' } }
  expect((await call('POST', '/v1/campaigns', fields)).json).toMatchObject({ ...kept, status: 'paused' })
  expect((await call('GET', '/v1/campaigns/all')).json).toMatchObject(kept)
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

const ifMatch = (etag: unknown) => ({ headers: { 'if-match': String(etag) } })
const answerOf = ({ status, json }: Reply) => [status, json['code']]
const withoutClock = ({ json: { server_time: _time, ...campaign } }: Reply) => campaign

test('an ETag names a state: the same in every answer about it, another after a change', async () => {
  const call = await open()
  const wish = { ...NEW_CAMPAIGN, id: 'c' }
  const { headers } = await call('POST', '/v1/campaigns', wish)
  expect(headers['etag']).toMatch(/^"[!#-~]+"$/)
  await call('POST', '/v1/campaigns/c/coupons')
  for (const same of [
    await call('POST', '/v1/campaigns', wish),
    await call('GET', '/v1/campaigns/c'),
    await call('PATCH', '/v1/campaigns/c', { paused: false }),
  ]) {
    expect(same.headers['etag']).toBe(headers['etag'])
  }
  const changed = await call('PATCH', '/v1/campaigns/c', { paused: true })
  expect(changed.headers['etag']).not.toBe(headers['etag'])
  expect((await call('GET', '/v1/campaigns/c')).headers['etag']).toBe(changed.headers['etag'])
})

describe('If-Match', () => {
  const setUp = async () => {
    const call = await open()
    const { headers } = await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c' })
    return { call, etag: String(headers['etag']) }
  }

  test.each([
    (etag: string) => etag,
    (etag: string) => `"other", ${etag}`,
    (etag: string) => `W/"a"\t,${etag},"~!#"`,
    () => '*',
  ])('fits: %s', async (header) => {
    const { call, etag } = await setUp()
    expect((await call('PATCH', '/v1/campaigns/c', { name: 'x' }, ifMatch(header(etag)))).json['version']).toBe(2)
    const { headers } = await call('GET', '/v1/campaigns/c')
    expect((await call('DELETE', '/v1/campaigns/c', undefined, ifMatch(header(String(headers['etag']))))).status).toBe(
      204,
    )
  })

  test.each([
    () => '"other"',
    () => '""',
    (etag: string) => `W/${etag}`,
    (etag: string) => etag.replace('"1.', '"2.'),
    (etag: string) => etag.replace('"1.', '"01.'),
    (etag: string) => `"${etag.slice(1, -2)}"`,
    () => '"1.zzzzzzzzzzzz", "99999999999.1"',
  ])('does not fit: %s', async (header) => {
    const { call, etag } = await setUp()
    const before = await call('GET', '/v1/campaigns/c')
    for (const method of ['PATCH', 'DELETE']) {
      const refused = await call(method, '/v1/campaigns/c', { paused: true }, ifMatch(header(etag)))
      expect(answerOf(refused)).toEqual([412, 'campaign_changed'])
      expect(refused.headers['etag']).toBe(etag)
      const { server_time: _time, ...shown } = refused.json['campaign'] as Record<string, unknown>
      expect(shown).toEqual(withoutClock(before))
    }
    expect(withoutClock(await call('GET', '/v1/campaigns/c'))).toEqual(withoutClock(before))
  })

  test('two people change one campaign: the second is shown it as it is now, and may then go on', async () => {
    const { call, etag } = await setUp()
    const both = await Promise.all(['a', 'b'].map((name) => call('PATCH', '/v1/campaigns/c', { name }, ifMatch(etag))))
    const [won, lost] = both.sort((a, b) => a.status - b.status) as [Reply, Reply]
    expect([won.status, ...answerOf(lost)]).toEqual([200, 412, 'campaign_changed'])
    expect(lost.json['campaign']).toMatchObject({ name: won.json['name'], version: 2 })
    expect(lost.headers['etag']).toBe(won.headers['etag'])
    const again = await call('PATCH', '/v1/campaigns/c', { name: 'c' }, ifMatch(lost.headers['etag']))
    expect(again.json).toMatchObject({ name: 'c', version: 3 })
  })

  test('what was seen of a campaign says nothing of another one under its id', async () => {
    const { call, etag } = await setUp()
    await call('DELETE', '/v1/campaigns/c')
    expect(answerOf(await call('PATCH', '/v1/campaigns/c', { name: 'x' }, ifMatch(etag)))).toEqual([
      404,
      'campaign_not_found',
    ])
    await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c' })
    for (const method of ['PATCH', 'DELETE']) {
      const refused = await call(method, '/v1/campaigns/c', {}, ifMatch(etag))
      expect(answerOf(refused)).toEqual([412, 'campaign_changed'])
      expect(refused.json['campaign']).toMatchObject({ version: 1 })
    }
  })

  test('comes behind a wrong body and before what the campaign would refuse', async () => {
    const { call } = await setUp()
    const wrong = await call('PATCH', '/v1/campaigns/c', { total_coupons: 0 }, ifMatch('nonsense'))
    expect(errorsOf(wrong).map(({ pointer }) => pointer)).toEqual(['/total_coupons'])
    const misfit = await call('PATCH', '/v1/campaigns/c', { end_time: '2020-01-01T00:00:00Z' }, ifMatch('"other"'))
    expect(answerOf(misfit)).toEqual([412, 'campaign_changed'])
  })
})

describe('a campaign is deleted', () => {
  const COUPONS = '/v1/campaigns/c/coupons'
  const open = async (fields: object = {}): Promise<Call> => {
    const { app } = await openServer()
    const call = callerOf(app)
    await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c', ...fields })
    return call
  }

  test('and gone; its id is free again', async () => {
    const call = await open()
    expect((await call('DELETE', '/v1/campaigns/c')).status).toBe(204)
    for (const [method, path, body] of [
      ['GET', '/v1/campaigns/c'],
      ['PATCH', '/v1/campaigns/c', { paused: true }],
      ['DELETE', '/v1/campaigns/c'],
      ['POST', COUPONS],
      ['GET', COUPONS],
      ['GET', `${COUPONS}?recipient=r`],
      ['GET', `${COUPONS}.csv`],
      ['GET', `${COUPONS}.ndjson`],
      ['GET', `${COUPONS}/7KQ2M9XD4R8TVW3A`],
    ] as const) {
      expect(answerOf(await call(method, path, body)), `${method} ${path}`).toEqual([404, 'campaign_not_found'])
    }
    expect((await call('GET', '/v1/campaigns')).json['data']).toEqual([])
    const anew = await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c', name: 'anew' })
    expect([anew.status, anew.json['version']]).toEqual([201, 1])
  })

  test('with coupons it is not', async () => {
    const call = await open()
    await call('POST', COUPONS, { recipient: 'r' })
    const refused = await call('DELETE', '/v1/campaigns/c')
    expect(answerOf(refused)).toEqual([409, 'campaign_has_coupons'])
    expect(refused.json).not.toHaveProperty('fields')
    expect((await call('GET', '/v1/campaigns/c')).json).toMatchObject({ issued_count: 1, paused: false, version: 1 })
  })

  test('with coupons when it is a test, and nothing of them is left to the next one', async () => {
    const call = await open({ test: true })
    const { json } = await call('POST', COUPONS, { recipient: 'r' })
    expect(json['coupon_code']).toMatch(/^TEST/)
    expect((await call('DELETE', '/v1/campaigns/c')).status).toBe(204)
    await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c', test: true })
    expect((await call('GET', '/v1/campaigns/c')).json['issued_count']).toBe(0)
    expect(answerOf(await call('GET', `${COUPONS}/${String(json['coupon_code'])}`))).toEqual([404, 'coupon_not_found'])
    expect((await call('GET', `${COUPONS}?recipient=r`)).json['data']).toEqual([])
    expect((await call('POST', COUPONS, { recipient: 'r' })).status).toBe(201)
  })

  test('by two at once: one deletes it, to the other it is gone', async () => {
    const call = await open()
    const answers = await Promise.all([call('DELETE', '/v1/campaigns/c'), call('DELETE', '/v1/campaigns/c')])
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204, 404]))
  })

  test('whatever good JSON comes with it; a body that cannot be read is refused first', async () => {
    const call = await open()
    const text = { headers: { 'content-type': 'text/plain' } }
    for (const [body, options, answer] of [
      ['{', {}, [400, 'invalid_request']],
      ['x', text, [415, 'unsupported_media_type']],
      [`"${'x'.repeat(20_000)}"`, {}, [413, 'payload_too_large']],
    ] as const) {
      expect(answerOf(await call('DELETE', '/v1/campaigns/c', body, options))).toEqual(answer)
    }
    for (const [body, options] of [
      ['{"a":[1]}', {}],
      ['', text],
    ] as const) {
      expect((await call('DELETE', '/v1/campaigns/c', body, options)).status).toBe(204)
      await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c' })
    }
  })
})

describe('the list is filtered', () => {
  const PAST = { start_time: '2020-01-01T00:00:00Z', end_time: '2021-01-01T00:00:00Z' }
  const CAMPAIGNS = [
    { id: 'scheduled', name: '봄맞이 50% 할인', start_time: '2099-01-01T00:00:00Z' },
    { id: 'open', name: 'Rush 🎟' },
    { id: 'paused', name: 'under_score', paused: true },
    { id: 'sold_out', name: 'RUSH again', total_coupons: 1 },
    { id: 'ended', name: 'back\\slash', ...PAST },
    { id: 'trial', name: '봄 rehearsal', test: true },
    { id: 'Trial2', name: '50 percent', test: true, paused: true },
  ]
  const open = async () => {
    const { app } = await openServer()
    const call = callerOf(app)
    for (const campaign of CAMPAIGNS) await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, ...campaign })
    await call('POST', '/v1/campaigns/sold_out/coupons')
    return call
  }
  const idsOf = async (call: Call, query: Record<string, string>) => {
    const ids: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const more = new URLSearchParams({ ...query, ...(cursor !== '' && { cursor }) })
      const { json } = await call('GET', `/v1/campaigns?${more.toString()}`)
      ids.push(...(json['data'] as { id: string }[]).map(({ id }) => id))
      cursor = json['next_cursor'] as string | null
    }
    return ids.sort()
  }

  test('by status, exactly: also page by page, and what is sold out and not yet noted is not open', async () => {
    const call = await open()
    for (const limit of ['1', '2', '100']) {
      for (const status of ['scheduled', 'open', 'paused', 'sold_out', 'ended']) {
        // The list of all notes what it finds sold out.
        if (status === 'sold_out') await call('GET', '/v1/campaigns')
        expect(await idsOf(call, { status, limit }), status).toEqual([status])
      }
    }
  })

  test('by test campaigns: none, only they, all', async () => {
    const call = await open()
    const real = ['ended', 'open', 'paused', 'scheduled', 'sold_out']
    expect(await idsOf(call, {})).toEqual(real)
    expect(await idsOf(call, { test: 'false' })).toEqual(real)
    expect(await idsOf(call, { test: 'true', limit: '1' })).toEqual(['Trial2', 'trial'])
    expect(await idsOf(call, { test: 'all', limit: '3' })).toEqual(['Trial2', ...real, 'trial'])
    expect(await idsOf(call, { test: 'all', status: 'paused' })).toEqual(['Trial2', 'paused'])
  })

  test.each([
    ['봄', ['scheduled', 'trial']],
    ['봄'.normalize('NFD'), ['scheduled', 'trial']],
    ['50%', ['scheduled']],
    ['%', ['scheduled']],
    ['_', ['paused', 'sold_out']],
    ['\\', ['ended']],
    ['🎟', ['open']],
    ['rush', ['open', 'sold_out']],
    ['  RUSH\u3000', ['open', 'sold_out']],
    ['TRIAL', ['Trial2', 'trial']],
    ["' OR 1=1 --", []],
    ['*', []],
    ['가'.repeat(255), []],
  ])('by what is in name or id: %j', async (q, ids) => {
    const call = await open()
    expect(await idsOf(call, { q, test: 'all' })).toEqual(ids)
    expect(await idsOf(call, { q, test: 'all', limit: '1' })).toEqual(ids)
  })
})
