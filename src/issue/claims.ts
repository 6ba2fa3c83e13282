// One at a time for each request and each recipient. The first one goes on; calls of the same request or recipient wait
// until it is answered and then go through the look-up, which finds what it got. So every answer is a look-up of one's
// own or a row of one's own, and nothing is copied from one call to another.

import type { IssueRequest } from './request.ts'

export class Claims {
  readonly #requests = new Map<string, IssueRequest>()
  readonly #recipients = new Map<string, IssueRequest>()

  /** False: somebody has it, and `request` now waits among their followers. */
  take(request: IssueRequest): boolean {
    const { requestName, recipientName } = request
    // A key that we made ourselves nobody else has.
    const holder =
      (request.hasCallersKey ? other(this.#requests.get(requestName), request) : undefined) ??
      (recipientName === null ? undefined : other(this.#recipients.get(recipientName), request))
    if (holder !== undefined) {
      holder.followers.push(request)
      return false
    }
    if (request.hasCallersKey) this.#requests.set(requestName, request)
    if (recipientName !== null) this.#recipients.set(recipientName, request)
    return true
  }

  release(request: IssueRequest): void {
    const { requestName, recipientName } = request
    if (request.hasCallersKey && this.#requests.get(requestName) === request) this.#requests.delete(requestName)
    if (recipientName !== null && this.#recipients.get(recipientName) === request)
      this.#recipients.delete(recipientName)
  }
}

function other(holder: IssueRequest | undefined, request: IssueRequest): IssueRequest | undefined {
  return holder === request ? undefined : holder
}
