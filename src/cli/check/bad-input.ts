// Bad input: each has its documented answer, which names what is wrong, and nothing is written.

import type { Json } from './api.ts'
import type { Run } from './run.ts'
import { issuedOf, type Campaign } from './shapes.ts'
import { same, sure } from './steps.ts'

/** A request that must be refused. Without a method: POST; without a path: a campaign is created. */
interface Bad {
  readonly method?: string
  readonly path?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Default: 400 invalid_request. */
  readonly answer?: readonly [status: number, code: string]
  /** Fields that must be named, as JSON pointers. */
  readonly names?: readonly string[]
  /** What must be said about the first of them. */
  readonly says?: readonly string[]
}

const INVALID = [400, 'invalid_request'] as const
const NO_CAMPAIGN = [404, 'campaign_not_found'] as const
const NO_ROUTE = [404, 'not_found'] as const
const NO_METHOD = [405, 'method_not_allowed'] as const
const NO_MEDIA_TYPE = [415, 'unsupported_media_type'] as const

/** Braces within braces. */
const nested = (levels: number): Json => ({ a: levels === 1 ? 1 : nested(levels - 1) })

export async function checkBadInput(run: Run): Promise<void> {
  const { api, step } = run
  const path = run.pathOf('bad')
  const coupons = `${path}/coupons`
  const refusedIds: string[] = []

  /** Creates a campaign, but for these fields. Each has an id of its own, to be looked for at the end. */
  const create = (fields: Readonly<Record<string, unknown>>, rest: Bad = {}): Bad => {
    const name = `refused-${refusedIds.length}`
    refusedIds.push(run.idOf(name))
    return { body: run.wish(name, fields), names: Object.keys(fields).map((field) => `/${field}`), ...rest }
  }
  /** As text, for what JSON.stringify would not write. */
  const written = (from: string, to: string, rest: Bad = {}): Bad => {
    const bad = create({})
    return { ...bad, body: JSON.stringify(bad.body).replace(from, to), names: [], ...rest }
  }
  const get = (path: string, rest: Bad = {}): Bad => ({ method: 'GET', path, ...rest })
  const change = (body: unknown, ...names: string[]): Bad => ({ method: 'PATCH', path, body, names })
  const issue = (body: unknown, ...names: string[]): Bad => ({ path: coupons, body, names })
  const key = (value: string): Bad => ({
    path: coupons,
    headers: { 'idempotency-key': value },
    names: ['/Idempotency-Key'],
  })

  const refuses = (name: string, says: string, bads: readonly Bad[]) =>
    step(`bad input, ${name}`, says, () => refused(bads), before)
  const refused = async (bads: readonly Bad[]): Promise<void> => {
    for (const { method = 'POST', path = '/v1/campaigns', answer = INVALID, ...bad } of bads) {
      const reply = await api.call(method, path, bad)
      const errors = reply.isProblem(answer[0], answer[1])['errors'] as
        | { pointer: string; detail: string }[]
        | undefined
      const told = new Map(errors?.map(({ pointer, detail }) => [pointer, detail]))
      for (const name of bad.names ?? []) sure(`${reply.asked}: errors`, told.has(name), name, reply.text)
      const [first = ''] = bad.names ?? []
      for (const words of bad.says ?? [])
        sure(`${reply.asked}: ${first}`, told.get(first)?.includes(words) === true, words, reply.text)
      if (answer === NO_METHOD)
        sure(`${reply.asked}: Allow`, /\bGET\b|\bPOST\b/.test(reply.headers.allow ?? ''), 'the methods', reply.headers)
    }
  }

  const before = await step('bad input', 'a campaign with a coupon, to be left alone by all that follows', async () => {
    await run.create('bad', { name: '그대로', recipient_required: true })
    await run.change('bad', { name: '그대로 있음' })
    issuedOf('a coupon', (await run.issue('bad', { recipient: '하나', key: 'bad-1' })).is(201))
    return run.read('bad')
  })

  await refuses('not JSON', '400, of the body as a whole', [
    ...['{"name": ', 'nonsense', '[]', 'null', '"text"', '5', Buffer.from([0x7b, 0xff, 0x7d])].map((body): Bad => ({
      body,
      names: [''],
    })),
    issue('{', ''),
    issue([], ''),
    { method: 'PATCH', path, body: '[', names: [''] },
  ])
  await refuses('no body', '400, names what is missing', [{ names: ['/name', '/start_time', '/total_coupons'] }])
  await refuses('wrong types', '400, names each field', [
    create({ name: 5, start_time: 1_800_000_000, end_time: 5, paused: 'false', recipient_required: 0 }),
    create({ metadata: [], code_format: 'base32', total_coupons: true }),
    create({ id: 7, test: 'yes' }),
    change({ name: null, paused: 1 }, '/name', '/paused'),
    issue({ recipient: 5 }, '/recipient'),
    issue({ recipient: ['하나'] }, '/recipient'),
  ])
  await refuses('too large', '413 payload_too_large for a body of 10 MB', [
    { ...create({ name: 'a'.repeat(10 << 20) }), names: [], answer: [413, 'payload_too_large'] },
    { ...issue({ recipient: 'a'.repeat(10 << 20) }), answer: [413, 'payload_too_large'] },
  ])
  await refuses('deep JSON', '400, at thousands of levels as at one too many', [
    written('"test":true', `"test":true,"metadata":${'['.repeat(5_000)}${']'.repeat(5_000)}`),
    create({ metadata: nested(6) }),
  ])
  await refuses('unknown fields and parameters', '400, names them', [
    create({ totl_coupons: 5 }),
    create({ 'a/b': 1 }, { names: ['/a~1b'] }),
    create({ code_format: { size: 3 } }, { names: ['/code_format/size'] }),
    change({ id: 'other' }, '/id'),
    change({ test: false }, '/test'),
    issue({ recipient: '둘', user: 1 }, '/user'),
    { ...create({}), path: '/v1/campaigns?dry_run=1', names: ['/dry_run'] },
    { path: `${coupons}?recipient=x`, names: ['/recipient'] },
    ...[path, '/v1/campaigns', coupons, `${coupons}/X`, `${coupons}.csv`, `${coupons}.ndjson`].map((path) =>
      get(`${path}?page=2`, { names: ['/page'] }),
    ),
  ])
  await refuses('bad cursors, limits and filters', '400, names the parameter', [
    ...['abc', '', 'AAAA', '%00', '%27'].flatMap((cursor) => [
      get(`/v1/campaigns?cursor=${cursor}`, { names: ['/cursor'] }),
      get(`${coupons}?cursor=${cursor}`, { names: ['/cursor'] }),
    ]),
    get(`${coupons}?recipient=x&cursor=abc`),
    ...['0', '101', '-1', '1.5', 'all', '', '1&limit=2'].map((limit) =>
      get(`/v1/campaigns?limit=${limit}`, { names: ['/limit'] }),
    ),
    get(`${coupons}?limit=1001`, { names: ['/limit'] }),
    get(`${coupons}?order=sideways`, { names: ['/order'] }),
    get('/v1/campaigns?status=running', { names: ['/status'] }),
    get('/v1/campaigns?test=maybe', { names: ['/test'] }),
  ])
  await refuses('names and recipients', '400 for NUL, line breaks, nothing, 256 characters', [
    ...['', ' \u3000', 'a\0b', 'a\nb', '가'.repeat(256), '🎟'.repeat(256)].flatMap((text) => [
      create({ name: text }),
      change({ name: text }, '/name'),
      issue({ recipient: text }, '/recipient'),
    ]),
    written('확인', '\\ud83c', { names: ['/name'] }),
  ])
  await refuses(
    'totals',
    '400 for 0, -1, 1.5, 1e10, 2^31, "5", null',
    [0, -1, 1.5, 1e10, 2 ** 31, '5', null].flatMap((total_coupons) => [
      create({ total_coupons }),
      change({ total_coupons }, '/total_coupons'),
    ]),
  )
  await refuses('times', '400; without an offset both readings are spelled out', [
    create(
      { start_time: '2027-03-02T10:00:00' },
      { says: ['2027-03-02T10:00:00+09:00', '2027-03-02T01:00:00.000Z', '2027-03-02T10:00:00Z'] },
    ),
    create({ end_time: '2027-03-02T10:00:00' }, { says: ['2027-03-02T10:00:00+09:00', '2027-03-02T10:00:00Z'] }),
    ...['tomorrow', '', '2027-02-30T10:00:00Z', '2027-03-02T25:00:00Z', '2027-03-02T10:00:00.0001Z'].flatMap(
      (start_time) => [create({ start_time }), create({ end_time: start_time })],
    ),
    create({ end_time: 'now' }),
    create({ end_time: '2020-01-01T00:00:00Z' }),
    change({ end_time: '2020-01-01T00:00:00Z' }, '/end_time'),
  ])
  await refuses('code formats', '400 for what could be guessed or does not fit', [
    create({ code_format: { alphabet: 'klingon' } }, { names: ['/code_format/alphabet'] }),
    create({ code_format: { alphabet: 'digits', length: 6 } }, { names: ['/code_format/length'] }),
    create({ code_format: { length: 65 } }, { names: ['/code_format/length'] }),
    create({ code_format: { prefix: 'spring' } }, { names: ['/code_format/prefix'] }),
    create({ code_format: { prefix: '-1' } }, { names: ['/code_format/prefix'] }),
  ])
  await refuses('ids', '400 in a body, 404 in a path: a slash, two dots, 65 characters, Hangul, NUL', [
    ...['a/b', '..', '', 'a'.repeat(65), '쿠폰', 'a\n', 'a\0'].map((id) => create({ id })),
    ...['..', 'a%2Fb', 'a'.repeat(65), 'a'.repeat(5_000), '%00', '%EC%BF%A0'].flatMap((id) => [
      get(`/v1/campaigns/${id}`, { answer: NO_CAMPAIGN }),
      get(`/v1/campaigns/${id}/coupons`, { answer: NO_CAMPAIGN }),
      get(`/v1/campaigns/${id}/coupons.csv`, { answer: NO_CAMPAIGN }),
      { path: `/v1/campaigns/${id}/coupons`, answer: NO_CAMPAIGN },
      { method: 'DELETE', path: `/v1/campaigns/${id}`, answer: NO_CAMPAIGN },
    ]),
    get('/v1/campaigns/%zz'),
    get('/v1/campaigns/%ff'),
  ])
  await refuses('keys that poison objects', '400 for __proto__ and constructor.prototype in a body', [
    written('{', '{"__proto__":{"test":false},', { names: [''] }),
    written('{', '{"\\u005f_proto__":1,', { names: [''] }),
    written('"test":true', '"test":true,"metadata":{"__proto__":{}}', { names: [''] }),
    written('"test":true', '"test":true,"metadata":{"constructor":{"prototype":{}}}', { names: [''] }),
    get('/v1/campaigns?__proto__=1', { names: ['/__proto__'] }),
    get('/problems/__proto__', { answer: NO_ROUTE }),
    get('/problems/constructor', { answer: NO_ROUTE }),
  ])
  await refuses(
    'wrong paths',
    '404 not_found',
    ['/v2/campaigns', `${path}/`, '/v1/campaigns/../campaigns', '//v1/campaigns', '/__proto__'].map((path) =>
      get(path, { answer: NO_ROUTE }),
    ),
  )
  await refuses('wrong methods', '405 with Allow', [
    { method: 'DELETE', answer: NO_METHOD },
    { method: 'PUT', path, body: '{', answer: NO_METHOD },
    { method: 'PATCH', path: coupons, body: {}, answer: NO_METHOD },
    { method: 'DELETE', path: `${coupons}/X`, answer: NO_METHOD },
    { path: `${coupons}.csv`, answer: NO_METHOD },
    { path: '/livez', answer: NO_METHOD },
  ])
  await refuses(
    'wrong media types',
    '415 unsupported_media_type',
    ['application/x-www-form-urlencoded', 'text/plain', 'application/xml', 'json'].flatMap((type) => [
      { ...create({}), headers: { 'content-type': type }, answer: NO_MEDIA_TYPE },
      { path: coupons, body: '{"recipient":"x"}', headers: { 'content-type': type }, answer: NO_MEDIA_TYPE },
    ]),
  )
  await refuses(
    'Idempotency-Key',
    '400 for an empty one, 256 characters, spaces, a quote left open',
    ['', '""', 'k'.repeat(256), 'a b', '"a'].map(key),
  )

  await step('bad input, headers of 100 kB', '431 headers_too_large', async () => {
    const headers = `Host: check\r\nConnection: close\r\nX-Long: ${'a'.repeat(100_000)}\r\n`
    const reply = await api.bytes('GET /livez with 100 kB of headers', `GET /livez HTTP/1.1\r\n${headers}\r\n`)
    reply.isProblem(431, 'headers_too_large')
  })

  await step('bad input, not HTTP', '400 invalid_request', async () => {
    ;(await api.bytes('no HTTP', 'NONSENSE\r\n\r\n')).isProblem(400, 'invalid_request')
    ;(await api.bytes('no Host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n')).isProblem(400, 'invalid_request')
  })

  await step('bad input, nothing was written', 'no campaign, no coupon, no change', async () => {
    const { server_time: _then, ...expected } = before.value
    const { server_time: _now, ...campaign }: Campaign = await run.read('bad')
    same('the campaign', campaign, expected)
    same('its coupons', (await run.coupons('bad')).length, 1)
    for (const id of refusedIds) (await api.get(`/v1/campaigns/${id}`)).isProblem(404, 'campaign_not_found')
    const listed = await run.pages(`/v1/campaigns?test=all&limit=100&q=${run.id}-refused`)
    const found = listed.flatMap(({ data }) => data)
    same('the list', found, [])
  })

  await step('bad input, the server is unharmed', 'alive, ready, and issues', async () => {
    for (const path of ['/livez', '/readyz']) (await api.get(path)).is(200)
    issuedOf('a coupon', (await run.issue('bad', { recipient: '둘', key: 'bad-2' })).is(201))
  })

  await step('unusual but good', 'Hangul, emoji, right to left; 255 characters; __proto__ as a value', async () => {
    const names = ['봄 쿠폰', '가'.repeat(255), '🎟️ 👨‍👩‍👧', 'עברית \u202e العربية', '__proto__', '🎟'.repeat(255)]
    for (const [number, name] of names.entries()) {
      same('name', (await run.create(`good-${number}`, { name })).name, name.normalize('NFC'))
      const wish = { recipient: name, key: `${number}`.repeat(255) }
      const coupon = issuedOf('a coupon', (await run.issue('good-0', wish)).is(201))
      same('recipient', coupon.recipient, name.normalize('NFC'))
    }
    const trimmed = await run.create('good-trimmed', { name: '  봄\u3000', metadata: nested(5) })
    same('name', trimmed.name, '봄')
    const key = { headers: { 'idempotency-key': '__proto__' } }
    const replies = [await api.post(`${run.pathOf('good-1')}/coupons`, undefined, key)]
    replies.push(await api.post(`${run.pathOf('good-1')}/coupons`, {}, key))
    const statuses = replies.map(({ status }) => status)
    same('the key __proto__', statuses, [201, 200])
    for (const name of ['__proto__', 'constructor', 'A_-9'.padEnd(40, '_')]) {
      const campaign = await run.create(name)
      same('id', [campaign.id, (await run.read(name)).id], [run.idOf(name), run.idOf(name)])
      issuedOf('a coupon', (await run.issue(name, { recipient: name })).is(201))
    }
    // As a whole id it is legal, too: there is none, unless somebody has made it.
    const { status } = await api.get('/v1/campaigns/__proto__')
    sure('GET /v1/campaigns/__proto__', status === 404 || status === 200, '404 campaign_not_found', status)
  })
}
