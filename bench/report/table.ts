// The tables of a run, in Markdown: the same for the terminal and for the document.

import { ALL_WAYS, WAYS } from '../ways.ts'
import type { Exactness, Results } from './results.ts'

export function rowsTable({ rows }: Pick<Results, 'rows'>): string {
  return markdown(
    ['', 'measured', 'at least', 'aim', 'verdict'],
    rows.map(({ what, note, measured, atLeast, aim, verdict }) => [
      note === '' ? what : `${what} (${note})`,
      measured,
      atLeast,
      aim,
      verdict,
    ]),
  )
}

/** Every way to give coupons away: how fast, and how exactly. */
export function waysTable({ series, exactness }: Pick<Results, 'series' | 'exactness'>): string {
  const nothing = series['nothing, 256']?.median ?? NaN
  const rows = ALL_WAYS.flatMap((name) => {
    const rate = series[`${name}, 256`]
    const p99 = series[`${name}, 256: p99`]
    const found = exactness.find((one) => one.name === name)
    if (rate === undefined && found === undefined) return []
    const lowest = rate === undefined ? '' : `${count(Math.min(...rate.rounds))}–${count(Math.max(...rate.rounds))}`
    return [
      [
        WAYS[name],
        rate === undefined ? '' : count(rate.median),
        lowest,
        rate === undefined ? '' : (rate.median / nothing).toFixed(2),
        p99 === undefined ? '' : `${Math.ceil(p99.median)} ms`,
        found === undefined ? '' : exactly(found),
      ],
    ]
  })
  return markdown(['', 'replies/s', 'from–to', 'of the ceiling', 'p99', 'exact, with a process killed'], rows)
}

/** All that was measured by rounds, a line each. */
export function seriesTable({ series }: Pick<Results, 'series'>): string {
  return markdown(
    ['', 'median', 'rounds', 'driver, of one core'],
    Object.entries(series).map(([id, { unit, median, rounds, driver }]) => [
      id,
      `${median.toLocaleString('en-US')}${unit === '/s' ? '' : ' '}${unit}`,
      rounds.map((one) => Number(one.toPrecision(4)).toLocaleString('en-US')).join(' · '),
      driver === undefined ? '' : `${driver.tool}, ${driver.share.toFixed(2)}`,
    ]),
  )
}

export function isExact({ over, under, lost, twice }: Exactness): boolean {
  return over + under + lost + twice === 0
}

export function exactly(found: Exactness): string {
  if (isExact(found)) return `yes, ${count(found.rows)} of ${count(found.coupons)}`
  const wrong = [
    [found.over, 'too many'],
    [found.under, 'too few'],
    [found.lost, 'told and lost'],
    [found.twice, 'recipients with two'],
  ] as const
  const said = wrong.filter(([number]) => number > 0).map(([number, what]) => `${count(number)} ${what}`)
  return `no: ${said.join(', ')} of ${count(found.coupons)}`
}

export function count(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}

/** Padded, so that it is a table on a terminal, too. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(3, cell.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
