// How the commands speak HTTP: one call, one answer, or in one line why there is none.

import { setTimeout as pause } from 'node:timers/promises'
import type { ClientConfig } from '../config.ts'

/** docs/api.md: wait at least 10 s for an answer, the service gives up on its own before that. */
const CALL_MS_MAX = 15_000
/** For a call that is repeated until it is answered: somebody waits at a terminal. */
const PATIENCE_MS_MAX = 60_000
const TRIES_MAX = 5
/** After no answer at all, half to one and a half of it: then nobody said when to come back. */
const REPEAT_MS = 1_000

/** The members that all problems have, and some of those that only some have. */
export interface Problem {
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly request_id: string
  readonly errors?: readonly { readonly in: string; readonly pointer: string; readonly detail: string }[]
  readonly retry_after_ms?: number
  readonly [member: string]: unknown
}

/** The service said no, or not now. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly problem: Problem
  /** The problem as it came. */
  readonly text: string
  readonly etag: string | null

  constructor(problem: Problem, text: string, etag: string | null) {
    super(problem.title)
    this.problem = problem
    this.text = text
    this.etag = etag
  }
}

/** Nobody answered. `message` is for people. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  /** What was asked for may have been done. */
  readonly wasSent: boolean

  constructor(message: string, wasSent: boolean, cause?: unknown) {
    super(message, { cause })
    this.wasSent = wasSent
  }
}

export interface Answer<T> {
  readonly status: number
  readonly json: T
  /** As it came. */
  readonly text: string
  readonly etag: string | null
}

export interface CallOptions {
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly msMax?: number
}

/** A path with names that somebody typed. @throws when one of them would make it another path */
export function path(fixed: TemplateStringsArray, ...names: readonly string[]): string {
  // Percent-encoded or not, a URL takes dots for the folder and the one above.
  const wrong = names.find((name) => /^\.{0,2}$/.test(name))
  if (wrong !== undefined) throw new Error(`"${wrong}" is no id and no code`)
  return String.raw({ raw: fixed }, ...names.map(encodeURIComponent))
}

export class Api {
  readonly url: string
  readonly #headers: Readonly<Record<string, string>>

  constructor({ url, language, apiKey }: ClientConfig) {
    this.url = url
    this.#headers = {
      ...(language !== null && { 'accept-language': language }),
      ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
    }
  }

  /** @throws Refused, NoAnswer; Error when what answers is no Firstcome */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
    const { msMax = CALL_MS_MAX } = options
    const signal = AbortSignal.timeout(msMax)
    try {
      const response = await this.#fetch(method, path, options, signal)
      const text = await response.text()
      if (response.status !== 204 && !isJson(response)) throw this.#stranger(response)
      const json: unknown = response.status === 204 ? undefined : JSON.parse(text)
      if (response.status !== 204 && !isOurs(json)) throw this.#stranger(response)
      return { status: response.status, json: json as T, text, etag: response.headers.get('etag') }
    } catch (error) {
      throw this.#explained(error, msMax)
    }
  }

  get<T>(path: string, query: CallOptions['query'] = {}): Promise<Answer<T>> {
    return this.call<T>('GET', path, { query })
  }

  /** An answer of any length. The caller reads it, and aborts it when nothing comes. @throws as call() */
  async stream(path: string, contentType: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    try {
      const response = await this.#fetch('GET', path, {}, signal)
      if (response.body === null || !contentTypeOf(response).startsWith(contentType)) throw this.#stranger(response)
      return response.body
    } catch (error) {
      throw this.#explained(error, CALL_MS_MAX)
    }
  }

  async #fetch(method: string, path: string, options: CallOptions, signal: AbortSignal): Promise<Response> {
    const url = new URL(this.url + path)
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    const given = Object.entries(options.headers ?? {}).filter(([, value]) => value !== undefined)
    const headers = new Headers({ ...this.#headers, ...(Object.fromEntries(given) as Record<string, string>) })
    if (options.body !== undefined) headers.set('content-type', 'application/json')
    const response = await fetch(url, {
      method,
      headers,
      signal,
      // Followed, some redirects would turn a POST into a GET.
      redirect: 'manual',
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
    })
    if (response.ok) return response
    const text = await response.text()
    const problem = isJson(response) ? problemOf(text) : null
    if (problem !== null) throw new Refused(problem, text, response.headers.get('etag'))
    // A proxy whose server was gone: nobody knows how far the call came.
    if (response.status >= 500) throw new NoAnswer(`${this.url} answered ${response.status} in place of a server`, true)
    throw this.#stranger(response)
  }

  #stranger({ status, headers }: Response): Error {
    const to = headers.get('location')
    const said = to === null ? `${status} ${headers.get('content-type') ?? ''}`.trim() : `${status} and leads to ${to}`
    return new Error(`what answers at ${this.url} is no Firstcome (${said}): see --url or FIRSTCOME_URL`)
  }

  #explained(error: unknown, msMax: number): Error {
    if (error instanceof SyntaxError) return new NoAnswer(`the answer of ${this.url} was cut off`, true, error)
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      return new NoAnswer(`no answer of ${this.url} within ${msMax / 1_000} s`, true, error)
    }
    // What fetch throws when there is no reply, or it breaks off. The reason is in its cause.
    if (!(error instanceof TypeError)) return error instanceof Error ? error : new Error(String(error))
    const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException
    const reason = code ?? message
    if (reason === 'ERR_SSL_WRONG_VERSION_NUMBER')
      return new NoAnswer(
        `what answers at ${this.url} speaks no TLS: try http:// in --url or FIRSTCOME_URL`,
        false,
        error,
      )
    return UNREACHED.test(reason)
      ? new NoAnswer(
          `nothing answers at ${this.url} (${reason}): start it with \`firstcome serve\`, or set --url or FIRSTCOME_URL`,
          false,
          error,
        )
      : new NoAnswer(`the connection to ${this.url} broke before its answer (${reason})`, true, error)
  }
}

