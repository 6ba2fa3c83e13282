// Requests that wait, by campaign. Whoever takes from it takes a fair share for every campaign, then what is left for
// whoever has more: a hot campaign does not push another one out.

import type { IssueRequest } from './request.ts'

interface CampaignQueue {
  readonly campaignId: string
  /** Put back after a round: these go first, in order of arrival. */
  again: IssueRequest[]
  readonly fresh: IssueRequest[]
}

export class FairQueue {
  /** By campaign; the one that was served longest ago first. */
  readonly #queues = new Map<string, CampaignQueue>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get campaignIds(): Iterable<string> {
    return this.#queues.keys()
  }

  sizeOf(campaignId: string): number {
    const queue = this.#queues.get(campaignId)
    return queue === undefined ? 0 : queue.again.length + queue.fresh.length
  }

  add(request: IssueRequest): void {
    this.#queueOf(request.campaignId).fresh.push(request)
    this.#size++
  }

  /** Before those who have not had their turn. */
  addAgain(requests: readonly IssueRequest[]): void {
    for (const request of requests) {
      this.#queueOf(request.campaignId).again.push(request)
      this.#size++
    }
  }

  /**
   * Up to `countMax` of those who are still wanted; the others are dropped on the way.
   * @param mayTake campaigns that may be served now; default: all
   */
  take(
    countMax: number,
    isWanted: (request: IssueRequest) => boolean,
    mayTake: (campaignId: string) => boolean = () => true,
  ): IssueRequest[] {
    const taken: IssueRequest[] = []
    const queues = [...this.#queues.values()].filter(({ campaignId }) => mayTake(campaignId))
    for (const queue of queues) if (queue.again.length > 1) queue.again.sort((a, b) => a.arrivedAtMs - b.arrivedAtMs)
    const fairShare = Math.max(1, Math.floor(countMax / queues.length))
    for (const share of [fairShare, countMax]) {
      for (const queue of queues) {
        this.#move(queue, taken, Math.min(share, countMax - taken.length), isWanted)
        if (taken.length === countMax) return taken
      }
    }
    return taken
  }

  #move(
    queue: CampaignQueue,
    taken: IssueRequest[],
    countMax: number,
    isWanted: (request: IssueRequest) => boolean,
  ): void {
    for (let moved = 0; moved < countMax;) {
      const from = queue.again.length > 0 ? queue.again : queue.fresh
      const next = from.splice(0, countMax - moved)
      if (next.length === 0) break
      this.#size -= next.length
      for (const request of next) {
        if (!isWanted(request)) continue
        taken.push(request)
        moved++
      }
    }
    // Whoever was served waits longest for the next turn: to the end of the order.
    this.#queues.delete(queue.campaignId)
    if (queue.again.length + queue.fresh.length > 0) this.#queues.set(queue.campaignId, queue)
  }

  #queueOf(campaignId: string): CampaignQueue {
    let queue = this.#queues.get(campaignId)
    if (queue === undefined) {
      queue = { campaignId, again: [], fresh: [] }
      this.#queues.set(campaignId, queue)
    }
    return queue
  }
}
