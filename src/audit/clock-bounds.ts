// How a caller's clock stands to the database's, learnt from what both wrote about one event: the row of an issued coupon
// was made while its call was under way.

/** Rows have whole milliseconds, cut off: the true time is up to so much later. */
const CUT_MS_MAX = 1

/** The database's clock minus the caller's lies between them. */
export interface ClockBounds {
  readonly fromMs: number
  readonly toMs: number
}

export class ClockOffset {
  #fromMs = -Infinity
  #toMs = Infinity

  /** A coupon was made, at `issuedAtMs` by the database's clock, within this call. */
  issued(sentMs: number, answeredMs: number, issuedAtMs: number): void {
    this.#fromMs = Math.max(this.#fromMs, issuedAtMs - answeredMs)
    this.#toMs = Math.min(this.#toMs, issuedAtMs + CUT_MS_MAX - sentMs)
  }

  /** null: there was no such coupon. */
  get bounds(): ClockBounds | null {
    if (this.#fromMs === -Infinity) return null
    // Where the bounds have crossed, a clock went faster or was set: the offset was once here and once there.
    return { fromMs: Math.min(this.#fromMs, this.#toMs), toMs: Math.max(this.#fromMs, this.#toMs) }
  }
}
