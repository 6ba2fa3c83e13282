// How the check speaks HTTP: paths, headers and bodies leave exactly as they were written, and what holds for every reply
// is looked at on each of them.

import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { Agent as TlsAgent, request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { Mismatch, sure } from './steps.ts'

/** docs/api.md: wait at least 10 s for an answer, the service gives up on its own before that. */
const CALL_MS_MAX = 15_000

/** Others may keep the server busy reading: told so, the check comes back, as a client should. */
const BUSY_TRIES_MAX = 5

export type Json = Readonly<Record<string, unknown>>

export interface CallOptions {
  /** Bytes and text as they are, anything else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Not the one of the run. null: none. */
  readonly apiKey?: string | null
}

export class Reply {
  /** Method and path. */
  readonly asked: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Empty unless the body is a JSON object. */
  readonly json: Json

  constructor(asked: string, status: number, headers: IncomingHttpHeaders, text: string) {
    this.asked = asked.length > 100 ? `${asked.slice(0, 100)}…` : asked
    this.status = status
    this.headers = headers
    this.text = text
    this.json = jsonOf(headers, text)
  }

  /** @throws Mismatch */
  is(status: number): Json {
    sure(this.asked, this.status === status, String(status), this.#told)
    return this.json
  }

  /** @throws Mismatch */
  isProblem(status: number, code: string): Json {
    sure(this.asked, this.status === status && this.json['code'] === code, `${status} ${code}`, this.#told)
    return this.json
  }

  get #told(): string {
    return `${this.status} ${this.text}`
  }
}

/** Nobody is there, or nobody answered. */
export class NoReply extends Mismatch {
  readonly reason: string
  readonly speaksTls: boolean

  constructor(asked: string, { code, message }: NodeJS.ErrnoException) {
    const reason = code ?? message
    super(asked, 'a reply', `none: ${reason}`)
    this.reason = reason
    // Node has no code of its own for what is answered in plain text.
    this.speaksTls = !message.includes('wrong version number')
  }
}

export class Api {
  readonly #base: URL
  readonly #isTls: boolean
  readonly #agent: Agent
  readonly #requestId: string
  readonly #apiKey: string | null
  #calls = 0
  /** The status of each problem code that was told, for the step that reads their pages. */
  readonly problems = new Map<string, number>()

  /** @param requestId what all request ids begin with: an operator finds the check in his log by it */
  constructor(base: URL, requestId: string, apiKey: string | null) {
    this.#base = base
    this.#isTls = base.protocol === 'https:'
    this.#agent = this.#isTls ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true })
    this.#requestId = requestId
    this.#apiKey = apiKey
  }

  get(path: string, options?: CallOptions): Promise<Reply> {
    return this.call('GET', path, options)
  }

  post(path: string, body?: unknown, options?: CallOptions): Promise<Reply> {
    return this.call('POST', path, { ...options, body })
  }

  patch(path: string, body: unknown, options?: CallOptions): Promise<Reply> {
    return this.call('PATCH', path, { ...options, body })
  }

  delete(path: string, options?: CallOptions): Promise<Reply> {
    return this.call('DELETE', path, options)
  }

  /** @throws Mismatch when there is no reply, or it breaks a rule that holds for all */
  async call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    for (let tries = 1; ; tries++) {
      const requestId = `${this.#requestId}.${++this.#calls}`
      const reply = await this.#exchange(method, path, requestId, options)
      keepRules(reply)
      if (reply.status >= 400) {
        sure(`${reply.asked}: request_id`, reply.json['request_id'] === requestId, requestId, reply.json['request_id'])
      }
      this.#note(reply)
      if (reply.status !== 429 || tries === BUSY_TRIES_MAX) return reply
      await pause(Number(reply.json['retry_after_ms']))
    }
  }

  /** To see who is there: what answers may be anything. @throws NoReply when nobody does */
  peek(path: string, method = 'GET'): Promise<Reply> {
    return this.#exchange(method, path, this.#requestId, {})
  }

  /** Whatever an HTTP client would refuse to send. The server is expected to answer and close. */
  async bytes(what: string, bytes: string): Promise<Reply> {
    const { hostname, port } = this.#base
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket = this.#isTls
      ? connectTls({ host, port: Number(port || 443), servername: host })
      : connect({ host, port: Number(port || 80) })
    let received = ''
    socket.setEncoding('utf8')
    socket.setTimeout(CALL_MS_MAX, () => socket.destroy())
    socket.on('data', (text: string) => (received += text))
    // Written to after it was closed: what was received before counts.
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write(bytes)
    await closed
    const [head = '', ...body] = received.split('\r\n\r\n')
    const [statusLine = '', ...lines] = head.split('\r\n')
    const headers = lines.map((line) => /^([^:]+):\s*(.*)$/.exec(line) ?? [])
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
    if (Number.isNaN(status)) throw new Mismatch(what, 'a reply', received === '' ? 'none' : received)
    const named = Object.fromEntries(headers.map(([, name = '', value = '']) => [name.toLowerCase(), value]))
    const reply = new Reply(what, status, named, body.join('\r\n\r\n'))
    keepRules(reply)
    this.#note(reply)
    return reply
  }

  close(): void {
    this.#agent.destroy()
  }

  #note({ status, json }: Reply): void {
    if (status >= 400) this.problems.set(String(json['code']), status)
  }

  #exchange(method: string, path: string, requestId: string, options: CallOptions): Promise<Reply> {
    const { body, headers = {}, apiKey = this.#apiKey } = options
    const payload =
      body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    const asked = `${method} ${path}`
    const { hostname, port, pathname } = this.#base
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(new NoReply(asked, error))
      const request = (this.#isTls ? httpsRequest : httpRequest)(
        {
          hostname: hostname.replace(/^\[|\]$/g, ''),
          port,
          method,
          // Not resolved against the base: that would take `..` away.
          path: pathname.replace(/\/$/, '') + path,
          agent: this.#agent,
          headers: {
            'x-request-id': requestId,
            ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', fail)
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString()
            resolve(new Reply(asked, response.statusCode ?? 0, response.headers, text))
          })
        },
      )
      request.setTimeout(CALL_MS_MAX, () => request.destroy(new Error(`nothing for ${CALL_MS_MAX} ms`)))
      request.on('error', fail)
      request.end(payload)
    })
  }
}

