// A server of coupons in this process, for the load engine: it answers as a test says, and keeps what it was asked.

import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface CouponServer extends AsyncDisposable {
  readonly url: string
  /** In order of arrival. */
  readonly asked: Asked[]
  /** At once, so far. */
  readonly mostAtOnce: number
}

/** What to answer; nothing: the connection is broken off. */
export type Answering = (asked: Asked, count: number) => Answered | null | Promise<Answered | null>

export interface Answered {
  readonly status: number
  readonly body: object | string
  readonly headers?: Record<string, string>
}

/** @param port 0: any free one */
export async function openCouponServer(answer: Answering, port = 0): Promise<CouponServer> {
  const asked: Asked[] = []
  let now = 0
  let most = 0
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    // A connection is opened for later.
    if (request.method === 'GET') return void response.end()
    most = Math.max(most, ++now)
    response.once('close', () => now--)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const one = { path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() }
    const answered = await answer(one, asked.push(one))
    if (answered === null) return void request.socket.destroy()
    const text = typeof answered.body === 'string' ? answered.body : JSON.stringify(answered.body)
    response.writeHead(answered.status, { 'content-type': 'application/json', ...answered.headers }).end(text)
  }
  // A caller that hangs up is one of the things that are tested.
  const server = createServer((request, response) => void serve(request, response).catch(() => {}))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    get mostAtOnce() {
      return most
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function coupon(slot: number, recipient: string | null = null): Answered {
  const body = { coupon_code: `CODE${slot}`, slot, recipient, issued_at: '2027-03-02T01:00:00.115Z', replayed: null }
  return { status: 201, body }
}

export function problem(status: number, code: string, extras: object = {}): Answered {
  return { status, body: { title: code, status, code, detail: code, request_id: 'r', ...extras } }
}
