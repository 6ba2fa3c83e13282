// A client that writes bytes as they are: what no well-behaved client would send, and how replies really arrive.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

export interface RawReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

export interface RawClient {
  readonly socket: Socket
  write(bytes: string | Buffer): void
  /** The next `count` replies, or those that came before the connection was closed. */
  replies(count: number): Promise<RawReply[]>
  /** Resolves when the server has closed the connection: with what was left unread. */
  closed(): Promise<string>
}

export async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

export async function openClient(port: number): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  let received = ''
  let isClosed = false
  let wake = () => {}
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    received += chunk
    wake()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
    wake()
  })
  const change = () => new Promise<void>((resolve) => (wake = resolve))
  return {
    socket,
    write: (bytes) => void socket.write(bytes),
    async replies(count) {
      const replies: RawReply[] = []
      while (replies.length < count) {
        const cut = cutReply(received)
        if (cut !== null) {
          replies.push(cut.reply)
          received = received.slice(cut.length)
        } else if (isClosed) break
        else await change()
      }
      return replies
    },
    async closed() {
      while (!isClosed) await change()
      return received
    },
  }
}

function cutReply(bytes: string): { reply: RawReply; length: number } | null {
  const headLength = bytes.indexOf('\r\n\r\n') + 4
  if (headLength === 3) return null
  const [statusLine = '', ...lines] = bytes.slice(0, headLength - 4).split('\r\n')
  const headers = Object.fromEntries(
    lines.map(
      (line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const,
    ),
  )
  const length = headLength + Number(headers['content-length'] ?? 0)
  if (bytes.length < length) return null
  const text = Buffer.from(bytes.slice(headLength, length), 'latin1').toString()
  return { reply: { status: Number(statusLine.split(' ')[1]), headers, text }, length }
}

export function request(method: string, path: string, body?: object | string, headers: readonly string[] = []): string {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...headers]
  if (body !== undefined) lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`)
  return `${lines.join('\r\n')}\r\n\r\n${text}`
}
