// One at a time for each request and each recipient. The first one goes on; calls of the same request or recipient wait
// until it is answered and then go through the look-up, which finds what it got. So every answer is a look-up of one's
// own or a row of one's own, and nothing is copied from one call to another.

import type { IssueRequest } from './request.ts'

export class Claims {
  readonly #holders = new Map<string, IssueRequest>()

  /** False: somebody has it, and `request` now waits among their followers. */
  take(request: IssueRequest): boolean {
    const keys = keysOf(request)
    for (const key of keys) {
      const holder = this.#holders.get(key)
      if (holder === undefined || holder === request) continue
      holder.followers.push(request)
      return false
    }
    for (const key of keys) this.#holders.set(key, request)
    return true
  }

  release(request: IssueRequest): void {
    for (const key of keysOf(request)) if (this.#holders.get(key) === request) this.#holders.delete(key)
  }
}

/** The campaign is part of each: one recipient in two campaigns is normal. A key that we made ourselves nobody else has. */
function keysOf(request: IssueRequest): string[] {
  const keys = []
  if (request.hasCallersKey) keys.push(`${request.campaignId}/request/${request.requestKey}`)
  if (request.recipientKey !== null) keys.push(`${request.campaignId}/recipient/${request.recipientKey}`)
  return keys
}
