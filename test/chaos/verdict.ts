// Promise by promise: what the audit finds, and what only a run knows: who was left without an answer, what the total was
// at which moment, and that callers were told nothing that no caller should be told.

import type { AuditReport, Check } from '../../src/audit/report.ts'
import type { HistoryCall } from '../../src/load/history.ts'
import type { TotalSpan } from './live-campaign.ts'

export const PROMISES = {
  P1: 'never one too many',
  P2: 'never one too few, after healing by itself',
  P3: 'an answer is a row',
  P4: 'one for each recipient, one for each request',
  P5: 'nobody is early',
  P6: 'trouble is not called sold out, and no fault but those of trouble',
} as const

export type Promised = keyof typeof PROMISES

export interface Finding {
  readonly promise: Promised
  readonly what: string
}

const PROMISE_OF: Readonly<Record<Check, Promised>> = {
  rows_within_total: 'P1',
  slots_in_range: 'P1',
  slots_distinct: 'P1',
  scans_agree: 'P1',
  unique_keys: 'P1',
  acknowledged_stored: 'P3',
  codes_distinct: 'P4',
  requests_distinct: 'P4',
  recipients_distinct: 'P4',
  recipient_keys: 'P4',
  recipients_present: 'P4',
  acknowledged_recipient: 'P4',
  one_coupon_each: 'P4',
  one_owner: 'P4',
  not_before_start: 'P5',
  not_before_creation: 'P5',
  not_in_future: 'P5',
  acknowledged_after_start: 'P5',
  sold_out_true: 'P6',
  sold_out_full: 'P6',
}

/** Of an audit after everybody was told sold out: then a gap is no matter of time any more. */
export function auditFindings(report: AuditReport): Finding[] {
  const { campaign_id: id, violations, issued_count, total_coupons, gaps, in_flight } = report
  const findings: Finding[] = violations.map(({ check, detail, count, examples }) => ({
    promise: PROMISE_OF[check],
    what: `${id}: ${check}, ${count} times: ${detail} ${examples.join('; ')}`,
  }))
  if (issued_count < total_coupons || gaps.count + in_flight.count > 0) {
    const ranges = [...gaps.ranges, ...in_flight.ranges].map(({ from, to }) => `${from}-${to}`)
    findings.push({ promise: 'P2', what: `${id}: ${issued_count} of ${total_coupons}, gaps: ${ranges.join(', ')}` })
  }
  return findings
}

export interface Told {
  readonly campaignId: string
  readonly startMs: number
  readonly totals: readonly TotalSpan[]
  /** Of all rows, by the clock of the database, which is that of this machine. */
  readonly issuedMs: readonly number[]
  readonly calls: AsyncIterable<HistoryCall>
  /** Did it come when all had healed? */
  readonly isCalm: (request: string) => boolean
  /** Requests that may be repeated, and have no answer. */
  readonly unanswered: readonly string[]
}

/** What a caller of a service in trouble may be told. */
const EXPECTED_CODES = new Set([
  'issued',
  'replayed',
  'sold_out',
  'campaign_paused',
  'campaign_ended',
  'campaign_not_started',
  'unavailable',
  'overloaded',
])

export async function toldFindings(told: Told): Promise<Finding[]> {
  const { campaignId, issuedMs, calls, unanswered } = told
  const findings = unanswered.map((request): Finding => ({
    promise: 'P2',
    what: `${campaignId}: ${request} was not answered after all had healed`,
  }))
  const ascending = [...issuedMs].sort((a, b) => a - b)
  for await (const call of calls) {
    const wrong = flawOf(call, told, ascending)
    if (wrong === null) continue
    const { request, call: number, server, answered_at, status, code } = call
    const at = new Date(answered_at).toISOString()
    findings.push({
      promise: 'P6',
      what: `${campaignId}: ${request} (call ${number} to ${server}, ${at}) was told ${status} ${code}: ${wrong}`,
    })
  }
  return findings
}

/** @param issuedMs ascending */
function flawOf(call: HistoryCall, { startMs, totals, isCalm }: Told, issuedMs: readonly number[]): string | null {
  const { code, status, sent_at } = call
  if (call.answer === 'unknown' && isCalm(call.request)) return 'all had healed'
  if (code === null ? status !== null : !EXPECTED_CODES.has(code)) return 'nobody should be'
  if (code === 'campaign_not_started' && sent_at > startMs) return 'it has started'
  if (code !== 'sold_out') return null
  // All slots of some total that held during the call had rows by then. A row's time is from before it was written.
  const least = leastTotal(totals, call)
  const issued = countUpTo(issuedMs, call.answered_at)
  return issued < least ? `${issued} of ${least} were issued` : null
}

/** Of those that may have held while the call was under way. */
function leastTotal(totals: readonly TotalSpan[], { sent_at, answered_at }: HistoryCall): number {
  const held = totals.filter(({ fromMs, untilMs }) => fromMs <= answered_at && (untilMs === null || untilMs >= sent_at))
  return Math.min(...held.map(({ total }) => total))
}

/** @param ascending */
function countUpTo(ascending: readonly number[], ms: number): number {
  let [low, high] = [0, ascending.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ascending[middle] as number) <= ms) low = middle + 1
    else high = middle
  }
  return low
}
