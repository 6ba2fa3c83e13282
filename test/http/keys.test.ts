// Who may call what, made of the OpenAPI document: every operation with keys of every kind, and what they see then.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SCOPES, type Scope } from '../../src/access/caller.ts'
import type { KeyStore } from '../../src/access/key-store.ts'
import { callerOf, DOCUMENT, type Call, type Reply } from './documented.ts'
import { bearer, idOfKey, newKey, strangersKey } from './make-key.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer, openServerUntilClosed, type OpenServer } from './open-server.ts'
import { SOMEBODY } from '../contract/ledger-samples.ts'

/** Written down once more, from the table of scopes: which of them are enough. */
const ENOUGH: Readonly<Record<Scope, readonly Scope[]>> = {
  issue: ['issue', 'admin'],
  read: ['read', 'codes', 'admin'],
  codes: ['codes', 'admin'],
  admin: ['admin'],
}

const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId, security, requestBody }]) => ({
    operationId,
    method: method.toUpperCase(),
    url: path.replace('{id}', 'demo').replace('{code}', path.startsWith('/problems') ? 'sold_out' : '0000'),
    scope: security[0]?.apiKey[0] as Scope | undefined,
    body: Object.values(requestBody?.content['application/json']?.examples ?? {})[0]?.value,
  })),
)
const GUARDED = OPERATIONS.flatMap(({ scope, ...operation }) => (scope === undefined ? [] : [{ ...operation, scope }]))
const OPEN = OPERATIONS.filter(({ scope }) => scope === undefined)

let server: OpenServer
let call: Call
const keys = { expired: '', revoked: '', scoped: {} as Record<Scope, string> }

beforeAll(async () => {
  server = await openServerUntilClosed({
    async makeKeys(store) {
      keys.expired = await newKey(store, { expiresInMs: -1 })
      keys.revoked = await newKey(store)
      await store.revokeKey(idOfKey(keys.revoked), SOMEBODY)
      for (const scope of Object.keys(SCOPES) as Scope[]) keys.scoped[scope] = await newKey(store, { scopes: [scope] })
    },
  })
  call = callerOf(server.app)
})
afterAll(() => server.close())

function expectUnauthenticated(reply: Reply, detail: RegExp, wasSent: boolean): void {
  expect([reply.status, reply.json['code']], reply.text).toEqual([401, 'unauthenticated'])
  expect(reply.json['detail']).toMatch(detail)
  const error = wasSent ? ', error="invalid_token"' : ''
  expect(reply.headers['www-authenticate']).toBe(`Bearer realm="firstcome"${error}`)
}

test('every operation below /v1 is guarded, and the metrics; what else a server says about itself is not', () => {
  expect(GUARDED.filter(({ url }) => !url.startsWith('/v1/')).map(({ url }) => url)).toEqual(['/metrics'])
  expect(OPEN.map(({ operationId }) => operationId).sort()).toEqual(['alive', 'document', 'problem', 'ready', 'start'])
})