function jsonOf(headers: IncomingHttpHeaders, text: string): Json {
  if (!/^application\/(problem\+)?json\b/.test(headers['content-type'] ?? '')) return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
  } catch {
    return {}
  }
}

/** UTC, with milliseconds. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
/** Of a stack, a path of the program, a statement, or an error of a database. */
const INNARDS =
  /^\s+at \S+ \(|\bnode:internal\b|\.ts:\d+|\b(SELECT|INSERT INTO|DELETE FROM)\b|\bSQLITE_\w+|\bER_[A-Z]+_/m

/** What is true of each reply of this API, whatever was asked. */
function keepRules({ asked, status, headers, text, json }: Reply): void {
  sure(`${asked}: Cache-Control`, headers['cache-control'] === 'no-store', 'no-store', headers['cache-control'])
  sure(`${asked}: the body`, !INNARDS.test(text), 'nothing of the inside of the service', text)
  keepTimes(asked, json)
  const type = headers['content-type'] ?? 'none'
  if (status === 204) sure(`${asked}: the body`, text === '', 'none', text)
  else if (status < 400) {
    sure(
      `${asked}: Content-Type`,
      /^(application\/json|application\/x-ndjson|text\/csv)\b/.test(type),
      'JSON or an export',
      type,
    )
  } else {
    sure(`${asked}: Content-Type`, type.startsWith('application/problem+json'), 'application/problem+json', type)
    const { type: page, title, status: told, code, detail, request_id: requestId } = json
    const isText = [page, title, code, detail, requestId].every((value) => typeof value === 'string' && value !== '')
    const isProblem = isText && told === status && page === `/problems/${String(code)}`
    sure(`${asked}: the problem`, isProblem, 'type, title, status, code, detail and request_id that agree', text)
    const isRetryable = status === 429 || status === 503
    const tellsWhen = Number(json['retry_after_ms']) > 0 && /^\d+$/.test(headers['retry-after'] ?? '')
    sure(`${asked}: when to come back`, !isRetryable || tellsWhen, 'retry_after_ms and Retry-After', text)
  }
}

function keepTimes(asked: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, child] of Object.entries(value)) {
    if (/_(time|at)$/.test(name)) {
      const isTime = child === null || (typeof child === 'string' && TIME.test(child))
      sure(`${asked}: ${name}`, isTime, 'a time in UTC with milliseconds', child)
    } else if (name !== 'metadata') keepTimes(asked, child)
  }
}