/** Whatever comes before the first byte was sent. */
const UNREACHED =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EACCES|ERR_(TLS|SSL)_\w+|\w*CERT\w*|UND_ERR_CONNECT_TIMEOUT|bad port)$/

/** Makes a call that is safe to repeat until it is answered, or for as long as somebody likes to wait. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + PATIENCE_MS_MAX
  for (let tries = 1; ; tries++) {
    try {
      return await call()
    } catch (error) {
      const waitMs = repeatAfterMs(error, tries)
      if (waitMs === null || tries === TRIES_MAX || performance.now() + waitMs > untilMs) throw error
      const why = error instanceof Refused ? error.problem.code : (error as Error).message
      process.stderr.write(`firstcome: ${why}; once more in ${(waitMs / 1_000).toFixed(1)} s\n`)
      await pause(waitMs)
    }
  }
}

/** null: repeating it is of no use. */
function repeatAfterMs(error: unknown, tries: number): number | null {
  if (error instanceof Refused) return error.problem.retry_after_ms ?? null
  // A server that was never there is not waited for; one that has just gone may be back in a moment.
  if (!(error instanceof NoAnswer) || (!error.wasSent && tries === 1)) return null
  return REPEAT_MS * (0.5 + Math.random())
}

function contentTypeOf(response: Response): string {
  return response.headers.get('content-type') ?? ''
}

function isJson(response: Response): boolean {
  return /^application\/(problem\+)?json\b/.test(contentTypeOf(response))
}

/** A campaign, a coupon and a page: all that is called for here has one of them. */
const MEMBERS = ['server_time', 'coupon_code', 'next_cursor']

/** Somebody else's JSON must not pass for an answer, least of all for a coupon. */
function isOurs(json: unknown): boolean {
  return typeof json === 'object' && json !== null && MEMBERS.some((name) => name in json)
}

function problemOf(text: string): Problem | null {
  const json = JSON.parse(text) as Record<string, unknown> | null
  const { code, title, status, detail, request_id: requestId, ...others } = json ?? {}
  if (typeof code !== 'string' || typeof title !== 'string' || typeof status !== 'number') return null
  return { ...others, code, title, status, detail: String(detail), request_id: String(requestId) }
}
