// What only shows on a real connection: pipelining, hanging up, bytes that are not HTTP, leaving.

import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import type { IssueCall, Issuer, Outcome } from '../../src/issue/outcome.ts'
import { expectDocumented } from './documented.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer, type OpenServer } from './open-server.ts'
import { listen, openClient, request, type RawClient, type RawReply } from './raw-client.ts'

const COUPONS = '/v1/campaigns/c/coupons'
const clients: RawClient[] = []

afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.destroy()
})

async function open(issuer?: Issuer): Promise<OpenServer & { client: () => Promise<RawClient> }> {
  const server = await openServer(issuer === undefined ? {} : { issuer })
  const port = await listen(server.app)
  await server.app.inject({ method: 'POST', url: '/v1/campaigns', payload: { ...NEW_CAMPAIGN, id: 'c' } })
  const client = async () => {
    const one = await openClient(port)
    clients.push(one)
    return one
  }
  return { ...server, client }
}

/** Issues when told to. */
function heldIssuer() {
  const calls: IssueCall[] = []
  const answers: ((outcome: Outcome) => void)[] = []
  let wake = () => {}
  const issue = (call: IssueCall) => {
    calls.push(call)
    wake()
    return new Promise<Outcome>((resolve) => answers.push(resolve))
  }
  const arrived = async (count: number) => {
    while (calls.length < count) await new Promise<void>((resolve) => (wake = resolve))
  }
  return { issue, isIdle: true, calls, answers, arrived }
}

function problemOf(reply: RawReply | undefined, method = 'GET', url = '/nowhere'): unknown {
  return reply === undefined ? undefined : expectDocumented(method, url, reply)['code']
}

const SOLD_OUT: Outcome = { code: 'sold_out' }

test('25 requests of one recipient in one write get one coupon, in order', async () => {
  const { client } = await open()
  const { write, replies } = await client()
  write(request('POST', COUPONS, { recipient: 'r' }).repeat(25) + request('GET', '/livez'))
  const got = await replies(26)
  expect(got.map(({ status }) => status).slice(1)).toEqual(Array(25).fill(200))
  expect(got[0]?.status).toBe(201)
  const bodies = got.slice(0, 25).map((reply) => expectDocumented('POST', COUPONS, reply))
  expect(new Set(bodies.map(({ coupon_code }) => coupon_code)).size).toBe(1)
})

test('a bad request in a pipeline leaves those around it alone', async () => {
  const { client } = await open()
  const { write, replies } = await client()
  const good = request('POST', COUPONS, {})
  write(
    good +
      request('POST', COUPONS, '{"recipient":') +
      good +
      request('POST', COUPONS, `{"a":"${'x'.repeat(20_000)}"}`) +
      good,
  )
  const got = await replies(5)
  expect(got.map(({ status }) => status)).toEqual([201, 400, 201, 413, 201])
})

test('a body that is much too large is refused, and the reply arrives', async () => {
  const { client } = await open()
  const { write, replies } = await client()
  write(request('POST', COUPONS, `{"recipient":"${'x'.repeat(10 << 20)}"}`))
  const [refused] = await replies(1)
  expect(problemOf(refused, 'POST', COUPONS)).toBe('payload_too_large')
})

test('a caller who hung up is known to be gone, whichever of its pipelined requests it is', async () => {
  const held = heldIssuer()
  const { client } = await open(held)
  const { write, socket } = await client()
  write(request('POST', COUPONS, {}).repeat(3))
  await held.arrived(3)
  expect(held.calls.map((call) => call.isGone?.())).toEqual([false, false, false])
  socket.destroy()
  while (held.calls[0]?.isGone?.() !== true) await new Promise((resolve) => setTimeout(resolve, 1))
  expect(held.calls.map((call) => call.isGone?.())).toEqual([true, true, true])
  for (const answer of held.answers) answer(SOLD_OUT)
})

const MALFORMED: Readonly<Record<string, [bytes: string, code: string]>> = {
  'no HTTP at all': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'invalid_request'],
  'no method': ['/livez HTTP/1.1\r\nHost: a\r\n\r\n', 'invalid_request'],
  'no such version': ['GET /livez HTTP/9.9\r\nHost: a\r\n\r\n', 'invalid_request'],
  'a header without a name': ['GET /livez HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n', 'invalid_request'],
  'two lengths': [
    'POST /v1/campaigns HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'invalid_request',
  ],
  'a length and chunks': [
    'POST /v1/campaigns HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'invalid_request',
  ],
  'a header of 100 kB': [`GET /livez HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 'headers_too_large'],
  'a path of 100 kB': [`GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 'headers_too_large'],
}

