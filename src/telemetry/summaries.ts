// Coupons and refusals are counted, not logged: a line for each campaign and second while it is busy, none while it is not.

import { build } from 'hdr-histogram-js'
import { FAULTS, type FaultCode, type OutcomeCode } from '../answers.ts'
import type { Clock } from '../host.ts'
import type { Log } from './log.ts'

/** What a line covers. A process that is held up makes it longer; the line says how long. */
const SUMMARY_MS = 1_000
/** Lines a second, one more for all others. */
const SUMMARY_LINES_MAX = 20
/** Told apart within a second, 10 kB each, so that the busiest of them get the lines. */
const CAMPAIGNS_COUNTED_MAX = 200
/** Ids that the ledger has confirmed. Any other is what a caller sent, and may be a code or a recipient in the wrong place. */
const CAMPAIGNS_KNOWN_MAX = 10_000

/** A request is told something sooner. */
const LATENCY_US_MAX = 60_000_000
const LATENCY_DIGITS = 2

export class Summaries {
  readonly #log: Pick<Log, 'info'>
  readonly #clock: Clock
  /** The last one seen last. */
  readonly #known = new Set<string>()
  #counted = new Map<string, Tally>()
  #others = new Tally()
  #sinceMs = 0
  #cancel: (() => void) | null = null
  #isClosed = false

  constructor(log: Pick<Log, 'info'>, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** @param ms from the arrival of the call to its answer */
  count(campaignId: string, code: OutcomeCode | FaultCode, ms: number): void {
    const tally = this.#counted.get(campaignId) ?? this.#enter(campaignId, code)
    tally.add(code, ms)
    if (this.#cancel === null) this.#begin()
  }

  knows(campaignId: string): boolean {
    return this.#known.has(campaignId)
  }

  /** There is such a campaign. */
  learn(campaignId: string): void {
    this.#known.delete(campaignId)
    this.#known.add(campaignId)
    if (this.#known.size > CAMPAIGNS_KNOWN_MAX) this.#known.delete(this.#known.keys().next().value as string)
  }

  /** Writes what was counted. What comes after it is still written, but not waited for. */
  close(): void {
    this.#isClosed = true
    this.#cancel?.()
    this.#flush()
  }

  #enter(campaignId: string, code: OutcomeCode | FaultCode): Tally {
    if (code !== 'campaign_not_found' && !(code in FAULTS)) this.learn(campaignId)
    if (!this.knows(campaignId) || this.#counted.size === CAMPAIGNS_COUNTED_MAX) return this.#others
    const tally = new Tally()
    this.#counted.set(campaignId, tally)
    return tally
  }

  #begin(): void {
    this.#sinceMs = this.#clock.nowMs()
    const flush = () => this.#flush()
    // Those who hung up are answered after the others, when nobody waits for a second to pass any more.
    if (!this.#isClosed) this.#cancel = this.#clock.after(SUMMARY_MS, flush)
    else {
      this.#cancel = () => {}
      this.#clock.soon(flush)
    }
  }

  #flush(): void {
    this.#cancel = null
    const seconds = Math.round(this.#clock.nowMs() - this.#sinceMs) / 1_000
    const busiest = [...this.#counted].toSorted(([, a], [, b]) => b.count - a.count)
    const others = this.#others
    this.#counted = new Map()
    this.#others = new Tally()
    for (const [campaignId, tally] of busiest.slice(0, SUMMARY_LINES_MAX))
      this.#log.info({ campaign_id: campaignId, seconds, ...tally.shown() }, 'a second of a campaign')
    for (const [, tally] of busiest.slice(SUMMARY_LINES_MAX)) others.addAll(tally)
    if (others.count > 0) this.#log.info({ others: true, seconds, ...others.shown() }, 'a second of the others')
  }
}

class Tally {
  count = 0
  readonly #codes = new Map<OutcomeCode | FaultCode, number>()
  /** Of answers. A fault may be told at once, or only after all patience. */
  readonly #latencyUs = build({
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: LATENCY_DIGITS,
  })

  add(code: OutcomeCode | FaultCode, ms: number): void {
    this.count++
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1)
    if (!(code in FAULTS)) this.#latencyUs.recordValue(Math.min(Math.max(Math.round(ms * 1_000), 1), LATENCY_US_MAX))
  }

  addAll(other: Tally): void {
    this.count += other.count
    for (const [code, count] of other.#codes) this.#codes.set(code, (this.#codes.get(code) ?? 0) + count)
    this.#latencyUs.add(other.#latencyUs)
  }

  shown(): object {
    const { issued = 0, replayed = 0, ...others } = Object.fromEntries(this.#codes)
    const ofKind = (isFault: boolean) =>
      Object.fromEntries(Object.entries(others).filter(([code]) => code in FAULTS === isFault))
    const percentileMs = (percent: number) => this.#latencyUs.getValueAtPercentile(percent) / 1_000
    return {
      issued,
      replayed,
      refused: ofKind(false),
      faults: ofKind(true),
      ...(this.#latencyUs.totalCount > 0 && { p50_ms: percentileMs(50), p99_ms: percentileMs(99) }),
    }
  }
}
