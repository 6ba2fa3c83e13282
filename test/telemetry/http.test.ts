// What is counted of requests: each once, under the name of its operation, with what it was told.

import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { FAULTS, OUTCOMES, Fault } from '../../src/answers.ts'
import { systemClock } from '../../src/host.ts'
import { OPERATIONS, type Operation } from '../../src/http/operations.ts'
import { NEW_CAMPAIGN } from '../http/new-campaign.ts'
import { openServer, type OpenServer } from '../http/open-server.ts'
import { Telemetry } from '../../src/telemetry/telemetry.ts'
import { seriesOf, valueOf } from './exposition.ts'

async function seriesFrom({ app }: OpenServer) {
  const { statusCode, headers, body } = await app.inject('/metrics')
  expect([statusCode, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  return seriesOf(body)
}

const post = ({ app }: OpenServer, url: string, payload: object, headers = {}) =>
  app.inject({ method: 'POST', url, payload, headers })

test('answers by code, and how long they took by kind', async () => {
  const server = await openServer()
  await post(server, '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c', total_coupons: 1 })
  const issue = (payload: object) => post(server, '/v1/campaigns/c/coupons', payload)
  await issue({ recipient: 'a' })
  await issue({ recipient: 'a' })
  await issue({ recipient: 'b' })
  await issue({ recipient: 7 })
  const series = await seriesFrom(server)
  const told = (code: string) => valueOf(series, 'firstcome_issue_answers_total', { code })
  expect([told('issued'), told('replayed'), told('sold_out'), told('invalid_request')]).toEqual([1, 1, 1, 1])
  expect(valueOf(series, 'firstcome_issue_answers_total')).toBe(4)
  const timed = (kind: string) => valueOf(series, 'firstcome_issue_duration_seconds_count', { kind })
  expect([timed('coupon'), timed('refusal'), timed('fault')]).toEqual([2, 1, 1])
})

test('how long it takes is measured from the head of a request to its reply', async () => {
  let nowMs = 1_000
  const issue = async () => {
    nowMs += 1_500
    return { code: 'sold_out' } as const
  }
  const clock = { ...systemClock, nowMs: () => nowMs }
  const server = await openServer({ issuer: { issue, isIdle: true }, clock })
  const reply = await post(server, '/v1/campaigns/c/coupons', {}, { prefer: 'server-timing' })
  expect(reply.headers['server-timing']).toBe('total;dur=1500')
  const series = await seriesFrom(server)
  expect(valueOf(series, 'firstcome_issue_duration_seconds_sum', { kind: 'refusal' })).toBe(1.5)
  expect(valueOf(series, 'firstcome_http_request_duration_seconds_sum', { operation: 'issueCoupon' })).toBe(1.5)
})

test('every code that a call for a coupon can be told is there from the start, and no other', async () => {
  const codes = (await seriesFrom(await openServer()))
    .filter(({ name }) => name === 'firstcome_issue_answers_total')
    .map(({ labels }) => labels['code'])
  const { problems }: Operation = OPERATIONS.issueCoupon
  expect(new Set(codes)).toEqual(new Set(['issued', 'replayed', ...problems]))
  expect(codes.every((code) => (code as string) in OUTCOMES || (code as string) in FAULTS)).toBe(true)
})

test('requests by operation and status; no path, no id is a label', async () => {
  const server = await openServer()
  const { app } = server
  await post(server, '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'secret-id' })
  await app.inject('/v1/campaigns/secret-id')
  await app.inject('/v1/campaigns/not-there')
  await app.inject('/v1/campaigns/secret-id/coupons/SECRETCODE')
  await app.inject('/nowhere/secret')
  await app.inject({ method: 'PUT', url: '/livez' })
  await app.inject({ method: 'HEAD', url: '/livez' })
  await app.inject('/docs/')
  const series = await seriesFrom(server)
  const requests = series
    .filter(({ name }) => name === 'firstcome_http_requests_total')
    .map(({ labels, value }) => `${labels['operation']} ${labels['status']} ${value}`)
  expect(requests.sort()).toEqual([
    'alive 200 1',
    'createCampaign 201 1',
    'documentation 200 1',
    'none 404 1',
    'none 405 1',
    'readCampaign 200 1',
    'readCampaign 404 1',
    'readCoupon 404 1',
  ])
  expect(valueOf(series, 'firstcome_http_request_duration_seconds_count', { operation: 'readCampaign' })).toBe(2)
  // The one that asks.
  expect(valueOf(series, 'firstcome_http_requests_under_way')).toBe(1)
  expect(JSON.stringify(series)).not.toMatch(/secret/i)
})

test('who breaks off is not under way for ever, nor counted among the answers', async () => {
  const gate = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const issue = async () => {
    asked.resolve()
    await gate.promise
    throw new Fault('unavailable', 'the caller hung up before its turn')
  }
  const server = await openServer({ issuer: { issue, isIdle: true } })
  await server.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.app.server.address() as { port: number }
  const body = 'Content-Type: application/json\r\nContent-Length: 2'
  // In the middle of its body, and while it waits.
  const half = connect(port, '127.0.0.1').on('error', () => {})
  half.write(`POST /v1/campaigns/c/coupons HTTP/1.1\r\nHost: localhost\r\n${body}\r\n\r\n{`)
  const whole = connect(port, '127.0.0.1').on('error', () => {})
  whole.write(`POST /v1/campaigns/c/coupons HTTP/1.1\r\nHost: localhost\r\n${body}\r\n\r\n{}`)
  await asked.promise
  const of = async (name: string) => valueOf(await seriesFrom(server), name)
  await expect.poll(() => of('firstcome_http_requests_under_way')).toBe(3)
  expect(await of('firstcome_http_connections')).toBe(2)
  half.destroy()
  whole.destroy()
  await expect.poll(() => of('firstcome_http_connections')).toBe(0)
  gate.resolve()
  await expect.poll(() => of('firstcome_http_requests_under_way')).toBe(1)
  expect(await of('firstcome_issue_hung_up_total')).toBe(1)
  const series = await seriesFrom(server)
  expect(valueOf(series, 'firstcome_issue_answers_total', { code: 'unavailable' })).toBe(0)
})

test('how the server and its stores stand', async () => {
  const server = await openServer()
  const series = await seriesFrom(server)
  expect(valueOf(series, 'firstcome_ready')).toBe(1)
  expect(valueOf(series, 'firstcome_database_up')).toBe(1)
  expect(valueOf(series, 'firstcome_database_connections', { pool: 'writer', state: 'idle' })).toBe(1)
  expect(valueOf(series, 'firstcome_database_clock_offset_seconds')).toBeTypeOf('number')
  expect(valueOf(series, 'firstcome_redis_up')).toBeNull()
  expect(valueOf(series, 'firstcome_build_info', { version: '0.0.0', node: process.version })).toBe(1)
  server.lifecycle.isDraining = true
  expect(valueOf(await seriesFrom(server), 'firstcome_ready')).toBe(0)
})

test('a worker tells the numbers of all; when they do not come it tells none, for its own alone would go backwards', async () => {
  const texts = ['firstcome_ready 2\n', null]
  const textOfAll = async () => {
    const text = texts.shift()
    if (typeof text !== 'string') throw new Fault('unavailable', 'not in time')
    return text
  }
  const telemetry = new Telemetry({ version: '0.0.0', clock: systemClock, process: null, textOfAll })
  const server = await openServer({ telemetry })
  expect(await seriesFrom(server)).toEqual([{ name: 'firstcome_ready', labels: {}, value: 2 }])
  const { statusCode, body } = await server.app.inject('/metrics')
  expect([statusCode, body.includes('firstcome_ready')]).toEqual([503, false])
})

test('a database that does not answer is down, and its clock is not known', async () => {
  const server = await openServer({ faults: { ping: () => Promise.reject(new Error('away')) } })
  const series = await seriesFrom(server)
  expect(valueOf(series, 'firstcome_database_up')).toBe(0)
  expect(valueOf(series, 'firstcome_database_clock_offset_seconds')).toBeNull()
})
