// Lets a few through at once, lets a few more wait, and tells whoever comes then `busy`: those who read much must not stand
// in the way of a sale.

import { Fault } from '../answers.ts'

export interface TurnstileLimits {
  readonly insideMax: number
  readonly waitingMax: number
  /** When there may be room again. */
  readonly retryAfterMs: number
}

export class Turnstile {
  readonly #limits: TurnstileLimits
  #inside = 0
  readonly #waiting: (() => void)[] = []

  constructor(limits: TurnstileLimits) {
    this.#limits = limits
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    const { insideMax, waitingMax, retryAfterMs } = this.#limits
    if (this.#inside < insideMax) this.#inside++
    else if (this.#waiting.length < waitingMax) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else throw new Fault('busy', 'too many at once', { retryAfterMs })
    try {
      return await work()
    } finally {
      // The place is handed on: nobody who comes in between can take it.
      const next = this.#waiting.shift()
      if (next === undefined) this.#inside--
      else next()
    }
  }
}
