// How long something usually takes of late: the median of the last few times. Not the mean: one that hung for seconds
// says nothing of the next.

import type { Clock } from '../host.ts'

const TIMES_MAX = 15
/** After a pause of so long what was measured before it says nothing any more. */
const STALE_MS = 1_000

export class UsualTime {
  readonly #clock: Clock
  #times: number[] = []
  #median = 0
  #lastAtMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** 0: nothing is known. */
  get ms(): number {
    return this.#median
  }

  add(ms: number): void {
    const nowMs = this.#clock.nowMs()
    // It began after the pause: `ms` is no part of it.
    if (nowMs - ms - this.#lastAtMs > STALE_MS) this.#times = []
    this.#lastAtMs = nowMs
    this.#times.push(ms)
    if (this.#times.length > TIMES_MAX) this.#times.shift()
    this.#median = this.#times.toSorted((a, b) => a - b)[Math.floor(this.#times.length / 2)] as number
  }
}
