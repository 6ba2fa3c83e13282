// Whatever is sent: a documented answer that names what is wrong, nothing written, and the server goes on.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { callerOf, type Call } from './documented.ts'
import { openServerUntilClosed, type OpenServer } from './open-server.ts'

let server: OpenServer
let call: Call

beforeAll(async () => {
  server = await openServerUntilClosed()
  call = callerOf(server.app)
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'open' })
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'trial', test: true })
  for (const id of ['open', 'trial']) await call('POST', `/v1/campaigns/${id}/coupons`, { recipient: 'r' })
})

afterAll(() => server.close())

/** Both tables, whole. */
async function tables() {
  const { ledger } = server
  const all = { limit: 1_000, after: null, test: 'all', status: null, text: null } as const
  const { campaigns } = await ledger.listCampaigns(all)
  const coupons = campaigns.map(({ id }) => ledger.listCoupons(id, { limit: 1_000, afterSlot: null, order: 'asc' }))
  return { campaigns, coupons: await Promise.all(coupons) }
}

interface Bad {
  readonly method?: string
  readonly url?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
  readonly status?: number
  readonly code?: string
  /** What must be named, and a piece of what is said about it. */
  readonly errors?: Readonly<Record<string, string>>
}

const create = (fields: Record<string, unknown>, errors: Record<string, string>): Bad => ({
  body: { ...NEW_CAMPAIGN, ...fields },
  errors,
})
const issue = (bad: Bad): Bad => ({ url: '/v1/campaigns/open/coupons', ...bad })
const change = (body: unknown, errors: Record<string, string>): Bad => ({
  method: 'PATCH',
  url: '/v1/campaigns/open',
  body,
  errors,
})
const get = (url: string, bad: Bad): Bad => ({ method: 'GET', url, ...bad })
/** For each who takes it; the malformed header is told before what the campaign would say. */
const ifMatch = (name: string, header: string): Readonly<Record<string, Bad>> =>
  Object.fromEntries(
    ['PATCH', 'DELETE'].map((method) => [
      `${name}, ${method}`,
      {
        method,
        url: '/v1/campaigns/trial',
        headers: { 'if-match': header },
        errors: { '/If-Match': 'must be the ETag of an answer' },
      },
    ]),
  )
const NOT_FOUND: Bad = { status: 404, code: 'campaign_not_found' }
const total = { '/total_coupons': 'must be a whole number from 1 to 2147483647' }
const missing = { '/name': 'is missing: must be a string', '/start_time': 'is missing', '/total_coupons': 'is missing' }
const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) })

