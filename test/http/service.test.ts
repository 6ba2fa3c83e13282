// What a server says about itself, and what every answer has.

import { describe, expect, test } from 'vitest'
import { FAULTS, OUTCOMES } from '../../src/answers.ts'
import type { HealthReport } from '../../src/http/health.ts'
import { languageOf } from '../../src/http/languages.ts'
import { callerOf } from './documented.ts'
import { openServer } from './open-server.ts'

const HTML = { headers: { accept: 'text/html,application/xhtml+xml' } }

test('/ says where everything is, and it is there', async () => {
  const { app } = await openServer()
  const call = callerOf(app)
  const { json } = await call('GET', '/')
  expect(json).toMatchObject({ name: 'Firstcome', version: '0.0.0' })
  for (const path of Object.values(json).filter((value) => String(value).startsWith('/'))) {
    expect((await app.inject({ url: String(path) })).statusCode, String(path)).toBe(200)
  }
  const page = await call('GET', '/', undefined, HTML)
  expect(page.text).toContain('<a href="/docs/">')
})

test('/livez is well without asking anybody', async () => {
  const report = () => Promise.reject(new Error('asked'))
  const { app } = await openServer({ health: { ready: () => false, report } })
  expect((await callerOf(app)('GET', '/livez')).json).toEqual({ status: 'ok' })
})

test('/readyz: not before the database was reached, not while closing, and regardless of what is lost between', async () => {
  let report: HealthReport = { database: 'down', counter: 'up', lock_scope: 'campaign' }
  let reached = false
  const { app, lifecycle } = await openServer({
    health: { ready: () => reached, report: () => Promise.resolve(report) },
  })
  const ready = async () => {
    const { status, json } = await callerOf(app)('GET', '/readyz')
    return [status, json]
  }
  expect(await ready()).toEqual([503, { status: 'starting', ...report }])
  reached = true
  report = { ...report, database: 'up' }
  expect(await ready()).toEqual([200, { status: 'ready', ...report }])
  report = { ...report, database: 'down', counter: 'down' }
  expect(await ready()).toEqual([200, { status: 'ready', ...report }])
  lifecycle.isDraining = true
  expect(await ready()).toEqual([503, { status: 'closing', ...report }])
  // Another process takes its place: nobody is to stop calling at this address.
  lifecycle.isReplaced = true
  expect(await ready()).toEqual([200, { status: 'ready', ...report }])
})

test('before the database was reached campaigns are unavailable, pages are not', async () => {
  const report: HealthReport = { database: 'down', counter: 'off', lock_scope: 'campaign' }
  const { app } = await openServer({ health: { ready: () => false, report: () => Promise.resolve(report) } })
  const call = callerOf(app)
  for (const url of ['/v1/campaigns', '/v1/campaigns/c/coupons']) {
    const { status, json } = await call('GET', url)
    expect([status, json['code']]).toEqual([503, 'unavailable'])
  }
  expect((await call('GET', '/problems/unavailable')).status).toBe(200)
})

test('every problem has a page, for programs and for people', async () => {
  const { app } = await openServer()
  const call = callerOf(app)
  const { issued: _issued, replayed: _replayed, ...refusals } = OUTCOMES
  for (const [code, { status, title, meaning }] of Object.entries({ ...refusals, ...FAULTS })) {
    const { json } = await call('GET', `/problems/${code}`)
    expect(json).toMatchObject({ code, status, title: title.en, meaning })
    expect((await call('GET', `/problems/${code}`, undefined, HTML)).text).toContain(`<h1 lang="en">${title.en}</h1>`)
  }
})

test('a caller may name its request, harmlessly', async () => {
  const { app } = await openServer()
  const idOf = async (id: string) =>
    (await callerOf(app)('GET', '/nix', undefined, { headers: { 'x-request-id': id } })).json['request_id']
  expect(await idOf('abc-1.2_3')).toBe('abc-1.2_3')
  for (const bad of ['', 'a b', 'a"b', '<script>', 'a'.repeat(65)])
    expect(await idOf(bad)).toMatch(/^[A-Za-z0-9.-]{8}-[0-9a-z]+$/)
  expect(await idOf('')).not.toBe(await idOf(''))
})

