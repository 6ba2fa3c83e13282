// The servers as the load sees them: connections, whose turn it is, and one exchange with one of them.

import { Pool } from 'undici'
import type { Clock, Randomness } from '../host.ts'

/** For one exchange: the service gives up on its own before that, so what is later is no reply. */
const EXCHANGE_MS_MAX = 15_000
const CONNECT_MS_MAX = 3_000
/** Half to one and a half of it, a server that refused a connection is left alone; then one caller tries it for all. */
const REST_MS = 200

export interface Message {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** After this long the caller hangs up. null: it stays. */
  readonly hangUpAfterMs: number | null
}

export interface Exchange {
  /** False: there was no connection. */
  readonly wasSent: boolean
  /** Monotonic; when it went out, or would have. */
  readonly sentAtMs: number
  readonly answeredAtMs: number
  /** null: none came, or not whole. */
  readonly reply: Reply | null
}

export interface Reply {
  readonly status: number
  /** Seconds, as `Retry-After` has it. */
  readonly retryAfter: string | null
  readonly text: string
}

export interface ServersOptions {
  readonly urls: readonly string[]
  /** To each of them at most. */
  readonly connections: number
  readonly clock: Clock
  readonly randomness: Randomness
}

export class Servers {
  readonly #servers: Server[]
  readonly #clock: Clock
  readonly #randomness: Randomness
  #turn = 0

  constructor({ urls, connections, clock, randomness }: ServersOptions) {
    this.#clock = clock
    this.#randomness = randomness
    this.#servers = urls.map((url) => new Server(url, connections, clock))
  }

  /** The next one, and not `last` if there is another. null: none takes connections, as far as is known. */
  next(last: Server | null): Server | null {
    const count = this.#servers.length
    let second: Server | null = null
    for (let step = 0; step < count; step++) {
      const server = this.#servers[this.#turn++ % count] as Server
      if (server === last) second = server
      else if (this.#isOpen(server)) return server
    }
    return second !== null && this.#isOpen(second) ? second : null
  }

  #isOpen(server: Server): boolean {
    if (server.triedAgainAtMs === null) return true
    if (this.#clock.nowMs() < server.triedAgainAtMs) return false
    this.#rest(server)
    return true
  }

  /** After an exchange with it. */
  learn(server: Server, { wasSent }: Exchange): void {
    if (wasSent) server.triedAgainAtMs = null
    else this.#rest(server)
  }

  #rest(server: Server): void {
    server.triedAgainAtMs = this.#clock.nowMs() + this.restMs()
  }

  restMs(): number {
    return REST_MS * (0.5 + this.#randomness.fraction())
  }

  /** Opens so many connections to each. A server that is not there has none. */
  async warm(connections: number): Promise<void> {
    const greetings = this.#servers.flatMap((server) => Array.from({ length: connections }, () => server.greet()))
    await Promise.all(greetings)
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()))
  }
}

export class Server {
  /** As it was given, without a slash at its end. */
  readonly url: string
  /** Monotonic. null: it takes connections. */
  triedAgainAtMs: number | null = null
  readonly #pool: Pool
  readonly #prefix: string
  readonly #clock: Clock

  constructor(url: string, connections: number, clock: Clock) {
    const { origin, pathname } = new URL(url)
    this.url = url
    this.#prefix = pathname.replace(/\/+$/, '')
    this.#clock = clock
    this.#pool = new Pool(origin, {
      connections,
      // One at a time on each: what is behind another in a pipe would be sent again without being told to.
      pipelining: 1,
      connect: { timeout: CONNECT_MS_MAX },
      headersTimeout: EXCHANGE_MS_MAX,
      bodyTimeout: EXCHANGE_MS_MAX,
    })
  }

  /**
   * POSTs it when a connection is free. Never rejects.
   * @param isOver asked then: what is no longer wanted does not go out
   * @returns null: it did not go out
   */
  exchange({ path, headers, body, hangUpAfterMs }: Message, isOver: () => boolean): Promise<Exchange | null> {
    return new Promise((resolve) => {
      const clock = this.#clock
      let sentAtMs: number | null = null
      let head: Omit<Reply, 'text'> | null = null
      const chunks: Buffer[] = []
      let cancelHangUp = () => {}
      const end = (isWhole: boolean) => {
        cancelHangUp()
        const answeredAtMs = clock.nowMs()
        const reply = isWhole && head !== null ? { ...head, text: Buffer.concat(chunks).toString() } : null
        resolve({ wasSent: sentAtMs !== null, sentAtMs: sentAtMs ?? answeredAtMs, answeredAtMs, reply })
      }
      this.#pool.dispatch(
        { method: 'POST', path: this.#prefix + path, headers, body },
        {
          onRequestStart(controller) {
            if (isOver()) {
              resolve(null)
              // Aborted instead, its connection would go, too.
              throw new Error('not wanted any more')
            }
            sentAtMs = clock.nowMs()
            if (hangUpAfterMs !== null)
              cancelHangUp = clock.after(hangUpAfterMs, () => controller.abort(new Error('hung up')))
          },
          onResponseStart(_controller, status, { 'retry-after': retryAfter }) {
            head = { status, retryAfter: typeof retryAfter === 'string' ? retryAfter : null }
          },
          onResponseData: (_controller, chunk) => void chunks.push(chunk),
          onResponseEnd: () => end(true),
          onResponseError: () => end(false),
        },
      )
    })
  }

  /** Something that costs the server nothing. Never rejects. */
  greet(): Promise<void> {
    return new Promise((resolve) => {
      this.#pool.dispatch(
        { method: 'GET', path: `${this.#prefix}/livez` },
        { onResponseStart() {}, onResponseData() {}, onResponseEnd: () => resolve(), onResponseError: () => resolve() },
      )
    })
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#pool.destroyed ? Promise.resolve() : this.#pool.destroy()
  }
}