describe.concurrent.each(GUARDED)('$operationId ($method $url)', ({ method, url, scope, body }) => {
  const ask = (headers: Record<string, string> = {}) => call(method, url, body, { headers })
  const askWith = (key: string) => call(method, url, body, bearer(key))

  test('without a key: 401, before the body is read', async () => {
    expectUnauthenticated(await ask(), /^No key was sent/, false)
    const long = '"'.repeat(100_000)
    const reply = await call(method, url, long, { headers: { 'content-type': 'text/plain' } })
    expectUnauthenticated(reply, /^No key was sent/, false)
  })

  test('with what is no key: 401', async () => {
    const { admin } = keys.scoped
    const basic = `Basic ${Buffer.from(`${admin}:`).toString('base64')}`
    for (const authorization of ['', 'Bearer', 'Bearer x', admin, `Token ${admin}`, basic, `Bearer ${admin}0`])
      expectUnauthenticated(await ask({ authorization }), /not `Bearer` and a key of the form/, true)
    // Named so elsewhere.
    expectUnauthenticated(await ask({ 'x-api-key': admin, cookie: `key=${admin}` }), /^No key was sent/, false)
    const inQuery = await call(method, `${url}?access_token=${admin}&api_key=${admin}`, body)
    expectUnauthenticated(inQuery, /^No key was sent/, false)
    expect(inQuery.text).not.toContain(admin)
  })

  test('with a key that is unknown, wrong, expired or revoked: 401', async () => {
    const { admin } = keys.scoped
    const otherSecret = strangersKey().replace(/^fc_\w{12}/, `fc_${idOfKey(admin)}`)
    expectUnauthenticated(await askWith(strangersKey()), /unknown, or its secret is wrong/, true)
    expectUnauthenticated(await askWith(otherSecret), /unknown, or its secret is wrong/, true)
    expectUnauthenticated(await askWith(keys.expired), /has expired/, true)
    expectUnauthenticated(await askWith(keys.revoked), /was revoked/, true)
    // Who has not the secret is not told.
    const guessed = strangersKey().replace(/^fc_\w{12}/, `fc_${idOfKey(keys.revoked)}`)
    expectUnauthenticated(await askWith(guessed), /unknown, or its secret is wrong/, true)
  })

  test('with a key of another scope: 403, which names the right one', async () => {
    for (const [other, key] of Object.entries(keys.scoped)) {
      if (ENOUGH[scope].includes(other as Scope)) continue
      const { status, json, headers } = await askWith(key)
      expect([status, json['code'], json['scope']], other).toEqual([403, 'forbidden', scope])
      expect(headers['www-authenticate']).toBeUndefined()
    }
  })

  test('with a key of the scope: it is answered', async () => {
    for (const enough of ENOUGH[scope]) {
      const { status, text } = await askWith(keys.scoped[enough])
      expect([401, 403], text).not.toContain(status)
      expect(status, text).toBeLessThan(500)
    }
  })
})

test.each(OPEN)('$operationId needs no key, and minds none', async ({ method, url }) => {
  for (const options of [{}, bearer(keys.scoped.issue), bearer('x'), bearer(keys.revoked)])
    expect((await call(method, url, undefined, options)).status).toBe(200)
})

test('HEAD is guarded like GET', async () => {
  const head = async (headers: Record<string, string>) =>
    (await server.app.inject({ method: 'HEAD', url: '/v1/campaigns', headers })).statusCode
  expect(await head({})).toBe(401)
  expect(await head(bearer(keys.scoped.issue).headers)).toBe(403)
  expect(await head(bearer(keys.scoped.read).headers)).toBe(200)
})

test('a path or a method that there is not is told to everybody', async () => {
  expect((await call('GET', '/v1/nowhere')).json['code']).toBe('not_found')
  expect((await call('PUT', '/v1/campaigns')).json['code']).toBe('method_not_allowed')
})

test('no refusal shows a key', async () => {
  for (const key of [keys.revoked, keys.expired, keys.scoped.issue, strangersKey()]) {
    const reply = await call('DELETE', '/v1/campaigns/demo', undefined, bearer(key))
    expect(JSON.stringify([reply.text, reply.headers])).not.toContain(key.slice(-32))
  }
  expect(JSON.stringify(server.logged)).not.toMatch(/fc_/)
})

test('a request retried under the client’s second key gets its first coupon; another client’s is another request', async () => {
  let admin = ''
  const makeKeys = async (store: KeyStore) => void (admin = await newKey(store, { client: 'ops' }))
  const { app, keyStore } = await openServer({ makeKeys })
  const ask = callerOf(app)
  await ask('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c' }, bearer(admin))
  const issue = async (key: string) => {
    const headers = { ...bearer(key).headers, 'idempotency-key': 'order-1' }
    return (await ask('POST', '/v1/campaigns/c/coupons', undefined, { headers })).json
  }
  const first = await newKey(keyStore, { scopes: ['issue'] })
  const { coupon_code: code, replayed } = await issue(first)
  expect(replayed).toBeNull()
  const second = await newKey(keyStore, { scopes: ['issue'] })
  expect(await issue(second)).toMatchObject({ coupon_code: code, replayed: 'request' })
  await keyStore.revokeKey(idOfKey(first), SOMEBODY)
  expect(await issue(second)).toMatchObject({ coupon_code: code, replayed: 'request' })
  const other = await issue(await newKey(keyStore, { client: 'other', scopes: ['issue'] }))
  expect(other['coupon_code']).not.toBe(code)
  expect(other['replayed']).toBeNull()
})

