// Promise by promise: what callers were told, against what is in the database after it has healed.

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

export interface Row {
  readonly slot: number
  readonly coupon_code: string
  readonly recipient: string | null
  readonly issued_at: string
}

export interface Case {
  readonly campaignId: string
  readonly startMs: number
  readonly totals: readonly TotalSpan[]
  /** What the database says, when nothing is under way any more. */
  readonly total: number
  readonly rows: readonly Row[]
  readonly calls: readonly HistoryCall[]
  /** Requests without an answer. */
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

export function judge(one: Case): Finding[] {
  const findings: Finding[] = []
  const find = (promise: Promised, what: string) => findings.push({ promise, what: `${one.campaignId}: ${what}` })
  const { rows, total, calls, startMs } = one
  const acknowledged = calls.filter((call) => call.coupon !== null)

  const slots = new Set(rows.map(({ slot }) => slot))
  if (rows.length > total) find('P1', `${rows.length} rows, and a total of ${total}`)
  for (const row of rows) if (row.slot < 1 || row.slot > total) find('P1', `a row on slot ${row.slot} of ${total}`)
  if (slots.size !== rows.length) find('P1', 'two rows on one slot')

  if (rows.length < total) find('P2', `${rows.length} rows, and a total of ${total}`)
  for (const request of one.unanswered) find('P2', `${request} was not answered after all had healed`)

  const bySlot = new Map(rows.map((row) => [row.slot, row]))
  for (const call of acknowledged) {
    const row = bySlot.get(call.coupon?.slot ?? 0)
    const isStored =
      row !== undefined &&
      (['coupon_code', 'recipient', 'issued_at'] as const).every((field) => row[field] === call.coupon?.[field])
    if (!isStored) find('P3', `${told(call)}: the row of that slot is ${JSON.stringify(row)}`)
  }

  const codes = rows.map((row) => row.coupon_code)
  if (new Set(codes).size !== codes.length) find('P4', 'two rows with one code')
  const named = rows.flatMap(({ recipient }) => (recipient === null ? [] : [recipient]))
  if (new Set(named).size !== named.length) find('P4', 'two rows of one recipient')
  const codeOf = new Map<string, string>()
  const ownerOf = new Map<string, string>()
  for (const call of acknowledged) {
    const owner = ownerName(call)
    const code = call.coupon?.coupon_code ?? ''
    if ((codeOf.get(owner) ?? code) !== code) find('P4', `${told(call)}, and was told ${codeOf.get(owner)} before`)
    if ((ownerOf.get(code) ?? owner) !== owner) find('P4', `${told(call)}, and so was ${ownerOf.get(code)}`)
    if ((call.coupon?.recipient ?? null) !== call.recipient) find('P4', `${told(call)}: the coupon of somebody else`)
    codeOf.set(owner, code)
    ownerOf.set(code, owner)
  }

  for (const row of rows)
    if (Date.parse(row.issued_at) < startMs) find('P5', `slot ${row.slot} was issued at ${row.issued_at}`)
  for (const call of acknowledged) if (call.answered_at < startMs) find('P5', `${told(call)} before the start`)

  const issuedMs = rows.map((row) => Date.parse(row.issued_at)).sort((a, b) => a - b)
  const slotOf = new Map(
    rows.flatMap((row) => (row.recipient === null ? [] : [[`recipient ${row.recipient}`, row.slot] as const])),
  )
  for (const call of acknowledged) if (call.recipient === null) slotOf.set(ownerName(call), call.coupon?.slot ?? 0)
  for (const call of calls) {
    if (call.code === null ? call.status !== null : !EXPECTED_CODES.has(call.code)) find('P6', told(call))
    if (call.code === 'campaign_not_started' && call.sent_at > startMs) find('P6', `${told(call)} after the start`)
    if (call.code !== 'sold_out') continue
    // All slots of some total that held during the call had rows by then, one of them perhaps the caller's own.
    const least = leastTotal(one.totals, call)
    if (countUpTo(issuedMs, call.answered_at) < least) {
      find('P6', `${told(call)}, with ${countUpTo(issuedMs, call.answered_at)} of ${least} issued`)
    }
    const own = slotOf.get(ownerName(call))
    if (own !== undefined && own <= least) find('P6', `${told(call)}, and has slot ${own}`)
  }
  return findings
}

/** Who is the same: by recipient, else by key; with neither, each request is somebody. */
function ownerName({ recipient, idempotency_key: key, request }: HistoryCall): string {
  return recipient === null ? (key === null ? `request ${request}` : `key ${key}`) : `recipient ${recipient}`
}

function told(call: HistoryCall): string {
  const what =
    call.coupon === null ? `${call.status} ${call.code}` : `slot ${call.coupon.slot} ${call.coupon.coupon_code}`
  return `${call.request} (call ${call.call}, ${call.server}, ${new Date(call.answered_at).toISOString()}) was told ${what}`
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
