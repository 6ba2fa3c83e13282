// The numbers of a run, while it goes on and at its end.

import { build } from 'hdr-histogram-js'
import type { Answer } from './answers.ts'

/** Half an hour and more: nobody waits that long for an answer. */
const LATENCY_US_MAX = 2_147_483_647
/** Digits of a latency that are kept. */
const LATENCY_DIGITS = 3

export interface LoadNumbers {
  readonly elapsedMs: number
  /** Begun, each of them with a call or more. */
  readonly requests: number
  /** Begun and not yet answered. */
  readonly outstanding: number
  /** More than may be outstanding, or what was planned after an interruption: they were never begun. */
  readonly notSent: number
  /** Given up without an answer: nobody knows whether they have a coupon. */
  readonly unknownLeft: number
  readonly calls: number
  readonly issued: number
  readonly replayed: number
  /** Calls by the code of their refusal. */
  readonly refused: Readonly<Record<string, number>>
  /** Calls without an answer that could be relied on: by status and code, or `no reply`. */
  readonly unknown: Readonly<Record<string, number>>
  readonly latency: Latency
}

/** Of requests, from when they should have been sent until their last answer, in milliseconds. */
export interface Latency {
  readonly count: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

export class Tally {
  requests = 0
  outstanding = 0
  notSent = 0
  unknownLeft = 0
  #calls = 0
  #issued = 0
  #replayed = 0
  readonly #refused = new Map<string, number>()
  readonly #unknown = new Map<string, number>()
  readonly #latency = build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: LATENCY_DIGITS,
  })

  call({ answer, status, code }: Answer): void {
    this.#calls++
    if (answer === 'ok') {
      if (code === 'issued') this.#issued++
      else this.#replayed++
    } else if (answer === 'refused') count(this.#refused, code ?? String(status))
    else count(this.#unknown, status === null ? 'no reply' : [status, code].join(' ').trim())
  }

  answered(latencyMs: number): void {
    this.#latency.recordValue(Math.min(Math.max(Math.round(latencyMs * 1_000), 0), LATENCY_US_MAX))
  }

  numbers(elapsedMs: number): LoadNumbers {
    const latency = this.#latency
    const atMs = (percentile: number) => latency.getValueAtPercentile(percentile) / 1_000
    return {
      elapsedMs,
      requests: this.requests,
      outstanding: this.outstanding,
      notSent: this.notSent,
      unknownLeft: this.unknownLeft,
      calls: this.#calls,
      issued: this.#issued,
      replayed: this.#replayed,
      refused: Object.fromEntries(this.#refused),
      unknown: Object.fromEntries(this.#unknown),
      latency: {
        count: latency.totalCount,
        p50Ms: atMs(50),
        p90Ms: atMs(90),
        p99Ms: atMs(99),
        p999Ms: atMs(99.9),
        maxMs: latency.maxValue / 1_000,
      },
    }
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
