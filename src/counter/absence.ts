// Whether Redis is away, for people: a line in the log when it goes and one when it is back, however many calls notice.

import type { Clock } from '../host.ts'
import type { CounterFault } from './counter.ts'
import { COUNTER_LIMITS } from './limits.ts'

export class Absence {
  readonly #clock: Clock
  readonly #warn: (what: string) => void
  /** Since the first failure after the last answer; null: it answers, as far as is known. */
  #sinceMs: number | null = null
  #reason: string | null = null
  #slots = 0
  #isTold = false
  #refusedAtMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, warn: (what: string) => void) {
    this.#clock = clock
    this.#warn = warn
  }

  /** It answers, but nothing that is of use: memory full, a replica that nobody has promoted, something else at its address. */
  get isRefusing(): boolean {
    return this.#clock.nowMs() - this.#refusedAtMs < COUNTER_LIMITS.refusalMs.value
  }

  /**
   * @param reason shows neither address nor key; null: not known yet, and nothing is told before it is
   * @param slots that were asked for: their requests take the ledger way
   */
  failed(fault: CounterFault, reason: string | null, slots: number): void {
    const nowMs = this.#clock.nowMs()
    if (this.#sinceMs === null) {
      this.#sinceMs = nowMs
      this.#reason = null
      this.#slots = 0
      this.#isTold = false
      this.#clock.after(COUNTER_LIMITS.awayMs.value, () => {
        if (!this.isRefusing) this.#tellAway()
      })
    }
    this.#slots += slots
    // It only says that there was another fault before.
    if (fault !== 'stalled') this.#reason = reason ?? this.#reason
    if (fault === 'refused' || fault === 'nonsense') this.#refusedAtMs = nowMs
    this.#tellAway()
  }

  /** A command did what it should. */
  answered(): void {
    this.#refusedAtMs = Number.NEGATIVE_INFINITY
    if (this.#sinceMs === null) return
    const seconds = ((this.#clock.nowMs() - this.#sinceMs) / 1_000).toFixed(1)
    this.#sinceMs = null
    if (this.#isTold) this.#warn(`Redis answers again after ${seconds} s: ${this.#slots} requests took the ledger way`)
  }

  /** It was reached, which says nothing of what it makes of commands. */
  reached(): void {
    if (!this.isRefusing) this.answered()
  }

  #tellAway(): void {
    if (this.#sinceMs === null || this.#reason === null || this.#isTold) return
    if (this.#clock.nowMs() - this.#sinceMs < COUNTER_LIMITS.awayMs.value) return
    this.#isTold = true
    this.#warn(`Redis is away: ${this.#reason}. Coupons come from the database alone`)
  }
}
