// What must be shown, in one table: each row with what is wanted at least and what is aimed at.

import { median } from './statistics.ts'

export interface Row {
  readonly id: string
  readonly what: string
  /** Behind the number; ×: a ratio. */
  readonly unit: '×' | 'ms' | 's' | 'MB'
  /** null: it is only stated. */
  readonly atLeast: number | null
  readonly aim: number
  readonly wanted: 'more' | 'less'
}

export const ROWS = [
  row('against-one-at-a-time', 'issues/s, 256 connections, a recipient each, against the one-at-a-time peer', 4, 6),
  row('against-nothing', 'issues/s against the do-nothing route', 0.35, 0.5),
  row('connections-1000', 'issues/s at 1,000 connections against 256', 0.9, 1),
  row('sold-out', 'sold-out answers/s against the do-nothing route, neither recipient nor key', 0.6, 0.9),
  row('sold-out-recipients', '… with a fresh recipient each', 0.3, 0.5),
  row('embedded', 'embedded: issues/s against the do-nothing route', 0.35, 0.5),
  row('open-loop', 'open loop 1,000/s: p99 above the p99 of the do-nothing route', 10, 4, 'ms'),
  row('campaigns-1000', '1,000 campaigns at once against one', 0.5, 0.9),
  row(
    'ten-million',
    'table with 10 million coupons against an empty one, buffer pool that holds its indexes',
    0.85,
    0.95,
  ),
  row('quarter-pool', '… with a buffer pool of a quarter of that', null, 0.5),
  row(
    'read-gap',
    'reading a campaign of 10 million coupons with a gap at slot 100 while it issues at full speed: p99',
    50,
    10,
    'ms',
  ),
  row(
    'time-to-n',
    '10 million coupons, a gap at slot 100 and 100 at the end: until exactly N and sold out',
    2,
    0.3,
    's',
  ),
  row('export-audit', 'issuing while a 10-million export and an audit run, against without', 0.8, 0.95),
  row('overload', 'three times the capacity: issues/s against the peak', 0.85, 0.95),
  row('overload-503', '… and the refused get their 503 at p99 within', 200, 50, 'ms'),
  row('memory', 'resident memory of a server at 1,000 connections under full load', 300, 150, 'MB'),
  row('start', '`serve` from start to ready (existing schema)', 1, 0.5, 's'),
] as const

export type RowId = (typeof ROWS)[number]['id']

function row<Id extends string>(
  id: Id,
  what: string,
  atLeast: number | null,
  aim: number,
  unit: Row['unit'] = '×',
): Row & { readonly id: Id } {
  return { id, what, unit, atLeast, aim, wanted: unit === '×' ? 'more' : 'less' }
}

export type Verdict = 'aim reached' | 'good' | 'missed' | 'stated'

export interface Measured {
  readonly id: string
  readonly what: string
  readonly atLeast: string
  readonly aim: string
  readonly measured: string
  readonly verdict: Verdict
  readonly median: number
  /** Of each round. */
  readonly rounds: readonly number[]
  /** What else must be known to read the number. */
  readonly note: string
}

/** @throws when a round has no number: that would be no verdict on the service */
export function measured(id: RowId, rounds: readonly number[], note = ''): Measured {
  const found = rowOf(id)
  if (rounds.length === 0 || !rounds.every(Number.isFinite)) throw new Error(`${id}: a round measured nothing`)
  const middle = median(rounds)
  return {
    id,
    what: found.what,
    atLeast: found.atLeast === null ? 'stated' : shown(found.atLeast, found),
    aim: shown(found.aim, found),
    measured: shown(middle, found),
    verdict: verdict(middle, found),
    median: middle,
    rounds,
    note,
  }
}

function rowOf(id: RowId): Row {
  const found = ROWS.find((one) => one.id === id)
  if (found === undefined) throw new Error(`no such row: ${id}`)
  return found
}

export function verdict(value: number, { atLeast, aim, wanted }: Row): Verdict {
  const isReached = (limit: number) => (wanted === 'more' ? value >= limit : value <= limit)
  if (isReached(aim)) return 'aim reached'
  if (atLeast === null) return 'stated'
  return isReached(atLeast) ? 'good' : 'missed'
}

/** Rounded to the worse side: what is shown as reached was reached. */
export function shown(value: number, { unit, wanted, id }: Pick<Row, 'unit' | 'wanted' | 'id'>): string {
  const digits = unit === '×' || unit === 's' ? 2 : Math.abs(value) < 10 ? 1 : 0
  const scale = 10 ** digits
  // Of 0.35 × 100 a computer makes 35.000000000000004, of 1.1 × 100 more than 110.
  const scaled = Number((value * scale).toPrecision(12))
  const rounded = (wanted === 'more' ? Math.floor(scaled) : Math.ceil(scaled)) / scale
  return `${id === 'open-loop' && value >= 0 ? '+ ' : ''}${rounded.toFixed(digits)} ${unit}`
}
