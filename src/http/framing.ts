// How a request may be wrapped. What a server in front might read otherwise than we do, or what hides how long a body really
// is, is refused before a byte of the body is read.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { InvalidRequest, type WrongField } from './invalid-request.ts'
import { BODY_BYTES_MAX, BODY_REST_BYTES_MAX, LINGER_MS } from './limits.ts'
import type { Problems } from './problems.ts'

/** To be called after the routes' own refusals: a wrong path is told before a wrong body. */
export function refuseWrappings(app: FastifyInstance, problems: Problems): void {
  // Bounded by its bytes. Node 24 would leave out what is beyond a count: a key or an Idempotency-Key, perhaps.
  app.server.maxHeadersCount = 0
  expectNothing(app.server)
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request
    const wrong = wrongFraming(raw)
    const unread = wrong === null ? wrappingOf(raw) : null
    if (wrong !== null) done(new InvalidRequest([wrong]))
    else if (unread === null) done()
    else problems.send(reply.header('accept-encoding', 'identity'), 'unsupported_media_type', { detail: unread })
  })
  app.addHook('onSend', ({ raw }, _reply, _payload, done) => {
    if (!raw.complete && isLong(raw)) hold(raw)
    done()
  })
}

function wrongFraming(raw: IncomingMessage): WrongField | null {
  const { headers, httpVersionMinor, rawHeaders } = raw
  const coding = headers['transfer-encoding']
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersionMinor === 0)) {
    return { in: 'header', pointer: '/Transfer-Encoding', detail: 'must be chunked, in HTTP/1.1' }
  }
  let hosts = 0
  for (let name = 0; name < rawHeaders.length; name += 2) {
    if (rawHeaders[name]?.length === 4 && rawHeaders[name]?.toLowerCase() === 'host') hosts++
  }
  return hosts > 1 ? { in: 'header', pointer: '/Host', detail: 'must be there once' } : null
}

/** What keeps us from reading the body, in words. */
function wrappingOf({ method, headers }: IncomingMessage): string | null {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0
  // Of these nobody reads it.
  if (!hasBody || method === 'GET' || method === 'HEAD') return null
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== '' && coding.toLowerCase() !== 'identity') {
    return 'Send the body as it is: no Content-Encoding is taken.'
  }
  const type = headers['content-type']
  if (type === undefined || !type.includes(';')) return null
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(type)?.[1]
  // Of some other charset the bytes may happen to be UTF-8, of another text: somebody else's recipient.
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) return 'Send UTF-8, which needs no charset.'
  return null
}

/** A body that is too long to be read is not asked for; of other expectations the specification lets us know nothing. */
function expectNothing(server: Server): void {
  const handle = (request: IncomingMessage, response: ServerResponse) => void server.emit('request', request, response)
  server.on('checkExpectation', handle)
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (!(Number(request.headers['content-length']) > BODY_BYTES_MAX)) response.writeContinue()
    handle(request, response)
  })
}

/** Of chunks nobody knows. */
function isLong({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > BODY_REST_BYTES_MAX
}

/**
 * The reply goes, and a long body still comes. Node would read it away to its end, as fast as it is sent, and ten such senders
 * would leave nobody else a turn. So it is left where it is: what does not fit into one buffer waits at the sender, who has
 * time to read the reply.
 */
function hold(raw: IncomingMessage): void {
  raw.pause()
  // Somebody reads it, as far as Node is concerned.
  raw.read(0)
  setTimeout(() => {
    // With its connection.
    if (!raw.complete) raw.destroy()
  }, LINGER_MS).unref()
}
