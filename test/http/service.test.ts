// What a server says about itself, and what every answer has.

import { expect, test } from 'vitest'
import { FAULTS, OUTCOMES } from '../../src/answers.ts'
import type { HealthReport } from '../../src/http/health.ts'
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
    expect(json).toMatchObject({ code, status, title, meaning })
    expect((await call('GET', `/problems/${code}`, undefined, HTML)).text).toContain(`<h1>${title}</h1>`)
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
  expect((await call('GET', '/livez')).status).toBe(200)
})
