// How requests may be wrapped: shapes that servers in a row read differently, bodies that are not what they seem, and
// bodies without an end.

import type { Socket } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { BODY_BYTES_MAX, BODY_REST_BYTES_MAX } from '../../src/http/limits.ts'
import { expectDocumented } from './documented.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer } from './open-server.ts'
import { listen, openClient, request, type RawClient, type RawReply } from './raw-client.ts'

const COUPONS = '/v1/campaigns/c/coupons'
const HEAD = `POST ${COUPONS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`
const clients: RawClient[] = []

afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.destroy()
})

/** The server's ends of the connections. */
const accepted: Socket[] = []

async function open() {
  const { app } = await openServer()
  const port = await listen(app)
  app.server.on('connection', (socket) => accepted.push(socket))
  await app.inject({ method: 'POST', url: '/v1/campaigns', payload: { ...NEW_CAMPAIGN, id: 'c' } })
  return async () => {
    const one = await openClient(port)
    clients.push(one)
    return one
  }
}

type Client = () => Promise<RawClient>

async function sent(client: Client, bytes: string | Buffer): Promise<RawReply | undefined> {
  const { write, replies } = await client()
  write(bytes)
  return (await replies(1))[0]
}

/** Of a refusal on the route of an issue. */
function told(reply: RawReply | undefined): Record<string, unknown> {
  return reply === undefined ? {} : expectDocumented('POST', COUPONS, reply)
}

const withBody = (headers: string, body: Buffer | string) =>
  Buffer.concat([Buffer.from(`${HEAD}${headers}Content-Length: ${body.length}\r\n\r\n`), Buffer.from(body)])

describe('a body is read as it is, or not at all', () => {
  const json = '{"recipient":"r"}'
  test.each([
    ['gzip', gzipSync(json)],
    ['br', brotliCompressSync(json)],
    ['deflate', deflateSync(json)],
    ['x-gzip', gzipSync(json)],
    ['identity, gzip', gzipSync(json)],
    ['GZIP', gzipSync(json)],
    ['nonsense', Buffer.from(json)],
  ])('Content-Encoding: %s', async (coding, body) => {
    const client = await open()
    const reply = await sent(client, withBody(`Content-Encoding: ${coding}\r\n`, body))
    expect(told(reply)).toMatchObject({
      code: 'unsupported_media_type',
      detail: 'Send the body as it is: no Content-Encoding is taken.',
    })
    expect(reply?.headers['accept-encoding']).toBe('identity')
  })

  test('it is refused before anything of the body is there', async () => {
    const client = await open()
    const reply = await sent(client, `${HEAD}Content-Encoding: gzip\r\nContent-Length: 10000\r\n\r\n`)
    expect(told(reply)['code']).toBe('unsupported_media_type')
  })

  test.each(['identity', 'Identity', ''])('Content-Encoding: %j is none', async (coding) => {
    const client = await open()
    expect((await sent(client, withBody(`Content-Encoding: ${coding}\r\n`, json)))?.status).toBe(201)
  })

  test('where there is no body, none is encoded', async () => {
    const client = await open()
    expect((await sent(client, withBody('Content-Encoding: gzip\r\n', '')))?.status).toBe(201)
    expect(
      (await sent(client, 'GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\n\r\n'))?.status,
    ).toBe(200)
  })

  // A syllable in EUC-KR, and ¯ in UTF-8: taken for what it is not, it would be another recipient.
  const eucKr = Buffer.concat([Buffer.from('{"recipient":"'), Buffer.from([0xc2, 0xaf]), Buffer.from('"}')])
  test.each(['euc-kr', '"EUC-KR"', 'iso-8859-1', 'utf-16'])('charset=%s', async (charset) => {
    const client = await open()
    const head = `POST ${COUPONS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=${charset}\r\n`
    const bytes = Buffer.concat([Buffer.from(`${head}Content-Length: ${eucKr.length}\r\n\r\n`), eucKr])
    expect(told(await sent(client, bytes))).toMatchObject({
      code: 'unsupported_media_type',
      detail: 'Send UTF-8, which needs no charset.',
    })
  })

  test.each(['utf-8', '"UTF-8"', 'utf8'])('charset=%s is what it is anyway', async (charset) => {
    const client = await open()
    const head = `POST ${COUPONS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json;charset=${charset}\r\n`
    expect((await sent(client, `${head}Content-Length: ${json.length}\r\n\r\n${json}`))?.status).toBe(201)
  })
})

