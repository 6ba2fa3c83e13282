// Many calls become one array. Requests that arrive while batches are under way form the next one; no timer: the batch
// is as large as the database is slow.

import type { Clock } from '../host.ts'
import { FairQueue } from './fair-queue.ts'
import { ISSUE_LIMITS } from './limits.ts'
import { isStillWanted, type IssueRequest } from './request.ts'
import { UsualTime } from './usual-time.ts'

const BATCH_ROWS_MAX = ISSUE_LIMITS.batchRowsMax.value
const FLIGHTS_MAX = ISSUE_LIMITS.flightsMax.value
/** One flight is always left to the others, whatever a campaign does to its statements. */
const FLIGHTS_OF_ONE_MAX = FLIGHTS_MAX - 1

export class Batcher {
  readonly #clock: Clock
  readonly #walk: (batch: IssueRequest[]) => Promise<void>
  readonly #queue = new FairQueue()
  /** Batches under way, the oldest first. */
  readonly #flights = new Set<{ readonly sinceMs: number }>()
  readonly #flightsOf = new Map<string, number>()
  readonly #usualFlight: UsualTime
  #isScheduled = false

  /** @param walk takes a batch along the path; it answers, puts back or hands on every request and never rejects */
  constructor(clock: Clock, walk: (batch: IssueRequest[]) => Promise<void>) {
    this.#clock = clock
    this.#walk = walk
    this.#usualFlight = new UsualTime(clock)
  }

  get isIdle(): boolean {
    return this.#queue.size === 0 && this.#flights.size === 0
  }

  /** Requests that wait. */
  get size(): number {
    return this.#queue.size
  }

  /** Batches under way. */
  get flights(): number {
    return this.#flights.size
  }

  /** Those that requests wait for. */
  get campaignIds(): Iterable<string> {
    return this.#queue.campaignIds
  }

  add(request: IssueRequest): void {
    this.#queue.add(request)
    this.#schedule()
  }

  /** Once more, before those who have not had their turn. */
  putBack(requests: readonly IssueRequest[]): void {
    this.#queue.addAgain(requests.filter((request) => !request.isAnswered))
    this.#schedule()
  }

  /** How long a new request of this campaign would wait for its flight, as far as is known: 0 before the first. */
  expectedWaitMs(campaignId: string): number {
    let flightMs = this.#usualFlight.ms
    if (!this.#mayFly(campaignId)) {
      // Those under way may be slower than any before.
      const [oldest] = this.#flights
      if (oldest !== undefined) flightMs = Math.max(flightMs, this.#clock.nowMs() - oldest.sinceMs)
    }
    // Twice its own: one campaign may fill half of the queue.
    const waiting = Math.max(this.#queue.size, 2 * this.#queue.sizeOf(campaignId))
    return (Math.floor(waiting / BATCH_ROWS_MAX) * flightMs) / FLIGHTS_MAX
  }

  #mayFly(campaignId: string): boolean {
    return this.#flights.size < FLIGHTS_MAX && (this.#flightsOf.get(campaignId) ?? 0) < FLIGHTS_OF_ONE_MAX
  }

  #schedule(): void {
    if (this.#isScheduled || this.#queue.size === 0) return
    this.#isScheduled = true
    // Begun in the handler of a request, a batch would hold that one alone: first everything readable is parsed.
    this.#clock.soon(() => {
      this.#isScheduled = false
      while (this.#flights.size < FLIGHTS_MAX) {
        const batch = this.#queue.take(BATCH_ROWS_MAX, isStillWanted, (campaignId) => this.#mayFly(campaignId))
        if (batch.length === 0) return
        void this.#fly(batch)
      }
    })
  }

  async #fly(batch: IssueRequest[]): Promise<void> {
    const flight = { sinceMs: this.#clock.nowMs() }
    this.#flights.add(flight)
    const campaignIds = new Set(batch.map((request) => request.campaignId))
    for (const id of campaignIds) this.#flightsOf.set(id, (this.#flightsOf.get(id) ?? 0) + 1)
    await this.#walk(batch)
    for (const id of campaignIds) {
      const others = (this.#flightsOf.get(id) as number) - 1
      if (others === 0) this.#flightsOf.delete(id)
      else this.#flightsOf.set(id, others)
    }
    this.#flights.delete(flight)
    this.#usualFlight.add(this.#clock.nowMs() - flight.sinceMs)
    this.#schedule()
  }
}
