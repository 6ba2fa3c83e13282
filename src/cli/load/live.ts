// The numbers while a run goes on, in a line.

import type { LoadNumbers } from '../../load/numbers.ts'
import { shownCount, shownDuration } from '../table.ts'

/** Over which a rate is taken: over the tenth of a second between two lines on a terminal it would jump. */
const RATE_MS = 1_000

export class Live {
  readonly #startsAtMs: number
  #now: LoadNumbers | null = null
  /** Since these the rate is taken. */
  #before: LoadNumbers | null = null
  #perSecond = 0

  /** @param startsAtMs of the campaign, by this machine's clock */
  constructor(startsAtMs: number) {
    this.#startsAtMs = startsAtMs
  }

  see(numbers: LoadNumbers): void {
    this.#now = numbers
    this.#before ??= numbers
    const ms = numbers.elapsedMs - this.#before.elapsedMs
    if (ms < RATE_MS) return
    this.#perSecond = ((numbers.calls - this.#before.calls) / ms) * 1_000
    this.#before = numbers
  }

  line(): string {
    const sinceStartMs = Date.now() - this.#startsAtMs
    if (sinceStartMs < 0) return `opens in ${shownDuration(-sinceStartMs)}`
    if (this.#now === null) return ''
    const { issued, refused, unknown, latency, outstanding } = this.#now
    const { sold_out: soldOut = 0, ...others } = refused
    const faults = sum(unknown)
    // What matters most comes first: a narrow terminal shows no more.
    const parts = [
      `${Math.floor(sinceStartMs / 1_000)} s`,
      `${shownCount(issued)} issued`,
      ...(soldOut === 0 ? [] : [`${shownCount(soldOut)} sold_out`]),
      ...(faults === 0 ? [] : [`${shownCount(faults)} faults`]),
      `${shownCount(Math.round(this.#perSecond))}/s`,
      ...(latency.count === 0 ? [] : [`p50 ${shownMs(latency.p50Ms)}`, `p99 ${shownMs(latency.p99Ms)}`]),
      `${shownCount(outstanding)} waiting`,
      ...Object.entries(others).map(([code, count]) => `${shownCount(count)} ${code}`),
    ]
    return parts.join(', ')
  }
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

export function shownMs(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`
}
