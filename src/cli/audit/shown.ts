// An audit for people: the verdict in a line, what stands behind it, and each check with what became of it.

import { styleText } from 'node:util'
import type { AuditProgress } from '../../audit/audit.ts'
import type { AuditReport, GapReport } from '../../audit/report.ts'
import { facts, printable, shownCount, shownTime } from '../table.ts'

const STYLES = { exact: 'green', healing: 'yellow', violated: 'red' } as const

/** Ranges shown in a line. */
const RANGES_MAX = 5

export function auditText(report: AuditReport): string {
  const { verdict, violations, checks, gaps, in_flight: inFlight, history } = report
  const rows: [string, string][] = [
    ['coupons', `${shownCount(report.issued_count)} of ${shownCount(report.total_coupons)}`],
    ['as of', shownTime(report.as_of)],
    ['through', report.through_slot === 0 ? 'no slot' : `slot ${shownCount(report.through_slot)}`],
    ['checksum', report.checksum],
    ...(gaps.count > 0 ? [['gaps', shownGaps(gaps)] as [string, string]] : []),
    ...(inFlight.count > 0 ? [['in flight', shownGaps(inFlight)] as [string, string]] : []),
    ...(history === null ? [] : [['history', shownHistory(history)] as [string, string]]),
    ['took', `${(report.took_ms / 1_000).toFixed(1)} s`],
  ]
  const lines = checks.flatMap(({ check, checked, detail }) => {
    const violation = violations.find((one) => one.check === check)
    if (violation === undefined) return checked ? [`${styleText('green', 'ok')}  ${detail}`] : []
    const { count, examples } = violation
    return [`${styleText('red', `NO  ${detail} ${shownCount(count)} times not:`)} ${printable(examples.join('; '))}`]
  })
  const unchecked = Map.groupBy(
    checks.filter(({ checked }) => !checked),
    ({ detail }) => detail,
  )
  for (const [why, left] of unchecked) lines.push(`–   ${why} (${left.map(({ check }) => check).join(', ')})`)
  return `${styleText(['bold', STYLES[verdict]], verdict)}: ${meaningOf(report)}\n${facts(rows)}\n${lines.join('\n')}\n`
}

function meaningOf({ verdict, complete, gaps, violations, in_flight: inFlight }: AuditReport): string {
  switch (verdict) {
    case 'violated':
      return `${shownCount(violations.length)} of the checks below found what must not be`
    case 'healing':
      return `nothing is wrong, but ${shownCount(gaps.count)} slots were passed over and are free: whoever asks next gets one`
    case 'exact':
      if (complete) return 'all coupons are issued, each once'
      return inFlight.count > 0 ? 'so far, with some on their way' : 'so far, without a gap'
  }
}

function shownGaps({ count, ranges }: GapReport): string {
  const shown = ranges.slice(0, RANGES_MAX).map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`))
  const isAll = ranges.length <= RANGES_MAX && ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0) === count
  return `${shownCount(count)}: ${shown.join(', ')}${isAll ? '' : ', …'}`
}

function shownHistory(history: NonNullable<AuditReport['history']>): string {
  const { calls, requests, acknowledged, refused, unknown_left: unknown, unknown_stored: stored } = history
  const left =
    unknown === 0
      ? 'none was left without an answer'
      : `${shownCount(unknown)} were left without an answer, ${shownCount(stored)} of them with a coupon`
  return `${shownCount(calls)} calls of ${shownCount(requests)} requests: ${shownCount(acknowledged)} got a coupon, ${shownCount(refused)} were refused, ${left}`
}

const STEPS: Readonly<Record<AuditProgress['step'], string>> = {
  histories: 'calls of the history',
  rows: 'rows',
  coupon_code: 'codes in order',
  request_key: 'requests in order',
  recipient_key: 'recipients in order',
}

export function progressText({ step, done, expected }: AuditProgress): string {
  return `${shownCount(done)}${expected === null ? '' : ` of ${shownCount(expected)}`} ${STEPS[step]}`
}
