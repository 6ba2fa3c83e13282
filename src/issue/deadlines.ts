// No request waits longer than it may. All have the same time, so that they fall due in order of arrival: one ordered
// set, one timer.

import { Fault } from '../answers.ts'
import type { Clock } from '../host.ts'
import { ISSUE_LIMITS } from './limits.ts'
import type { IssueRequest } from './request.ts'

const REQUEST_MS_MAX = ISSUE_LIMITS.requestMsMax.value

export class Deadlines {
  readonly #clock: Clock
  readonly #unanswered = new Set<IssueRequest>()
  #isTicking = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#unanswered.size
  }

  add(request: IssueRequest): void {
    this.#unanswered.add(request)
    if (!this.#isTicking) this.#tick()
  }

  /** Answered: it is not held a moment longer than it waits. */
  remove(request: IssueRequest): void {
    this.#unanswered.delete(request)
  }

  #tick(): void {
    const nowMs = this.#clock.nowMs()
    for (const request of this.#unanswered) {
      const leftMs = request.arrivedAtMs + REQUEST_MS_MAX - nowMs
      if (leftMs <= 0) {
        request.fail(new Fault('unavailable', 'no answer before the deadline'))
        continue
      }
      this.#isTicking = true
      this.#clock.after(leftMs, () => this.#tick())
      return
    }
    this.#isTicking = false
  }
}
