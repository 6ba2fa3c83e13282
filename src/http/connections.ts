// What happens on a connection besides requests and replies: leaving it politely, and what cannot be parsed at all.

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Lifecycle } from './health.ts'
import { HEADER_BYTES_MAX, LINGER_MS } from './limits.ts'
import { problemJson, PROBLEM_TYPE, type ProblemCode, type ProblemExtras } from './problems.ts'

/** The reply to the last request that was read from a connection. */
const NEWEST = Symbol('newest reply')

interface Connection extends Socket {
  [NEWEST]?: ServerResponse
}

/** Is a reply still owed to the last request that was read from it? Replies leave in order. */
export function isAtWork(socket: Socket): boolean {
  const newest = (socket as Connection)[NEWEST]
  return newest !== undefined && !newest.writableFinished && !newest.destroyed
}

/**
 * While draining, replies ask their caller to go elsewhere. Of requests that were pipelined only the last one's may: Node
 * ends the connection after a reply with `Connection: close`, and the others' replies, whose coupons are issued, would be lost.
 */
export function closeWhileDraining(app: FastifyInstance, lifecycle: Lifecycle): void {
  app.addHook('preClose', (done) => {
    lifecycle.isDraining = true
    done()
  })
  app.addHook('onRequest', (request, reply, done) => {
    ;(request.raw.socket as Connection)[NEWEST] = reply.raw
    // Fastify's own, which it sets on each request that comes while it closes.
    if (lifecycle.isDraining) reply.raw.removeHeader('connection')
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (lifecycle.isDraining && (request.raw.socket as Connection)[NEWEST] === reply.raw)
      reply.header('connection', 'close')
    done()
  })
}

/** Answers what is not HTTP, or not in time or size, and closes. */
export function answerMalformed(
  makeRequestId: () => string,
  retryAfterMs: () => number,
): (error: NodeJS.ErrnoException, socket: Socket) => void {
  const refuse = (socket: Socket, error: NodeJS.ErrnoException) =>
    sendRefusal(socket, error, makeRequestId(), retryAfterMs())
  return (error, socket: Connection) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const newest = socket[NEWEST]
    // A request that was read before is still being answered: its reply comes first, or its caller would take this for it.
    if (newest !== undefined && newest.req.complete && !newest.writableFinished) {
      newest.once('finish', () => refuse(socket, error))
      return
    }
    // Half a reply is on its way: nothing sensible can follow.
    if (newest !== undefined && newest.headersSent && !newest.writableFinished) socket.destroy()
    else refuse(socket, error)
  }
}

function sendRefusal(socket: Socket, error: NodeJS.ErrnoException, requestId: string, retryAfterMs: number): void {
  if (!socket.writable) return
  const [code, extras] = problemOf(error)
  const isRetryable = code === 'request_timeout'
  const problem = problemJson(code, requestId, { ...extras, ...(isRetryable && { retry_after_ms: retryAfterMs }) })
  const body = JSON.stringify(problem)
  const retry = isRetryable ? `Retry-After: ${Math.ceil(retryAfterMs / 1_000)}\r\n` : ''
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Content-Language: en\r\nCache-Control: no-store\r\nX-Request-Id: ${requestId}\r\n${retry}Connection: close\r\n\r\n${body}`,
  )
  // Closed at once, with bytes of the caller's still unread, the system would reset the connection and the reply with it.
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

function problemOf(error: NodeJS.ErrnoException): [ProblemCode, ProblemExtras] {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return ['headers_too_large', { detail: `Request line and headers may have ${HEADER_BYTES_MAX} bytes together.` }]
    // Of a process that was stopped meanwhile the caller may be as quick as can be.
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['request_timeout', {}]
    default:
      return ['invalid_request', { detail: 'This is not an HTTP/1.1 request.' }]
  }
}
