// Goes with one call for a coupon: the times of its stations, for who asked for them, and the span that those of its
// batches are linked to.

import type { SpanContext } from '@opentelemetry/api'
import { STATIONS, type Companion, type Station } from '../issue/meter.ts'

export class CallCompanion implements Companion {
  /** null: the call is not traced. */
  readonly spanContext: SpanContext | null
  readonly #tookMs = new Map<Station, number>()

  constructor(spanContext: SpanContext | null) {
    this.spanContext = spanContext
  }

  /** A request may pass more than once. */
  passed(station: Station, tookMs: number): void {
    this.#tookMs.set(station, (this.#tookMs.get(station) ?? 0) + tookMs)
  }

  /** As the header `Server-Timing` has it. Whatever was spent at no station was spent waiting. */
  serverTiming(totalMs: number): string {
    const passed = STATIONS.flatMap((station) => {
      const tookMs = this.#tookMs.get(station)
      return tookMs === undefined ? [] : [[station, tookMs] as const]
    })
    const atStationsMs = passed.reduce((sum, [, tookMs]) => sum + tookMs, 0)
    const waited = passed.length === 0 ? [] : [['queue', Math.max(0, totalMs - atStationsMs)] as const]
    return [...waited, ...passed, ['total', totalMs] as const]
      .map(([name, ms]) => `${name};dur=${Math.round(ms * 10) / 10}`)
      .join(', ')
  }
}
