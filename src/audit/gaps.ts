// Slots without a row below slots that have one. How old a gap is, no row says; but when a higher slot was given out, its
// turn had come. So a gap is as old as the oldest coupon above it: by then it was passed over.

import type { GapReport } from './report.ts'

/** Ranges whose age is known to the last; some megabytes. Beyond them the next coupon above says how old a gap is. */
const RANGES_TRACKED_MAX = 100_000
/** Enough to look at; the count tells how many there are. */
const RANGES_SHOWN_MAX = 100

interface Range {
  readonly from: number
  readonly to: number
  /** The oldest coupon above it and below the next range. */
  oldestAboveMs: number
}

export class Gaps {
  readonly #passedBeforeMs: number
  readonly #ranges: Range[] = []
  readonly #young = new GapList()
  readonly #old = new GapList()
  #highest = 0
  #isWhole = true
  #through = 0

  /** @param passedBeforeMs whoever was passed over before it is not in flight any more */
  constructor(passedBeforeMs: number) {
    this.#passedBeforeMs = passedBeforeMs
  }

  /** Every slot up to this one was seen. */
  get through(): number {
    return this.#through
  }

  /** Ascending; a slot may come twice. Those below 1 are no slots. */
  see(slot: number, issuedAtMs: number): void {
    if (slot < 1) return
    const last = this.#ranges.at(-1)
    if (slot > this.#highest + 1) {
      this.#isWhole = false
      this.#add({ from: this.#highest + 1, to: slot - 1, oldestAboveMs: issuedAtMs })
    } else if (last !== undefined && issuedAtMs < last.oldestAboveMs) last.oldestAboveMs = issuedAtMs
    this.#highest = slot
    if (this.#isWhole) this.#through = slot
  }

  #add(range: Range): void {
    if (this.#ranges.length < RANGES_TRACKED_MAX) this.#ranges.push(range)
    else this.#judge(range, range.oldestAboveMs)
  }

  #judge({ from, to }: Range, oldestAboveMs: number): void {
    const list = oldestAboveMs < this.#passedBeforeMs ? this.#old : this.#young
    list.add(from, to)
  }

  report(): { readonly gaps: GapReport; readonly in_flight: GapReport } {
    const oldest: number[] = []
    let oldestMs = Infinity
    for (const { oldestAboveMs } of this.#ranges.toReversed()) {
      oldestMs = Math.min(oldestMs, oldestAboveMs)
      oldest.push(oldestMs)
    }
    oldest.reverse()
    for (const [index, range] of this.#ranges.splice(0).entries()) this.#judge(range, oldest[index] ?? 0)
    return { gaps: this.#old.report(), in_flight: this.#young.report() }
  }
}

class GapList {
  #count = 0
  readonly #ranges: { from: number; to: number }[] = []

  add(from: number, to: number): void {
    this.#count += to - from + 1
    if (this.#ranges.length < RANGES_SHOWN_MAX) this.#ranges.push({ from, to })
  }

  report(): GapReport {
    return { count: this.#count, ranges: this.#ranges.toSorted((a, b) => a.from - b.from) }
  }
}
