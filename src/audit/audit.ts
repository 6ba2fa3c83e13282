// The audit of a campaign: are its rows what was promised, and were callers told what the rows say? It shares no code with
// the path that made them, and asks one source for one moment. Memory is bounded by a page of rows and by the histories;
// where a source has no order, by eight bytes a row and column on top.

import { systemClock, type Clock } from '../host.ts'
import type { History } from '../load/history.ts'
import { neighbours, numberOf, Numbers } from './distinct.ts'
import { type AuditReport, type Check, Findings, type Verdict } from './report.ts'
import { Rows } from './rows.ts'
import {
  type AuditedCampaign,
  type AuditedCoupon,
  type AuditSnapshot,
  type AuditSource,
  ORDERED_COLUMNS,
  type OrderedColumn,
} from './source.ts'
import { Told } from './told.ts'

export interface AuditOptions {
  /** So long somebody may be getting a slot that was passed over. */
  readonly graceMs: number
  /** Of callers, each with a clock of its own. All of their calls must be over. */
  readonly histories?: readonly JudgedHistory[]
  /** Between two pages, and waited for: to show it, to go slowly, or to end it by throwing. */
  readonly onProgress?: (progress: AuditProgress) => void | Promise<void>
  /** What the counter would propose next, if there is one that knows. */
  readonly counterNext?: (campaign: AuditedCampaign) => Promise<number | null>
  readonly clock?: Pick<Clock, 'nowMs' | 'soon'>
}

export type JudgedHistory = Pick<History, 'calls' | 'api_key_id'>

export interface AuditProgress {
  readonly step: 'histories' | 'rows' | OrderedColumn
  /** Calls, rows or values of this step so far. */
  readonly done: number
  /** About so many it will be; null: nobody knows. */
  readonly expected: number | null
}

/** Longer than the slowest answer, 10 s, and than a statement that outlives its server. */
export const GRACE_MS_DEFAULT = 30_000

const DISTINCT: Readonly<Record<OrderedColumn, Check>> = {
  coupon_code: 'codes_distinct',
  request_key: 'requests_distinct',
  recipient_key: 'recipients_distinct',
}
const NOT_SHOWN = 'Not checked: this source does not show the keys of the rows.'
const MAY_BE_ERASED = 'Not checked: this source does not show whether a recipient was erased.'
const NO_HISTORY = 'Not checked: no history was given.'

/** → null: there is no such campaign, or not any more. Rejects as the source does, and with BadHistory. */
export async function auditCampaign(
  source: AuditSource,
  campaignId: string,
  options: AuditOptions,
): Promise<AuditReport | null> {
  const clock = options.clock ?? systemClock
  const beganMs = clock.nowMs()
  // Before the rows: of whatever a caller had been told by then, the row must be there.
  const told = options.histories === undefined ? null : await readHistories(campaignId, options.histories, options)
  return source.snapshot(campaignId, async (snapshot) => {
    const audit = new Audit(snapshot, told, options, clock)
    const body = await audit.run()
    return body === null ? null : { ...body, took_ms: Math.round(clock.nowMs() - beganMs) }
  })
}

async function readHistories(
  campaignId: string,
  histories: readonly JudgedHistory[],
  { onProgress }: AuditOptions,
): Promise<Told> {
  const told = new Told(
    campaignId,
    histories.map(({ api_key_id = null }) => api_key_id),
  )
  let done = 0
  for (const [index, { calls }] of histories.entries()) {
    for await (const call of calls) {
      told.take(index, call)
      if (++done % CALLS_A_TURN === 0) await onProgress?.({ step: 'histories', done, expected: null })
    }
  }
  await onProgress?.({ step: 'histories', done, expected: done })
  return told
}

/** Calls read from histories between two looks at the progress. */
const CALLS_A_TURN = 10_000

class Audit {
  readonly #snapshot: AuditSnapshot
  readonly #told: Told | null
  readonly #options: AuditOptions
  readonly #clock: Pick<Clock, 'soon'>
  readonly #findings = new Findings()
  readonly #rows: Rows
  /** Of the columns that have no order. */
  readonly #numbers = new Map<OrderedColumn, Numbers>()

  constructor(snapshot: AuditSnapshot, told: Told | null, options: AuditOptions, clock: Pick<Clock, 'soon'>) {
    this.#snapshot = snapshot
    this.#told = told
    this.#options = options
    this.#clock = clock
    this.#rows = new Rows(snapshot, options.graceMs, this.#findings)
  }