const CASES: Readonly<Record<string, Bad>> = {
  'not JSON': { body: '{"name": ', errors: { '': 'must be JSON' } },
  'not an object': { body: '[]', errors: { '': 'must be a JSON object' } },
  null: { body: 'null', errors: { '': 'must be a JSON object' } },
  'a string': { body: '"x"', errors: { '': 'must be a JSON object' } },
  'not UTF-8': { body: Buffer.from([0x7b, 0xff, 0x7d]), errors: { '': 'must be UTF-8' } },
  'no body': { errors: missing },
  'an empty body': { body: '', errors: missing },
  'a body of 10 MB': { body: `{"name":"${'a'.repeat(10 << 20)}"}`, status: 413, code: 'payload_too_large' },
  'a body of a byte too many': {
    body: `{"name":"${'a'.repeat(16_384 - 10)}"}`,
    status: 413,
    code: 'payload_too_large',
  },
  'deep JSON': {
    body: `{"metadata":${'['.repeat(8_000)}${']'.repeat(8_000)}}`,
    errors: { ...missing, '/metadata': 'must be a JSON object' },
  },
  'a raw NUL in a string': {
    body: JSON.stringify({ ...NEW_CAMPAIGN, name: 'a?b' }).replace('?', '\0'),
    errors: { '': 'must be JSON (control characters' },
  },
  'the key __proto__': { body: '{"__proto__": {"name": "x"}}', errors: { '': '__proto__' } },
  'the key __proto__, escaped': { body: '{"__pr\\u006fto__": 1}', errors: { '': '__proto__' } },
  'constructor.prototype': { body: '{"metadata": {"constructor": {"prototype": {}}}}', errors: { '': '__proto__' } },
  'a form': {
    body: 'a=1',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'unsupported_media_type',
  },
  text: { body: '{}', headers: { 'content-type': 'text/plain' }, status: 415, code: 'unsupported_media_type' },
  'a type that is none': {
    body: '{}',
    headers: { 'content-type': 'json' },
    status: 415,
    code: 'unsupported_media_type',
  },
  'an unknown field': create(
    { 'a/b': 1, totl: 2 },
    { '/a~1b': 'is unknown: known are id, name', '/totl': 'is unknown' },
  ),
  'an unknown field within': create(
    { code_format: { size: 3 } },
    { '/code_format/size': 'known are alphabet, length, prefix' },
  ),
  'an unknown query parameter': {
    url: '/v1/campaigns?dry_run=1',
    body: NEW_CAMPAIGN,
    errors: { '/dry_run': 'nothing is expected here' },
  },

  'name: a number': create({ name: 5 }, { '/name': 'must be a string' }),
  'name: empty': create({ name: '' }, { '/name': 'must not be empty' }),
  'name: white space': create({ name: ' \u3000\t ' }, { '/name': 'must have 1 to 255 characters' }),
  'name: 256 characters': create({ name: '가'.repeat(256) }, { '/name': 'must have 1 to 255 characters' }),
  'name: 256 emoji': create({ name: '🎟'.repeat(256) }, { '/name': 'must have 1 to 255 characters' }),
  'name: NUL': create({ name: 'a\0b' }, { '/name': 'control characters' }),
  'name: a line break': create({ name: 'a\nb' }, { '/name': 'control characters' }),
  'name: half a pair': {
    body: '{"name":"\\ud83c","start_time":"now","total_coupons":1}',
    errors: { '/name': 'well-formed Unicode' },
  },
  'total: 0': create({ total_coupons: 0 }, total),
  'total: -1': create({ total_coupons: -1 }, total),
  'total: 1.5': create({ total_coupons: 1.5 }, total),
  'total: 1e10': create({ total_coupons: 1e10 }, total),
  'total: 2^31': create({ total_coupons: 2 ** 31 }, total),
  'total: "5"': create({ total_coupons: '5' }, total),
  'total: null': create({ total_coupons: null }, total),
  'total: 1e999': {
    body: '{"name":"a","start_time":"now","total_coupons":1e999}',
    errors: total,
  },
  'total: [1]': create({ total_coupons: [1] }, total),
  'total: true': create({ total_coupons: true }, total),
  'start_time: nonsense': create({ start_time: 'tomorrow' }, { '/start_time': 'or "now"' }),
  'start_time: a number': create({ start_time: 1_800_000_000 }, { '/start_time': 'must be a string' }),
  'start_time: without an offset': create(
    { start_time: '2027-03-02T10:00:00' },
    { '/start_time': 'which is 2027-03-02T01:00:00.000Z; meant in UTC, send 2027-03-02T10:00:00Z' },
  ),
  'start_time: 30 February': create({ start_time: '2027-02-30T10:00:00Z' }, { '/start_time': 'a time that exists' }),
  'start_time: microseconds': create(
    { start_time: '2027-03-02T10:00:00.000001Z' },
    { '/start_time': 'at most three digits' },
  ),
  'start_time: 1969': create({ start_time: '1969-12-31T23:59:59Z' }, { '/start_time': 'years 1970 to 9999' }),
  'end_time: "now"': create({ end_time: 'now' }, { '/end_time': 'must be a time of RFC 3339' }),
  'end_time: a number': create({ end_time: 5 }, { '/end_time': 'must be a string or null' }),
  'end_time: the start': create(
    { start_time: '2027-01-01T00:00:00Z', end_time: '2027-01-01T09:00:00+09:00' },
    { '/end_time': 'later than start_time' },
  ),
  'end_time: before now': create({ end_time: '2020-01-01T00:00:00Z' }, { '/end_time': 'later than start_time' }),
  'id: a slash': create({ id: 'a/b' }, { '/id': 'must be 1 to 64 of' }),
  'id: ..': create({ id: '..' }, { '/id': 'must be 1 to 64 of' }),
  'id: empty': create({ id: '' }, { '/id': 'must be 1 to 64 of' }),
  'id: 65 characters': create({ id: 'a'.repeat(65) }, { '/id': 'must be 1 to 64 of' }),
  'id: Hangul': create({ id: '쿠폰' }, { '/id': 'must be 1 to 64 of' }),
  'id: a trailing line break': create({ id: 'a\n' }, { '/id': 'must be 1 to 64 of' }),
  'test: "true"': create({ test: 'true' }, { '/test': 'must be true or false' }),
  'test: 1': create({ test: 1 }, { '/test': 'must be true or false' }),
  'recipient_required: null': create({ recipient_required: null }, { '/recipient_required': 'must be true or false' }),
  'paused: "false"': create({ paused: 'false' }, { '/paused': 'must be true or false' }),
  'paused: 0': create({ paused: 0 }, { '/paused': 'must be true or false' }),
  'code_format: an unknown alphabet': create(
    { code_format: { alphabet: 'klingon' } },
    { '/code_format/alphabet': 'one of base32, digits, hangul' },
  ),
  'code_format: too short': create(
    { code_format: { alphabet: 'digits', length: 7 } },
    { '/code_format/length': 'must be at least 9 for 1000 coupons' },
  ),
  'code_format: too long with its prefix': create(
    { code_format: { length: 64, prefix: 'A' } },
    { '/code_format/length': 'must be at most 63' },
  ),
  'code_format: length 65': create(
    { code_format: { length: 65 } },
    { '/code_format/length': 'a whole number from 1 to 64' },
  ),
  'code_format: a small prefix': create({ code_format: { prefix: 'spring' } }, { '/code_format/prefix': 'A–Z' }),
  'code_format: a formula': create(
    { code_format: { prefix: '-1' } },
    { '/code_format/prefix': 'not begin with a hyphen' },
  ),
  'code_format: TEST in front, and no test': create(
    { code_format: { prefix: 'TEST-' } },
    { '/code_format/prefix': 'only the codes of test campaigns do' },
  ),
  'code_format: null': create({ code_format: null }, { '/code_format': 'must be a JSON object' }),
  'metadata: an array': create({ metadata: [] }, { '/metadata': 'must be a JSON object' }),
  'metadata: null': create({ metadata: null }, { '/metadata': 'must be a JSON object' }),
  'metadata: too large': create(
    { metadata: { a: '가'.repeat(1_400) } },
    { '/metadata': 'must be at most 4096 bytes as JSON, and is 4208' },
  ),
  'metadata: too deep': create({ metadata: deep(6) }, { '/metadata': 'at most 5 levels' }),
  'metadata: half a pair': create({ metadata: { a: ['\ud800'] } }, { '/metadata': 'well-formed' }),
  'metadata: half a pair as a key': create({ metadata: { '\udc00': 1 } }, { '/metadata': 'well-formed' }),
  'metadata: 2^53': {
    body: '{"name":"a","start_time":"now","total_coupons":1,"metadata":{"n":9007199254740993}}',
    errors: { '/metadata': 'as a string' },
  },
  'metadata: 1e999': {
    body: '{"name":"a","start_time":"now","total_coupons":1,"metadata":{"n":1e999}}',
    errors: { '/metadata': 'as a string' },
  },

  'change: null for what cannot be none': change({ name: null }, { '/name': 'must be a string' }),
  'change: the id': change({ id: 'other' }, { '/id': 'is unknown' }),
  'change: test': change({ test: true }, { '/test': 'is unknown' }),
  'change: total 0': change({ total_coupons: 0 }, total),
  'change: an end before the start': change(
    { end_time: '2020-01-01T00:00:00Z' },
    { '/end_time': 'later than start_time' },
  ),
  'change: a prefix that only test campaigns have': change(
    { code_format: { prefix: 'TEST' } },
    { '/code_format/prefix': 'must not begin with TEST' },
  ),
  'change: text': {
    method: 'PATCH',
    url: '/v1/campaigns/open',
    body: '{}',
    headers: { 'content-type': 'text/plain' },
    status: 415,
    code: 'unsupported_media_type',
  },
  'change: a query parameter': {
    method: 'PATCH',
    url: '/v1/campaigns/open?force=1',
    errors: { '/force': 'nothing is expected here' },
  },
  'change: of what is not there': { ...NOT_FOUND, method: 'PATCH', url: '/v1/campaigns/nix', body: {} },

  ...ifMatch('If-Match: empty', ''),
  ...ifMatch('If-Match: without quotes', '1.mhvbb7z5'),
  ...ifMatch('If-Match: a quote left open', '"1.mhvbb7z5'),
  ...ifMatch('If-Match: without commas', '"a" "b"'),
  ...ifMatch('If-Match: a comma too many', '"a",'),
  ...ifMatch('If-Match: * among others', '*, "a"'),
  ...ifMatch('If-Match: a small w', 'w/"a"'),
  ...ifMatch('If-Match: not ASCII', '"é"'),
  ...ifMatch('If-Match: 15 kB without an end', `"${'a'.repeat(15_000)}`),
  ...ifMatch('If-Match: 5,000 and no last', '"",'.repeat(5_000)),

  'delete: of what is not there': { ...NOT_FOUND, method: 'DELETE', url: '/v1/campaigns/nix' },
  'delete: of an id of 65 characters': { ...NOT_FOUND, method: 'DELETE', url: `/v1/campaigns/${'a'.repeat(65)}` },
  'delete: with coupons': {
    method: 'DELETE',
    url: '/v1/campaigns/open',
    status: 409,
    code: 'campaign_has_coupons',
  },
  'delete: a query parameter': {
    method: 'DELETE',
    url: '/v1/campaigns/trial?coupons=keep',
    errors: { '/coupons': 'nothing is expected here' },
  },
  'delete: a body that is no JSON': {
    method: 'DELETE',
    url: '/v1/campaigns/trial',
    body: '{',
    errors: { '': 'must be JSON' },
  },

  'recipient: a number': issue({ body: { recipient: 5 }, errors: { '/recipient': 'must be a string or null' } }),
  'recipient: empty': issue({ body: { recipient: '' }, errors: { '/recipient': 'must not be empty' } }),
  'recipient: 256 characters': issue({
    body: { recipient: 'a'.repeat(256) },
    errors: { '/recipient': 'must have 1 to 255' },
  }),
  'recipient: DEL': issue({ body: { recipient: 'a\x7f' }, errors: { '/recipient': 'control characters' } }),
  'recipient: half a pair': issue({ body: '{"recipient":"\\udead"}', errors: { '/recipient': 'well-formed' } }),
  'issue: an unknown field': issue({ body: { user: 1 }, errors: { '/user': 'known are recipient' } }),
  'issue: an array': issue({ body: [], errors: { '': 'must be a JSON object' } }),
  'issue: a query parameter': { url: '/v1/campaigns/open/coupons?recipient=x', errors: { '/recipient': 'is unknown' } },
  'Idempotency-Key: empty': issue({
    headers: { 'idempotency-key': '' },
    errors: { '/Idempotency-Key': '1 to 255 visible' },
  }),
  'Idempotency-Key: empty in quotes': issue({
    headers: { 'idempotency-key': '""' },
    errors: { '/Idempotency-Key': '1 to 255 visible' },
  }),
  'Idempotency-Key: 256 characters': issue({
    headers: { 'idempotency-key': 'k'.repeat(256) },
    errors: { '/Idempotency-Key': '1 to 255 visible' },
  }),
  'Idempotency-Key: a space': issue({
    headers: { 'idempotency-key': 'a b' },
    errors: { '/Idempotency-Key': 'without spaces' },
  }),
  'Idempotency-Key: a quote left open': issue({
    headers: { 'idempotency-key': '"a' },
    errors: { '/Idempotency-Key': 'in double quotes or bare' },
  }),
  'Idempotency-Key: not ASCII': issue({
    headers: { 'idempotency-key': 'ké' },
    errors: { '/Idempotency-Key': 'visible ASCII' },
  }),
  'issue: a form': issue({
    body: 'recipient=r',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'unsupported_media_type',
  }),
  'issue: 10 MB': issue({ body: `{"recipient":"${'a'.repeat(10 << 20)}"}`, status: 413, code: 'payload_too_large' }),
  'issue: of no campaign': { ...NOT_FOUND, url: '/v1/campaigns/nix/coupons' },
  'issue: of an id that cannot be': { ...NOT_FOUND, url: '/v1/campaigns/a%2Fb/coupons' },

  'path: an id of 65 characters': get(`/v1/campaigns/${'a'.repeat(65)}`, NOT_FOUND),
  'path: an id of 5,000 characters': get(`/v1/campaigns/${'a'.repeat(5_000)}`, NOT_FOUND),
  'path: __proto__ as an id': get('/v1/campaigns/__proto__', NOT_FOUND),
  'path: NUL as an id': get('/v1/campaigns/%00', NOT_FOUND),
  'path: Hangul as an id': get(`/v1/campaigns/${encodeURIComponent('쿠폰')}`, NOT_FOUND),
  'path: broken encoding': get('/v1/campaigns/%zz', { code: 'invalid_request', status: 400 }),
  'path: encoding that is not UTF-8': get('/v1/campaigns/%ff', { code: 'invalid_request', status: 400 }),
  'path: unknown': get('/v2/campaigns', { status: 404, code: 'not_found' }),
  'path: unknown, with a bad body': { url: '/v2', body: '{', status: 404, code: 'not_found' },
  'path: no id': get('/v1/campaigns/', NOT_FOUND),
  'path: a slash too many': get('/v1/campaigns/open/', { status: 404, code: 'not_found' }),
  'path: __proto__': get('/__proto__', { status: 404, code: 'not_found' }),
  'problem: unknown': get('/problems/constructor', { status: 404, code: 'not_found' }),
  'code: unknown': get('/v1/campaigns/open/coupons/7KQ2M9XD4R8TVW3A', { status: 404, code: 'coupon_not_found' }),
  'code: nonsense': get(`/v1/campaigns/open/coupons/${encodeURIComponent("' OR 1=1 --\u202e")}`, {
    status: 404,
    code: 'coupon_not_found',
  }),
  'method: DELETE of the list': { method: 'DELETE', status: 405, code: 'method_not_allowed' },
  'method: PUT, with a bad body': {
    method: 'PUT',
    url: '/v1/campaigns/open',
    body: '{',
    status: 405,
    code: 'method_not_allowed',
  },
  'method: POST of an export': { url: '/v1/campaigns/open/coupons.csv', status: 405, code: 'method_not_allowed' },
  'method: DELETE of a coupon': {
    method: 'DELETE',
    url: '/v1/campaigns/trial/coupons/7KQ2M9XD4R8TVW3A',
    status: 405,
    code: 'method_not_allowed',
  },
  'method: PROPFIND': { method: 'PROPFIND', status: 405, code: 'method_not_allowed' },
  'method: POST on a page': { url: '/livez', status: 405, code: 'method_not_allowed' },

  'limit: 0': get('/v1/campaigns?limit=0', { errors: { '/limit': 'a whole number from 1 to 100' } }),
  'limit: 101': get('/v1/campaigns?limit=101', { errors: { '/limit': 'a whole number from 1 to 100' } }),
  'limit: a word': get('/v1/campaigns?limit=all', { errors: { '/limit': 'a whole number' } }),
  'limit: empty': get('/v1/campaigns?limit=', { errors: { '/limit': 'a whole number' } }),
  'limit: 1.0': get('/v1/campaigns?limit=1.0', { errors: { '/limit': 'a whole number' } }),
  'limit: twice': get('/v1/campaigns?limit=1&limit=2', { errors: { '/limit': 'a whole number' } }),
  'limit: 1001 coupons': get('/v1/campaigns/open/coupons?limit=1001', { errors: { '/limit': 'from 1 to 1000' } }),
  'status: unknown': get('/v1/campaigns?status=running', {
    errors: { '/status': 'one of scheduled, open, paused, sold_out, ended' },
  }),
  'status: empty': get('/v1/campaigns?status=', { errors: { '/status': 'one of scheduled' } }),
  'status: twice': get('/v1/campaigns?status=open&status=paused', { errors: { '/status': 'one of scheduled' } }),
  'test: a number': get('/v1/campaigns?test=1', { errors: { '/test': 'one of false, true, all' } }),
  'q: empty': get('/v1/campaigns?q=', { errors: { '/q': 'must not be empty' } }),
  'q: white space': get('/v1/campaigns?q=+%E3%80%80', { errors: { '/q': 'must have 1 to 255 characters' } }),
  'q: 256 characters': get(`/v1/campaigns?q=${'a'.repeat(256)}`, { errors: { '/q': 'must have 1 to 255 characters' } }),
  'q: NUL': get('/v1/campaigns?q=%00', { errors: { '/q': 'control characters' } }),
  'q: twice': get('/v1/campaigns?q=a&q=b', { errors: { '/q': 'must be a string' } }),
  'q: not UTF-8': get('/v1/campaigns?q=%ff', { errors: { '': 'must be percent-encoded UTF-8' } }),
  'q: half an escape': get('/v1/campaigns?q=50%', { errors: { '': 'must be percent-encoded UTF-8' } }),
  'a filter and a bad cursor': get('/v1/campaigns?status=open&cursor=x', {
    errors: { '/cursor': 'must be next_cursor' },
  }),
  'recipient: in EUC-KR': get('/v1/campaigns/open/coupons?recipient=%B0%A1', {
    errors: { '': 'must be percent-encoded UTF-8' },
  }),
  'recipient: looked for without one': get('/v1/campaigns/open/coupons?recipient=', {
    errors: { '/recipient': 'must not be empty' },
  }),
  'recipient: looked for with a line break': get('/v1/campaigns/open/coupons?recipient=a%0Ab', {
    errors: { '/recipient': 'control characters' },
  }),
  'recipient: two': get('/v1/campaigns/open/coupons?recipient=a&recipient=b', {
    errors: { '/recipient': 'must be a string' },
  }),
  'recipient: with a cursor': get(
    `/v1/campaigns/open/coupons?recipient=r&cursor=${Buffer.from('s:asc:1').toString('base64url')}`,
    { errors: { '/cursor': 'goes with no recipient' } },
  ),
  'recipient: on the campaign list': get('/v1/campaigns?recipient=r', {
    errors: { '/recipient': 'known are limit, cursor, status, q, test' },
  }),
  'export: a query parameter': get('/v1/campaigns/open/coupons.csv?limit=5', {
    errors: { '/limit': 'nothing is expected here' },
  }),
  'order: sideways': get('/v1/campaigns/open/coupons?order=sideways', { errors: { '/order': 'one of asc, desc' } }),
  'query: unknown': get('/v1/campaigns?page=2&__proto__=1', {
    errors: { '/page': 'known are limit, cursor', '/__proto__': 'is unknown' },
  }),
  'query: unknown on a campaign': get('/v1/campaigns/open?x', { errors: { '/x': 'is unknown' } }),
  'cursor: nonsense': get('/v1/campaigns?cursor=abc', { errors: { '/cursor': 'must be next_cursor' } }),
  'cursor: empty': get('/v1/campaigns?cursor=', { errors: { '/cursor': 'must be next_cursor' } }),
  'cursor: of another list': get(`/v1/campaigns?cursor=${Buffer.from('s:asc:1').toString('base64url')}`, {
    errors: { '/cursor': 'must be next_cursor' },
  }),
  'cursor: padded': get(`/v1/campaigns/open/coupons?cursor=${Buffer.from('s:asc:12').toString('base64')}`, {
    errors: { '/cursor': 'must be next_cursor' },
  }),
  'cursor: of the other order': get(
    `/v1/campaigns/open/coupons?order=desc&cursor=${Buffer.from('s:asc:1').toString('base64url')}`,
    { errors: { '/cursor': 'order=asc' } },
  ),
}