test.each(Object.entries(MALFORMED))('%s is a problem, and the end of the connection', async (_name, [bytes, code]) => {
  const { client } = await open()
  const { write, replies, closed } = await client()
  write(Buffer.from(bytes, 'latin1'))
  const [reply] = await replies(1)
  expect(problemOf(reply)).toBe(code)
  expect(reply?.headers['connection']).toBe('close')
  expect(await closed()).toBe('')
  const other = await client()
  other.write(request('GET', '/livez'))
  expect((await other.replies(1))[0]?.status).toBe(200)
})

test('nonsense behind requests that are being answered waits for their replies', async () => {
  const held = heldIssuer()
  const { client } = await open(held)
  const { write, replies, closed } = await client()
  write(`${request('POST', COUPONS, {}).repeat(2)}nonsense\r\n\r\n`)
  await held.arrived(2)
  for (const answer of held.answers) answer(SOLD_OUT)
  const got = await replies(3)
  expect(got.map((reply) => problemOf(reply, 'POST', COUPONS))).toEqual(['sold_out', 'sold_out', 'invalid_request'])
  expect(await closed()).toBe('')
})

test('a request that does not come to its end is answered and cut off', async () => {
  const { app, client } = await open()
  app.server.headersTimeout = 50
  const { write, replies, closed } = await client()
  write('GET /livez HTTP/1.1\r\nHost: a\r\nX: never')
  const [reply] = await replies(1)
  // To be asked again, not a refusal: it may be the server that was too slow to read it.
  expect(problemOf(reply)).toBe('request_timeout')
  expect(reply?.status).toBe(408)
  const { retry_after_ms: retryMs } = JSON.parse(reply?.text ?? '') as { retry_after_ms: number }
  expect(retryMs).toBeGreaterThan(0)
  expect(reply?.headers['retry-after']).toBe(String(Math.ceil(retryMs / 1_000)))
  expect(await closed()).toBe('')
})

test('a request without Host is refused in words, HTTP/1.0 needs none', async () => {
  const { client } = await open()
  const { write, replies } = await client()
  write('GET /livez HTTP/1.1\r\n\r\n')
  expect(problemOf((await replies(1))[0])).toBe('invalid_request')
  const old = await client()
  old.write('GET /livez HTTP/1.0\r\n\r\n')
  expect((await old.replies(1))[0]?.status).toBe(200)
})

test.each(['/v1/campaigns/..', '/v1/campaigns/%2e%2e', '/../v1/campaigns', '//v1/campaigns', '/v1/campaigns/%'])(
  'the path %s leads nowhere',
  async (path) => {
    const { client } = await open()
    const { write, replies } = await client()
    write(request('GET', path))
    const [reply] = await replies(1)
    expect([400, 404]).toContain(reply?.status)
    expect(['not_found', 'campaign_not_found', 'invalid_request']).toContain(problemOf(reply, 'GET', '/v1/campaigns/x'))
  },
)

test('while draining each reply asks its caller to go, and of pipelined ones the last', async () => {
  const held = heldIssuer()
  const { client, lifecycle } = await open(held)
  const single = await client()
  const pipelined = await client()
  single.write(request('POST', COUPONS, {}))
  await held.arrived(1)
  pipelined.write(request('POST', COUPONS, {}).repeat(3))
  await held.arrived(4)
  lifecycle.isDraining = true
  for (const answer of held.answers) answer(SOLD_OUT)
  expect((await single.replies(1)).map(({ headers }) => headers['connection'])).toEqual(['close'])
  expect((await pipelined.replies(3)).map(({ headers }) => headers['connection'])).toEqual([
    'keep-alive',
    'keep-alive',
    'close',
  ])
  expect([await single.closed(), await pipelined.closed()]).toEqual(['', ''])
})

test('close waits for what is in flight, serves what is already there, and closes idle connections at once', async () => {
  const held = heldIssuer()
  const { app, client } = await open(held)
  const idle = await client()
  idle.write(request('GET', '/livez'))
  await idle.replies(1)
  const busy = await client()
  busy.write(request('POST', COUPONS, {}).repeat(3))
  await held.arrived(3)

  let isClosed = false
  const closing = app.close().then(() => (isClosed = true))
  await idle.closed()
  // On a connection that is not idle requests still come in: they get answers, too.
  busy.write(request('POST', COUPONS, {}).repeat(2))
  await held.arrived(5)
  expect(isClosed).toBe(false)
  for (const answer of held.answers) answer(SOLD_OUT)
  const got = await busy.replies(5)
  expect(got.map((reply) => problemOf(reply, 'POST', COUPONS))).toEqual(Array(5).fill('sold_out'))
  await closing
  await busy.closed()
})

test('a caller who goes in the middle of its body costs nothing', async () => {
  const { app, client, logged } = await open()
  const { write, socket } = await client()
  write(`POST ${COUPONS} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"rec`)
  await new Promise((resolve) => setTimeout(resolve, 20))
  const gone = once(socket, 'close')
  socket.destroy()
  await gone
  expect((await app.inject({ url: '/v1/campaigns/c' })).json()).toMatchObject({ issued_count: 0 })
  expect(logged).toEqual([])
})