  async run(): Promise<Omit<AuditReport, 'took_ms'> | null> {
    const { campaign, asOfMs, showsKeys, missingKeys } = this.#snapshot
    if (showsKeys) await this.#told?.expectKeys(this.#snapshot)
    const findings = this.#findings
    const columns = ORDERED_COLUMNS.map((column) => ({ column, pages: this.#snapshot.ordered(column) }))
    for (const { column, pages } of columns) {
      if (pages === null && this.#isShown(column)) this.#numbers.set(column, new Numbers())
    }
    await this.#readRows()
    for (const { column, pages } of columns) {
      if (pages !== null) await this.#readOrdered(column, pages)
    }
    await this.#lookAgain()
    const after = await this.#snapshot.again()
    if (after === null) return null
    this.#rows.end(after)
    const counterNext = (await this.#options.counterNext?.(campaign)) ?? null
    if (!showsKeys) {
      findings.leave('requests_distinct', NOT_SHOWN)
      findings.leave('recipient_keys', NOT_SHOWN)
    }
    if (!after.campaign.recipientRequired)
      findings.leave('recipients_present', 'Not checked: no recipient is required.')
    else if (this.#rows.hasDoubtful) findings.leave('recipients_present', MAY_BE_ERASED)
    if (missingKeys === null) findings.leave('unique_keys', 'Not checked: this source does not show the table.')
    else for (const columns of missingKeys) findings.note('unique_keys', columns)
    if (columns.every(({ pages }) => pages === null)) findings.leave('scans_agree', 'Not checked: no index was read.')
    const history = this.#told?.end(after.campaign, this.#rows.count, findings) ?? null
    if (history === null) {
      for (const check of HISTORY_CHECKS) findings.leave(check, NO_HISTORY)
    }
    const { gaps, in_flight } = this.#rows.gaps.report()
    const { violations, checks } = findings
    const verdict: Verdict = violations.length > 0 ? 'violated' : gaps.count > 0 ? 'healing' : 'exact'
    return {
      campaign_id: campaign.id,
      verdict,
      complete: this.#rows.count === after.campaign.totalCoupons,
      as_of: new Date(asOfMs).toISOString(),
      total_coupons: after.campaign.totalCoupons,
      issued_count: this.#rows.count,
      highest_slot: this.#rows.highest,
      through_slot: this.#rows.gaps.through,
      checksum: this.#rows.checksum,
      counter_next: counterNext,
      grace_ms: this.#options.graceMs,
      gaps,
      in_flight,
      violations,
      checks,
      history,
    }
  }

  async #readRows(): Promise<void> {
    await this.#snapshot.rows(async (page) => {
      this.#rows.see(page)
      for (const [column, numbers] of this.#numbers) {
        for (const coupon of page) {
          const value = valueOf(coupon, column)
          if (value !== null) numbers.add(value)
        }
      }
      this.#told?.see(page)
      await this.#tell('rows', this.#rows.count)
    })
  }

  async #readOrdered(column: OrderedColumn, pages: NonNullable<ReturnType<AuditSnapshot['ordered']>>): Promise<void> {
    const check = DISTINCT[column]
    let done = 0
    const count = await neighbours(
      pages,
      (one, other) => this.#findings.note(check, `rows with id ${one.id} and ${other.id}`),
      (values) => this.#tell(column, (done += values)),
    )
    const expected = column === 'recipient_key' ? this.#rows.withRecipientKey : this.#rows.count
    if (count !== expected) this.#findings.note('scans_agree', `${count} by ${column}, ${expected} rows`)
  }

  /** At rows whose numbers came twice. */
  async #lookAgain(): Promise<void> {
    const turn = () => new Promise<void>((resolve) => this.#clock.soon(resolve))
    const suspects = new Map<OrderedColumn, { numbers: Set<number>; seen: Map<string, number> }>()
    for (const [column, numbers] of this.#numbers) {
      const found = await numbers.suspects(turn)
      if (found.size > 0) suspects.set(column, { numbers: found, seen: new Map() })
    }
    if (suspects.size === 0) return
    let done = 0
    await this.#snapshot.rows(async (page) => {
      for (const coupon of page) {
        for (const [column, { numbers, seen }] of suspects) {
          const value = valueOf(coupon, column)
          if (value === null || !numbers.has(numberOf(value))) continue
          const first = seen.get(value)
          if (first === undefined) seen.set(value, coupon.slot)
          else this.#findings.note(DISTINCT[column], `slots ${first} and ${coupon.slot}`)
        }
      }
      await this.#tell('rows', (done += page.length))
    })
  }

  /** Without keys, recipients themselves are compared. */
  #isShown(column: OrderedColumn): boolean {
    return column !== 'request_key' || this.#snapshot.showsKeys
  }

  async #tell(step: AuditProgress['step'], done: number): Promise<void> {
    const { expectedRows } = this.#snapshot
    await this.#options.onProgress?.({ step, done, expected: Math.max(done, expectedRows) })
  }
}

function valueOf(coupon: AuditedCoupon, column: OrderedColumn): string | null {
  if (column === 'coupon_code') return coupon.couponCode
  return column === 'request_key' ? coupon.requestKey : (coupon.recipientKey ?? coupon.recipient)
}

const HISTORY_CHECKS = [
  'acknowledged_stored',
  'acknowledged_recipient',
  'acknowledged_after_start',
  'one_coupon_each',
  'one_owner',
  'sold_out_true',
  'sold_out_full',
] as const satisfies readonly Check[]
