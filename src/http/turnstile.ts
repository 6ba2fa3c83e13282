// Lets a few through at once, lets a few more wait, and tells whoever comes then `busy`: those who read much must not stand
// in the way of a sale.

import { Fault } from '../answers.ts'
import type { Clock } from '../host.ts'

export interface TurnstileLimits {
  readonly insideMax: number
  readonly waitingMax: number
  readonly waitMsMax: number
  /** When there may be room again. */
  readonly retryAfterMs: number
}

export class Turnstile {
  readonly #limits: TurnstileLimits
  readonly #clock: Clock
  #inside = 0
  readonly #waiting: (() => void)[] = []

  constructor(limits: TurnstileLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#inside < this.#limits.insideMax) this.#inside++
    else if (this.#waiting.length < this.#limits.waitingMax) await this.#turn()
    else throw this.#busy()
    try {
      return await work()
    } finally {
      // The place is handed on: nobody who comes in between can take it.
      const next = this.#waiting.shift()
      if (next === undefined) this.#inside--
      else next()
    }
  }

  #turn(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const cancel = this.#clock.after(this.#limits.waitMsMax, () => {
      this.#waiting.splice(this.#waiting.indexOf(enter), 1)
      reject(this.#busy())
    })
    const enter = () => {
      cancel()
      resolve()
    }
    this.#waiting.push(enter)
    return promise
  }

  #busy(): Fault {
    return new Fault('busy', 'too many at once', { retryAfterMs: this.#limits.retryAfterMs })
  }
}
