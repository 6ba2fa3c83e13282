// The load engine: sends requests for coupons as a plan says, asks again as a good client does, and tells of every call.
//
//   plan ─▶ request ─▶ call to the server whose turn it is ─▶ told ─▶ answered, or refused
//                       ▲                                      └─ unknown, too early: wait ─┐
//                       └──────────── the same key and recipient, another server ◀──────────┘

import type { Clock, Randomness } from '../host.ts'
import { answerOf, type Answer } from './answers.ts'
import type { HistoryCall } from './history.ts'
import { Tally, type LoadNumbers } from './numbers.ts'
import type { ClosedPlan, OpenPlan, Plan } from './plan.ts'
import { Servers, type Exchange, type Message, type Server } from './servers.ts'

/** In an open loop nothing holds requests back but this: each is a few kilobytes while it waits for its answer. */
export const OUTSTANDING_MAX = 50_000
/** Sent in one go, before what is readable is read: a burst is a crowd, and no single caller that hears nobody. */
const SENT_AT_ONCE_MAX = 1_024
/** Between two looks at the numbers. */
const BEAT_MS = 100
/** Slept in one go: a timer of more does not wait at all. */
const PAUSE_MS_MAX = 2_147_483_647
/** When nobody said when to come back, half to one and a half of it; doubled with every further time. */
const REPEAT_MS = 100
const REPEAT_MS_MAX = 2_000
/** Of a wait that the service asked for: added at random, so that those who were told the same come apart. */
const RETRY_JITTER = 0.25

/** What somebody wants once. */
export interface Want {
  /** Names it in the history. */
  readonly request: string
  readonly recipient: string | null
  /** Without a recipient, only a key makes a call safe to repeat. */
  readonly idempotencyKey: string | null
  /** Its first caller hangs up after so long, and asks again. */
  readonly hangUpAfterMs?: number
}

export interface LoadOptions {
  /** Base URLs. */
  readonly servers: readonly string[]
  readonly campaignId: string
  /** null: none is sent. */
  readonly apiKey?: string | null
  readonly plan: Plan
  /** @param number of the request, from 0 */
  readonly want: (number: number) => Want
  /** Codes of refusals that somebody may take back, a pause for instance: asked again like what was not answered. */
  readonly comesBackAfter?: readonly string[]
  /** To each server at most. */
  readonly connections: number
  /** Of an open loop: what would be more is not sent, and counted. */
  readonly outstandingMax?: number
  /** From when a request should have been sent, or from the start if it came before that: then it is given up. */
  readonly patienceMs: number
  /** Waited for: who writes it down holds the request up, never the schedule. What it throws ends the run. */
  readonly onCall: (call: HistoryCall) => void | Promise<void>
  readonly onNumbers?: (numbers: LoadNumbers) => void
  /** Nothing is sent after it. What is on its way is waited for. */
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly randomness: Randomness
}

/** Resolves when every request is answered or given up. @throws what `onCall` threw */
export async function runLoad(options: LoadOptions): Promise<LoadNumbers> {
  const run = new Run(options)
  try {
    return await run.whole()
  } finally {
    await run.close()
  }
}

class Run {
  readonly #options: LoadOptions
  readonly #servers: Servers
  readonly #tally = new Tally()
  readonly #path: string
  /** From monotonic time to time since 1970: read once, so that a clock that is set in between moves nothing. */
  readonly #epochMs: number
  readonly #beganAtMs: number
  readonly #waiting = new Set<() => void>()
  #isOver = false
  #failure: { readonly error: unknown } | null = null
  /** Resolves when none is outstanding and none will be. */
  readonly #idle = Promise.withResolvers<void>()