describe('nothing that a server in front might read otherwise', () => {
  test.each<[string, bytes: string]>([
    ['a length, and chunks', `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['chunks, and a length', `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`],
    ['the same length twice', `${HEAD}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`],
    ['a list of lengths', `${HEAD}Content-Length: 2, 2\r\n\r\n{}`],
    ['a length with a sign', `${HEAD}Content-Length: +2\r\n\r\n{}`],
    ['a length beyond all numbers', `${HEAD}Content-Length: 99999999999999999999999\r\n\r\n{}`],
    ['chunks twice', `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a coding in the chunks', `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
    ['a coding behind the chunks', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
    ['a coding of its own', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
    ['a space before the colon', `${HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ['a folded header', `${HEAD}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
    ['lines that end with LF', `POST ${COUPONS} HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n`],
    ['a chunk of negative length', `${HEAD}Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n`],
    ['a chunk with 20 kB of extension', `${HEAD}Transfer-Encoding: chunked\r\n\r\n2;${'a'.repeat(20_000)}\r\n{}\r\n`],
    ['NUL in a header', `${HEAD}X: a\0b\r\nContent-Length: 0\r\n\r\n`],
    ['two hosts', `${HEAD}HOST: b\r\nContent-Length: 0\r\n\r\n`],
    ['chunks in HTTP/1.0', `${HEAD.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['the beginning of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('%s', async (_name, bytes) => {
    const client = await open()
    expect(told(await sent(client, bytes))['code']).toBe('invalid_request')
  })

  test('what was smuggled behind is no request', async () => {
    const client = await open()
    const { write, replies, closed } = await client()
    write(`${HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${request('GET', '/livez')}`)
    expect((await replies(1)).map(told)).toMatchObject([{ code: 'invalid_request' }])
    expect(await closed()).toBe('')
  })
})

describe('what is unusual but good', () => {
  test('the whole address in the request line', async () => {
    const client = await open()
    expect((await sent(client, request('POST', `http://example.com${COUPONS}`, {})))?.status).toBe(201)
    const { status, headers } = (await sent(client, request('PUT', `http://example.com${COUPONS}?x`, {}))) ?? {}
    expect([status, headers?.['allow']]).toEqual([405, 'POST, GET, HEAD'])
  })

  test.each(['websocket', 'h2c'])('Upgrade: %s is not taken up', async (protocol) => {
    const client = await open()
    const headers = ['Connection: Upgrade', `Upgrade: ${protocol}`]
    expect((await sent(client, request('POST', COUPONS, { recipient: protocol }, headers)))?.status).toBe(201)
  })

  test('3,000 headers are all read', async () => {
    const client = await open()
    const headers = [...Array.from({ length: 3_000 }, () => 'a:'), 'Idempotency-Key: not good']
    const reply = await sent(client, request('POST', COUPONS, {}, headers))
    expect(told(reply)['errors']).toMatchObject([{ pointer: '/Idempotency-Key' }])
  })

  test('Expect: 100-continue is granted, unless the body is too long; other expectations are nothing to us', async () => {
    const client = await open()
    const { write, replies } = await client()
    write(`${HEAD}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`)
    expect((await replies(1))[0]?.status).toBe(100)
    write('{}')
    expect((await replies(1))[0]?.status).toBe(201)
    const long = await sent(client, `${HEAD}Expect: 100-continue\r\nContent-Length: ${BODY_BYTES_MAX + 1}\r\n\r\n`)
    expect(told(long)['code']).toBe('payload_too_large')
    expect((await sent(client, withBody('Expect: a miracle\r\n', '{}')))?.status).toBe(201)
  })

  test('a mark of UTF-8 in front, __proto__ as a value', async () => {
    const client = await open()
    expect((await sent(client, request('POST', COUPONS, '\ufeff{"recipient":"__proto__"}')))?.status).toBe(201)
  })
})

describe('a body without an end', () => {
  test.each([
    ['10 GB announced', 'Content-Length: 10000000000\r\n\r\n', 'x'.repeat(65_536)],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n', `10000\r\n${'x'.repeat(65_536)}\r\n`],
  ])('%s: refused, left where it is, and cut', async (_name, head, piece) => {
    const client = await open()
    const { write, replies, closed, socket } = await client()
    write(HEAD + head)
    const pour = () => {
      while (socket.writable && socket.write(piece));
    }
    socket.on('drain', pour)
    pour()
    expect(told((await replies(1))[0])['code']).toBe('payload_too_large')
    await closed()
    expect(accepted.at(-1)?.bytesRead).toBeLessThan(BODY_REST_BYTES_MAX)
  })
})
