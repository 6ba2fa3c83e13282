// Audits that a server makes: one at a time for a campaign, whoever asks; its report is good for a while. Whoever waits for
// a coupon goes first.

import { Fault } from '../answers.ts'
import { auditCampaign, GRACE_MS_DEFAULT, type AuditProgress } from '../audit/audit.ts'
import type { AuditReport } from '../audit/report.ts'
import type { AuditSource } from '../audit/source.ts'
import type { CampaignIdentity } from '../campaign/campaign.ts'
import { CounterUnavailable, type Counter } from '../counter/counter.ts'
import type { Clock } from '../host.ts'
import { LedgerUnavailable } from '../ledger/ledger.ts'
import {
  AUDIT_ANSWER_MS_MAX,
  AUDIT_FRESH_MS,
  AUDIT_MS_MAX,
  AUDIT_RETRY_MS,
  AUDITS_INSIDE_MAX,
  EXPORT_PAUSE_FACTOR,
  EXPORT_PAUSE_MS_MAX,
} from './limits.ts'
import { Turnstile } from './turnstile.ts'

export type AuditAnswer =
  | { readonly status: 'done'; readonly report: AuditReport }
  | { readonly status: 'running'; readonly progress: AuditProgress }
  | { readonly status: 'campaign_not_found' }

export interface AuditParts {
  readonly source: AuditSource
  readonly counter: Pick<Counter, 'peek'> | null
  readonly clock: Clock
  /** Is somebody waiting for a coupon? */
  readonly isIssuing: () => boolean
}

interface Flight {
  progress: AuditProgress
  readonly answer: Promise<AuditAnswer>
  /** By the monotonic clock; null: it is under way. */
  freshUntilMs: number | null
}

export class Audits {
  readonly #parts: AuditParts
  readonly #turnstile: Turnstile
  /** By what a campaign is: an id comes back after a deletion. */
  readonly #flights = new Map<string, Flight>()
  #isClosing = false

  constructor(parts: AuditParts) {
    this.#parts = parts
    const limits = { insideMax: AUDITS_INSIDE_MAX, waitingMax: 0, waitMsMax: 0, retryAfterMs: AUDIT_RETRY_MS }
    this.#turnstile = new Turnstile(limits, parts.clock)
  }

  /** In a second or so. @throws Fault */
  async of({ id, createdAtMs }: CampaignIdentity): Promise<AuditAnswer> {
    const { clock } = this.#parts
    const key = `${id} ${createdAtMs}`
    this.#forget()
    let flight = this.#flights.get(key)
    if (flight === undefined) {
      if (this.#isClosing) throw closing()
      flight = this.#begin(id)
      this.#flights.set(key, flight)
    }
    const { promise: late, resolve } = Promise.withResolvers<'late'>()
    const cancel = clock.after(AUDIT_ANSWER_MS_MAX, () => resolve('late'))
    try {
      const answer = await Promise.race([flight.answer, late])
      if (answer === 'late') return { status: 'running', progress: flight.progress }
      // It may be created any moment.
      if (answer.status === 'campaign_not_found') this.#drop(key, flight)
      return answer
    } catch (error) {
      // Told once: the next one who asks begins anew.
      this.#drop(key, flight)
      if (!(error instanceof LedgerUnavailable)) throw error
      throw new Fault('unavailable', 'the database did not answer the audit', { cause: error })
    } finally {
      cancel()
    }
  }

  /** They would keep the server from closing. None begins after this. */
  cut(): void {
    this.#isClosing = true
  }

  #begin(campaignId: string): Flight {
    const { source, clock, isIssuing } = this.#parts
    const beganMs = clock.nowMs()
    let sinceMs = beganMs
    const onProgress = async (progress: AuditProgress) => {
      flight.progress = progress
      const workedMs = clock.nowMs() - sinceMs
      if (isIssuing()) await clock.sleep(Math.min(workedMs * EXPORT_PAUSE_FACTOR, EXPORT_PAUSE_MS_MAX))
      if (this.#isClosing) throw closing()
      if (clock.nowMs() - beganMs > AUDIT_MS_MAX) throw new Fault('unavailable', 'an audit took too long')
      sinceMs = clock.nowMs()
    }
    const audit = async (): Promise<AuditAnswer> => {
      try {
        const counterNext = (campaign: CampaignIdentity) => this.#counterNext(campaign)
        const options = { graceMs: GRACE_MS_DEFAULT, onProgress, counterNext, clock }
        const report = await this.#turnstile.pass(() => auditCampaign(source, campaignId, options))
        return report === null ? { status: 'campaign_not_found' } : { status: 'done', report }
      } finally {
        const nowMs = clock.nowMs()
        // One that took minutes is not made again right away.
        flight.freshUntilMs = nowMs + Math.max(AUDIT_FRESH_MS, nowMs - beganMs)
      }
    }
    const flight: Flight = {
      progress: { step: 'rows', done: 0, expected: null },
      answer: Promise.resolve().then(audit),
      freshUntilMs: null,
    }
    // Of whoever asks next, if nobody waits now.
    flight.answer.catch(() => {})
    return flight
  }

  async #counterNext(campaign: CampaignIdentity): Promise<number | null> {
    const [next = null] = (await this.#parts.counter?.peek([campaign])) ?? []
    return next instanceof CounterUnavailable ? null : next
  }

  #forget(): void {
    const nowMs = this.#parts.clock.nowMs()
    for (const [key, { freshUntilMs }] of this.#flights) {
      if (freshUntilMs !== null && freshUntilMs <= nowMs) this.#flights.delete(key)
    }
  }

  /** And no other that was begun meanwhile. */
  #drop(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

function closing(): Fault {
  return new Fault('unavailable', 'the server is closing')
}