  constructor(options: LoadOptions) {
    const { servers, campaignId, clock, signal } = options
    this.#options = options
    this.#servers = new Servers({ ...options, urls: servers })
    this.#path = `/v1/campaigns/${encodeURIComponent(campaignId)}/coupons`
    this.#beganAtMs = clock.nowMs()
    this.#epochMs = clock.wallMs() - this.#beganAtMs
    if (signal.aborted) this.#end()
    else signal.addEventListener('abort', this.#end)
  }

  async whole(): Promise<LoadNumbers> {
    const { plan, clock, onNumbers } = this.#options
    const work = plan.kind === 'open' ? this.#open(plan) : this.#closed(plan)
    let isDone = false
    const done = work.finally(() => (isDone = true))
    // Also keeps the process alive while everybody only waits.
    while (!isDone) {
      await Promise.race([done, clock.sleep(BEAT_MS)])
      onNumbers?.(this.#numbers())
    }
    await done
    if (this.#failure !== null) throw this.#failure.error
    return this.#numbers()
  }

  async close(): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#end)
    await this.#servers.close()
  }

  /** Never waits for an answer. */
  async #open({ requests, atMs, atOnce }: OpenPlan): Promise<void> {
    const { servers, connections, clock, outstandingMax = OUTSTANDING_MAX } = this.#options
    // Not waited for: a server that hangs must not hold up the schedule.
    if (atOnce > 1) void this.#servers.warm(Math.min(connections, Math.ceil(atOnce / servers.length)))
    let number = 0
    while (number < requests && !this.#isOver) {
      const dueMs = atMs(number) - this.#epochMs
      const inMs = dueMs - clock.nowMs()
      if (inMs > 0) {
        await this.#pause(inMs)
        continue
      }
      if (this.#tally.outstanding >= outstandingMax) this.#tally.notSent++
      else void this.#ask(number, dueMs).then(this.#settle)
      number++
      if (number % SENT_AT_ONCE_MAX === 0) await new Promise<void>((resolve) => clock.soon(resolve))
    }
    this.#tally.notSent += requests - number
    this.#isSent = true
    this.#settle()
    await this.#idle.promise
  }

  #isSent = false
  readonly #settle = (): void => {
    if (this.#isSent && this.#tally.outstanding === 0) this.#idle.resolve()
  }

  async #closed({ requests, callers, fromMs }: ClosedPlan): Promise<void> {
    const inMs = () => fromMs - this.#epochMs - this.#options.clock.nowMs()
    while (inMs() > 0 && !this.#isOver) await this.#pause(inMs())
    let next = 0
    const caller = async () => {
      while (next < requests && !this.#isOver) await this.#ask(next++, null)
    }
    await Promise.all(Array.from({ length: Math.min(callers, requests) }, caller))
    this.#tally.notSent += requests - next
  }

  /**
   * One request to its end. Never rejects.
   * @param dueAtMs when it should be sent; null: when it is
   */
  async #ask(number: number, dueAtMs: number | null): Promise<void> {
    const tally = this.#tally
    tally.requests++
    tally.outstanding++
    try {
      await this.#askUntilAnswered(number, dueAtMs)
    } catch (error) {
      this.#failure ??= { error }
      this.#end()
    }
    tally.outstanding--
  }

  async #askUntilAnswered(number: number, dueAtMs: number | null): Promise<void> {
    const { want: wantOf, clock, patienceMs } = this.#options
    const want = wantOf(number)
    const message = this.#messageOf(want)
    let last: Server | null = null
    let intendedAtMs = dueAtMs
    let wantedSinceMs = dueAtMs ?? clock.nowMs()
    for (let call = 1, misses = 0; ; call++) {
      const server = await this.#serverFor(last, wantedSinceMs)
      if (server === null) return this.#giveUp(call)
      last = server
      const { hangUpAfterMs = null } = call === 1 ? want : {}
      const exchange = await server.exchange({ ...message, hangUpAfterMs }, () => this.#isOver)
      if (exchange === null) return this.#giveUp(call)
      const answer = answerOf(exchange.reply)
      intendedAtMs ??= exchange.sentAtMs
      await this.#tell(want, call, server, intendedAtMs, exchange, answer)

      if (answer.retryAfterMs === null) misses++
      this.#servers.learn(server, exchange)
      // Without key and recipient, the next call would want another coupon.
      const isOnce = want.recipient === null && want.idempotencyKey === null
      if (isOnce && answer.answer === 'unknown') return this.#giveUp(call + 1)
      const waitMs = this.#againInMs(answer, misses)
      if (waitMs === null) return this.#tally.answered(exchange.answeredAtMs - wantedSinceMs)
      const againAtMs = clock.nowMs() + waitMs
      // Until the start, nobody is kept waiting by the servers.
      if (answer.startsInMs !== null) wantedSinceMs = againAtMs
      if (againAtMs > wantedSinceMs + patienceMs || this.#isOver) return this.#giveUp(call + 1)
      await this.#pause(waitMs)
      if (this.#isOver) return this.#giveUp(call + 1)
      intendedAtMs = dueAtMs === null ? null : againAtMs
    }
  }

  /** Waits until there is one. null: patience is over, or the run. */
  async #serverFor(last: Server | null, wantedSinceMs: number): Promise<Server | null> {
    for (;;) {
      const server = this.#servers.next(last)
      if (server !== null) return server
      const waitMs = this.#servers.restMs()
      if (this.#options.clock.nowMs() + waitMs > wantedSinceMs + this.#options.patienceMs) return null
      await this.#pause(waitMs)
      if (this.#isOver) return null
    }
  }

  #giveUp(call: number): void {
    if (call > 1) return void this.#tally.unknownLeft++
    this.#tally.requests--
    this.#tally.notSent++
  }

  #isMiss({ answer, code }: Answer): boolean {
    return answer === 'unknown' || (code !== null && this.#options.comesBackAfter?.includes(code) === true)
  }

  /** null: that was the answer. */
  #againInMs(answer: Answer, misses: number): number | null {
    const { startsInMs, retryAfterMs } = answer
    const fraction = this.#options.randomness.fraction()
    if (startsInMs !== null) return startsInMs
    if (!this.#isMiss(answer)) return null
    if (retryAfterMs !== null) return retryAfterMs * (1 + RETRY_JITTER * fraction)
    return Math.min(REPEAT_MS * 2 ** (misses - 1), REPEAT_MS_MAX) * (0.5 + fraction)
  }

  #messageOf({ recipient, idempotencyKey }: Want): Omit<Message, 'hangUpAfterMs'> {
    const { apiKey = null } = this.#options
    const headers: Record<string, string> = apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }
    if (recipient !== null) headers['content-type'] = 'application/json'
    if (idempotencyKey !== null) headers['idempotency-key'] = idempotencyKey
    return { path: this.#path, headers, body: recipient === null ? null : JSON.stringify({ recipient }) }
  }

  async #tell(
    { request, recipient, idempotencyKey }: Want,
    call: number,
    { url: server }: Server,
    intendedAtMs: number,
    { sentAtMs, answeredAtMs }: Exchange,
    answer: Answer,
  ): Promise<void> {
    this.#tally.call(answer)
    const sinceEpoch = (ms: number) => Math.round((this.#epochMs + ms) * 1_000) / 1_000
    await this.#options.onCall({
      request,
      call,
      campaign_id: this.#options.campaignId,
      recipient,
      idempotency_key: idempotencyKey,
      server,
      intended_at: sinceEpoch(intendedAtMs),
      sent_at: sinceEpoch(sentAtMs),
      answered_at: sinceEpoch(answeredAtMs),
      answer: answer.answer,
      status: answer.status,
      code: answer.code,
      coupon: answer.coupon,
    })
  }

  /** Ended early when the run is over, or where one timer cannot wait so long. */
  #pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#isOver) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = () => {
        cancel()
        this.#waiting.delete(wake)
        resolve()
      }
      const cancel = this.#options.clock.after(Math.min(ms, PAUSE_MS_MAX), wake)
      this.#waiting.add(wake)
    })
  }

  readonly #end = (): void => {
    this.#isOver = true
    for (const wake of this.#waiting) wake()
  }

  #numbers(): LoadNumbers {
    return this.#tally.numbers(this.#options.clock.nowMs() - this.#beganAtMs)
  }
}