describe('codes are shown in full to whoever may see them, masked to who may read,', () => {
  const CASES: [name: string, fields: object, masked: RegExp][] = [
    ['a code of the usual length', {}, /^\*{12}[0-9A-Z]{4}$/],
    ['a prefix is masked, too', { code_format: { prefix: 'SPRING-' } }, /^\*{19}[0-9A-Z]{4}$/],
    ['of a short code no more than half', { total_coupons: 1, code_format: { length: 5 } }, /^\*{3}[0-9A-Z]{2}$/],
    ['syllables', { code_format: { alphabet: 'hangul' } }, /^\*{6}[0-9가-힣]{4}$/],
  ]

  test.each(CASES)('%s', async (_name, fields, masked) => {
    let [admin, issuer, reader, seer] = ['', '', '', '']
    const { app } = await openServer({
      async makeKeys(store) {
        admin = await newKey(store)
        issuer = await newKey(store, { scopes: ['issue'] })
        reader = await newKey(store, { scopes: ['read', 'issue'] })
        seer = await newKey(store, { scopes: ['codes'] })
      },
    })
    const ask = callerOf(app)
    await ask('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c', ...fields }, bearer(admin))
    const issued = await ask('POST', '/v1/campaigns/c/coupons', { recipient: 'r' }, bearer(issuer))
    const code = String(issued.json['coupon_code'])
    expect(code).not.toContain('*')
    for (const path of ['/v1/campaigns/c/coupons', '/v1/campaigns/c/coupons?recipient=r']) {
      const codeFor = async (key: string) => {
        const { data } = (await ask('GET', path, undefined, bearer(key))).json as { data: { coupon_code: string }[] }
        return data[0]?.coupon_code ?? ''
      }
      const shown = await codeFor(reader)
      expect(shown).toMatch(masked)
      expect(code.endsWith(shown.replaceAll('*', ''))).toBe(true)
      expect(await codeFor(seer)).toBe(code)
    }
    // What a caller is issued is its own.
    const again = await ask('POST', '/v1/campaigns/c/coupons', { recipient: 'r' }, bearer(reader))
    expect(again.json['coupon_code']).toBe(code)
  })
})

describe('without keys', () => {
  test('a proxy, a foreign page and a foreign name are refused, and told why', async () => {
    const { app } = await openServer()
    const ask = callerOf(app)
    const url = '/v1/campaigns'
    expect((await ask('GET', url)).status).toBe(200)
    const signs: Record<string, RegExp> = {
      'x-forwarded-for': /came through a proxy/,
      forwarded: /came through a proxy/,
      'x-real-ip': /came through a proxy/,
      'x-forwarded-host': /came through a proxy/,
      via: /came through a proxy/,
      host: /`Host`/,
      origin: /foreign web page/,
    }
    for (const [name, sign] of Object.entries(signs)) {
      const reply = await ask('GET', url, undefined, { headers: { [name]: 'evil.example' } })
      expectUnauthenticated(reply, sign, false)
      expect((await ask('GET', '/livez', undefined, { headers: { [name]: 'evil.example' } })).status).toBe(200)
    }
    for (const site of ['cross-site', 'same-site']) {
      const reply = await ask('GET', url, undefined, { headers: { 'sec-fetch-site': site } })
      expectUnauthenticated(reply, /foreign web page/, false)
    }
    for (const site of ['same-origin', 'none'])
      expect((await ask('GET', url, undefined, { headers: { 'sec-fetch-site': site } })).status).toBe(200)
    // With a key that is not looked at: the same.
    const headers = { ...bearer(strangersKey()).headers, forwarded: 'for=1.2.3.4' }
    expectUnauthenticated(await ask('GET', url, undefined, { headers }), /came through a proxy/, true)
    expect((await ask('GET', url, undefined, bearer(strangersKey()))).status).toBe(200)
  })

  test('with keys, where a call came through does not matter', async () => {
    const { app, keyStore } = await openServer({ bootstrapKey: 'b'.repeat(32) })
    const ask = callerOf(app)
    const headers = {
      ...bearer('b'.repeat(32)).headers,
      forwarded: 'for=1.2.3.4',
      host: 'coupons.example',
      origin: 'https://a.example',
    }
    expect((await ask('GET', '/v1/campaigns', undefined, { headers })).status).toBe(200)
    const key = await newKey(keyStore)
    const withKey = { ...headers, ...bearer(key).headers }
    expect((await ask('GET', '/v1/campaigns', undefined, { headers: withKey })).status).toBe(200)
    expect((await ask('GET', '/v1/campaigns', undefined, { headers })).json['detail']).toMatch(/bootstrap key/)
  })
})
