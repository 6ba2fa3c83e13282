// Many calls become one array. Requests that arrive while batches are under way form the next one; no timer: the batch
// is as large as the database is slow.

import { Fault } from '../answers.ts'
import type { Clock } from '../host.ts'
import { ISSUE_LIMITS } from './limits.ts'
import type { IssueRequest } from './request.ts'

const BATCH_ROWS_MAX = ISSUE_LIMITS.batchRowsMax.value
const FLIGHTS_MAX = ISSUE_LIMITS.flightsMax.value

/** How much the newest flight counts in the mean time of a flight, and after what pause the mean says nothing any more. */
const MEAN_WEIGHT = 0.2
const MEAN_STALE_MS = 1_000

interface CampaignQueue {
  readonly id: string
  /** Put back after a round: these go first. */
  again: IssueRequest[]
  readonly fresh: IssueRequest[]
  flights: number
}

export class Batcher {
  readonly #clock: Clock
  readonly #walk: (batch: IssueRequest[]) => Promise<void>
  /** By campaign, the one that was served longest ago first. */
  readonly #queues = new Map<string, CampaignQueue>()
  readonly #flightsSince = new Set<{ readonly sinceMs: number }>()
  #waiting = 0
  #meanFlightMs = 0
  #lastFlightAtMs = 0
  #isScheduled = false

  /** @param walk takes a batch along the path; it answers, puts back or hands on every request and never rejects */
  constructor(clock: Clock, walk: (batch: IssueRequest[]) => Promise<void>) {
    this.#clock = clock
    this.#walk = walk
  }

  get isIdle(): boolean {
    return this.#waiting === 0 && this.#flightsSince.size === 0
  }

  add(request: IssueRequest): void {
    this.#queueOf(request.campaignId).fresh.push(request)
    this.#waiting++
    this.#schedule()
  }

  /** Once more, before those who have not had their turn. */
  putBack(requests: readonly IssueRequest[]): void {
    for (const request of requests) {
      if (request.isAnswered) continue
      this.#queueOf(request.campaignId).again.push(request)
      this.#waiting++
    }
    this.#schedule()
  }

  /** How long a new request of this campaign would wait for its flight, as far as is known: 0 before the first. */
  expectedWaitMs(campaignId: string): number {
    const [oldest] = this.#flightsSince
    const flightMs = Math.max(this.#meanFlightMs, oldest === undefined ? 0 : this.#clock.nowMs() - oldest.sinceMs)
    const queue = this.#queues.get(campaignId)
    // Twice its own: one campaign may fill half of the queue.
    const waiting = Math.max(this.#waiting, queue === undefined ? 0 : 2 * (queue.again.length + queue.fresh.length))
    return (Math.floor(waiting / BATCH_ROWS_MAX) * flightMs) / FLIGHTS_MAX
  }

  #queueOf(campaignId: string): CampaignQueue {
    let queue = this.#queues.get(campaignId)
    if (queue === undefined) {
      queue = { id: campaignId, again: [], fresh: [], flights: 0 }
      this.#queues.set(campaignId, queue)
    }
    return queue
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting === 0) return
    this.#isScheduled = true
    // Begun in the handler of a request, a batch would hold that one alone: first everything readable is parsed.
    this.#clock.soon(() => {
      this.#isScheduled = false
      while (this.#flightsSince.size < FLIGHTS_MAX) {
        const batch = this.#take()
        if (batch.length === 0) return
        void this.#fly(batch)
      }
    })
  }

  async #fly(batch: IssueRequest[]): Promise<void> {
    const flight = { sinceMs: this.#clock.nowMs() }
    if (this.#flightsSince.size === 0 && flight.sinceMs - this.#lastFlightAtMs > MEAN_STALE_MS) this.#meanFlightMs = 0
    this.#flightsSince.add(flight)
    const queues = [...new Set(batch.map((request) => request.campaignId))].map((id) => this.#queueOf(id))
    for (const queue of queues) queue.flights++
    await this.#walk(batch)
    for (const queue of queues) {
      queue.flights--
      this.#dropIfEmpty(queue)
    }
    this.#flightsSince.delete(flight)
    this.#lastFlightAtMs = this.#clock.nowMs()
    this.#meanFlightMs += MEAN_WEIGHT * (this.#lastFlightAtMs - flight.sinceMs - this.#meanFlightMs)
    this.#schedule()
  }

  /** The next batch: a fair share for every campaign, then what is left for whoever has more. Empty: nobody may fly. */
  #take(): IssueRequest[] {
    const batch: IssueRequest[] = []
    // One flight is always left to the others: a campaign whose row is held would otherwise stop everybody.
    const queues = [...this.#queues.values()].filter((queue) => queue.flights < FLIGHTS_MAX - 1)
    const fairShare = Math.max(1, Math.floor(BATCH_ROWS_MAX / queues.length))
    for (const share of [fairShare, BATCH_ROWS_MAX]) {
      for (const queue of queues) {
        this.#move(queue, batch, Math.min(share, BATCH_ROWS_MAX - batch.length))
        if (batch.length === BATCH_ROWS_MAX) return batch
      }
    }
    return batch
  }

  #move(queue: CampaignQueue, batch: IssueRequest[], count: number): void {
    queue.again.sort((a, b) => a.arrivedAtMs - b.arrivedAtMs)
    for (let moved = 0; moved < count;) {
      const from = queue.again.length > 0 ? queue.again : queue.fresh
      const taken = from.splice(0, count - moved)
      if (taken.length === 0) break
      this.#waiting -= taken.length
      for (const request of taken) {
        if (!isStillWanted(request)) continue
        batch.push(request)
        moved++
      }
    }
    // Whoever was served waits longest for the next turn: to the end of the order.
    this.#queues.delete(queue.id)
    this.#queues.set(queue.id, queue)
    this.#dropIfEmpty(queue)
  }

  #dropIfEmpty(queue: CampaignQueue): void {
    if (queue.flights === 0 && queue.again.length === 0 && queue.fresh.length === 0) this.#queues.delete(queue.id)
  }
}

/** Neither answered meanwhile nor given up by its caller: asked at the last moment before it costs something. */
export function isStillWanted(request: IssueRequest): boolean {
  if (request.isAnswered) return false
  if (!request.isGone()) return true
  request.fail(new Fault('unavailable', 'the caller hung up before its turn'))
  return false
}