describe('is answered as documented, and nothing is written:', () => {
  test.each(Object.entries(CASES))(
    '%s',
    async (
      _name,
      { method = 'POST', url = '/v1/campaigns', body, headers = {}, status = 400, code = 'invalid_request', errors },
    ) => {
      const before = await tables()
      const reply = await call(method, url, body, { headers })
      expect([reply.status, reply.json['code']], reply.text).toEqual([status, code])
      const told = Object.fromEntries(
        ((reply.json['errors'] ?? []) as { pointer: string; detail: string }[]).map(({ pointer, detail }) => [
          pointer,
          detail,
        ]),
      )
      if (errors !== undefined) expect(new Set(Object.keys(told)), reply.text).toEqual(new Set(Object.keys(errors)))
      for (const [pointer, detail] of Object.entries(errors ?? {})) expect(told[pointer], reply.text).toContain(detail)
      if (status === 405) expect(reply.headers['allow']).toMatch(/^[A-Z]+(, [A-Z]+)*$/)
      expect(await tables()).toEqual(before)
      expect((await call('GET', '/v1/campaigns/open')).status).toBe(200)
      expect(server.logged).toEqual([])
    },
  )
})

test('what is unusual but good is taken', async () => {
  const good: Record<string, unknown>[] = [
    { name: '가'.repeat(255) },
    { name: ` ${'🎟'.repeat(255)} ` },
    { name: 'עברית \u202e العربية 👨‍👩‍👧' },
    { total_coupons: 2_147_483_647 },
    { start_time: '9999-12-31T23:59:59.999Z' },
    { start_time: '1970-01-01T09:00:00+09:00' },
    { start_time: '2028-02-29t10:00:00.5z', end_time: null },
    { metadata: deep(5) },
    { metadata: { a: 'x'.repeat(4_096 - 8) } },
    { id: 'A_-9' },
    { code_format: { alphabet: 'digits' }, total_coupons: 2_147_483_647 },
    { code_format: { alphabet: 'hangul', prefix: 'A23456789-123456' } },
  ]
  for (const fields of good) {
    const { status, text } = await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, ...fields })
    expect(status, text).toBe(201)
  }
  for (const id of ['__proto__', 'constructor', 'a'.repeat(64)]) {
    expect((await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id })).status).toBe(201)
    const { json } = await call('POST', `/v1/campaigns/${id}/coupons`, { recipient: '__proto__' })
    expect((await call('GET', `/v1/campaigns/${id}/coupons?recipient=__proto__`)).json['data']).toMatchObject([
      { campaign_id: id, coupon_code: json['coupon_code'] },
    ])
    expect((await call('GET', `/v1/campaigns/${id}`)).json).toMatchObject({ id, issued_count: 1 })
  }
  for (const key of ['k'.repeat(255), `"${'q'.repeat(255)}"`, 'a"b', '"a\\"b\\\\"']) {
    expect(
      (await call('POST', '/v1/campaigns/open/coupons', undefined, { headers: { 'idempotency-key': key } })).status,
    ).toBe(201)
  }
})