test('the reference page needs nothing from elsewhere, and no answer of it is one of ours', async () => {
  const { app } = await openServer()
  expect((await app.inject({ url: '/docs' })).headers['location']).toBe('/docs/')
  const page = await app.inject({ url: '/docs/' })
  expect(page.body).not.toMatch(/(src|href)="?(https?:)?\/\//)
  expect(page.body).toContain('"url": "/openapi.json"')
  const policy = String(page.headers['content-security-policy'])
  expect(policy).toContain("default-src 'self'")
  expect(policy).not.toMatch(/https?:|upgrade-insecure-requests/)
  expect(page.headers).not.toHaveProperty('strict-transport-security')
  const script = await app.inject({ url: '/docs/js/scalar.js' })
  expect([script.statusCode, script.headers['cache-control']]).toEqual([200, 'public, max-age=3600'])
})

test('HEAD is GET without a body', async () => {
  const { app } = await openServer()
  const { statusCode, body, headers } = await app.inject({ method: 'HEAD', url: '/livez' })
  expect([statusCode, body, headers['content-length']]).toEqual([200, '', '15'])
})

test('before the database was reached the API says unavailable: without a schema nothing could be answered', async () => {
  const report: HealthReport = { database: 'down', counter: 'off', lock_scope: 'campaign' }
  const { app } = await openServer({ health: { ready: () => false, report: () => Promise.resolve(report) } })
  const call = callerOf(app)
  expect(await call('POST', '/v1/campaigns/c/coupons')).toMatchObject({ status: 503, json: { code: 'unavailable' } })
  expect((await app.inject({ url: '/%76%31/campaigns' })).statusCode).toBe(503)
  expect((await call('GET', '/livez')).status).toBe(200)
})

describe('titles are told in the language that is preferred', () => {
  test.each([
    ['ko', 'ko'],
    ['ko', 'KO'],
    ['ko', 'ko-KR'],
    ['ko', 'ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7'],
    ['ko', 'fr;q=0.9, ko;q=0.1'],
    ['ko', 'en;q=0.4,ko;q=0.5'],
    ['en', 'en-US,en;q=0.9,ko;q=0.8'],
    ['en', 'ko;q=0.4,en;q=0.5'],
    ['en', 'ko;q=0'],
    ['en', 'ko;q=0, *'],
    ['en', '*'],
    ['en', 'fr'],
    ['en', 'kok, ko_KR, zh-ko'],
    ['en', ''],
    ['en', ',;,;q==1;"\\'],
    ['en', 'ko;q=abc'],
    ['en', 'ko;q=-1'],
    ['en', '한국어'],
    ['en', '__proto__, constructor'],
    ['ko', `${'x,'.repeat(3_000)}ko`],
    ['ko', `ko${';q=1'.repeat(3_000)}`],
    ['en', 'k'.repeat(8_000)],
    ['en', '"'.repeat(8_000)],
  ] as const)('%#: %s', async (language, header) => {
    const { app } = await openServer()
    const { headers, json } = await callerOf(app)('GET', '/v1/campaigns/nix', undefined, {
      headers: { 'accept-language': header },
    })
    const { title, meaning } = OUTCOMES.campaign_not_found
    expect([headers['content-language'], json['title']]).toEqual([language, title[language]])
    expect(json).toMatchObject({ code: 'campaign_not_found', detail: meaning })
  })

  test('whichever way the problem comes about', async () => {
    const { app } = await openServer()
    const call = callerOf(app)
    const ko = { headers: { 'accept-language': 'ko' } }
    for (const [method, path, body] of [
      ['POST', '/v1/campaigns', '{'],
      ['PUT', '/v1/campaigns'],
      ['GET', '/nix'],
      ['GET', '/v1/campaigns/%zz'],
      ['GET', '/v1/campaigns?q=%zz'],
      ['POST', '/v1/campaigns', 'x'.repeat(20_000)],
    ] as const) {
      const { headers, json } = await call(method, path, body, ko)
      expect([headers['content-language'], json['title']]).toEqual(['ko', expect.stringMatching(/[가-힣]/)])
    }
  })

  test('more languages than are remembered are told apart as well', async () => {
    const { app } = await openServer()
    const call = callerOf(app)
    for (let i = 0; i < 1_100; i++) {
      const language = i % 2 === 0 ? 'ko' : 'en'
      const header = `${language},x${i}`
      if (i % 100 > 1) languageOf(header)
      else {
        const { headers } = await call('GET', '/nix', undefined, { headers: { 'accept-language': header } })
        expect(headers['content-language']).toBe(language)
      }
    }
  })

  test('every code has a title in each', () => {
    for (const [code, { title }] of Object.entries({ ...OUTCOMES, ...FAULTS })) {
      expect(title.en, code).toMatch(/^[A-Z][A-Za-z -]+[a-z]$/)
      expect(title.ko, code).toMatch(/^[가-힣][가-힣A-Z ]+[가-힣]$/)
    }
    const korean = Object.values({ ...OUTCOMES, ...FAULTS }).map(({ title }) => title.ko)
    expect(new Set(korean).size).toBe(korean.length)
  })

  test('the page of a problem, too, for programs and for people', async () => {
    const { app } = await openServer()
    const call = callerOf(app)
    const headers = { 'accept-language': 'ko-KR,ko;q=0.9' }
    const { title, meaning } = OUTCOMES.sold_out
    const read = await call('GET', '/problems/sold_out', undefined, { headers })
    expect(read.json).toMatchObject({ code: 'sold_out', title: title.ko, meaning })
    const page = await call('GET', '/problems/sold_out', undefined, { headers: { ...headers, ...HTML.headers } })
    expect(page.text).toContain(`<h1 lang="ko">${title.ko}</h1>`)
    for (const reply of [read, page]) {
      expect(reply.headers).toMatchObject({ 'content-language': 'ko', vary: 'accept, accept-language' })
    }
  })
})
