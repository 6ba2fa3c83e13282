// The sums, verdicts, tables and the picture of the bench.

import { describe, expect, test } from 'vitest'
import { PARTS } from '../../bench/parts.ts'
import { flameGraph, framesOf } from '../../bench/report/flame.ts'
import { plot } from '../../bench/report/plot.ts'
import { results, withAgain, type Exactness, type Results } from '../../bench/report/results.ts'
import { measured, ROWS, shown, verdict, type Row } from '../../bench/report/rows.ts'
import { differences, median, quantile, ratios } from '../../bench/report/statistics.ts'
import { exactly, markdown, rowsTable, seriesTable, waysTable } from '../../bench/report/table.ts'
import { tableRows } from '../docs/documents.ts'

const exactnessOf = (wrong: Partial<Exactness>): Exactness => ({
  name: 'one-at-a-time',
  coupons: 5_000,
  rows: 5_000,
  over: 0,
  under: 0,
  lost: 0,
  twice: 0,
  unanswered: 0,
  ...wrong,
})

function someResults(): Results {
  const series = [
    ['nothing, 256', [50_000, 60_000, 40_000]],
    ['one-at-a-time, 256', [3_000, 3_500, 2_500]],
    ['MySQL and Redis, 256', [20_000, 21_000, 19_000]],
  ] as const
  return results({
    command: 'npm run bench',
    isWhole: true,
    rows: [measured('against-nothing', [0.4, 0.35, 0.475])],
    exactness: [exactnessOf({ rows: 4_993, under: 7 }), exactnessOf({ name: 'MySQL and Redis' })],
    facts: {},
    series: series.map(([id, rounds]) => ({
      id,
      unit: '/s',
      rounds: [...rounds],
      driver: { tool: 'wrk', shares: [0.2, 0.3, 0.1] },
    })),
  })
}

describe('sums', () => {
  test('the median is in the middle, or between the two that are', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([10, 9])).toBe(9.5)
    expect(median([])).toBeNaN()
  })

  test('numbers are ordered as numbers, and what was given stays as it was', () => {
    const given = [100, 20, 3]
    expect(median(given)).toBe(20)
    expect(quantile(given, 1)).toBe(100)
    expect(given).toEqual([100, 20, 3])
  })

  test('a quantile is one of the numbers, and never better than it should be', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
    expect(quantile(hundred, 0.99)).toBe(99)
    expect(quantile(hundred, 0.5)).toBe(50)
    expect(quantile([1, 2, 3], 0.99)).toBe(3)
    expect(quantile([7], 0.01)).toBe(7)
    expect(quantile([], 0.5)).toBeNaN()
  })

  test('rounds are compared with those beside them', () => {
    expect(ratios([10, 30], [5, 10])).toEqual([2, 3])
    expect(differences([10, 30], [5, 10])).toEqual([5, 20])
    expect(() => ratios([1], [1, 2])).toThrow('1 rounds against 2')
    expect(() => differences([1], [])).toThrow('1 rounds against 0')
  })
})

describe('verdicts', () => {
  const row = (wanted: Row['wanted'], atLeast: number | null, aim: number): Row => ({
    id: 'a',
    what: 'a',
    unit: '×',
    atLeast,
    aim,
    wanted,
  })

  test.each([
    ['more', 0.35, 0.5, 0.5, 'aim reached'],
    ['more', 0.35, 0.5, 0.499, 'good'],
    ['more', 0.35, 0.5, 0.35, 'good'],
    ['more', 0.35, 0.5, 0.349, 'missed'],
    ['less', 50, 10, 10, 'aim reached'],
    ['less', 50, 10, 50, 'good'],
    ['less', 50, 10, 50.1, 'missed'],
    ['more', null, 0.5, 0.1, 'stated'],
    ['more', null, 0.5, 0.6, 'aim reached'],
  ] as const)('%s is better, at least %s, aim %s: %s is %s', (wanted, atLeast, aim, value, expected) => {
    expect(verdict(value, row(wanted, atLeast, aim))).toBe(expected)
  })

  test('a number is rounded to the worse side', () => {
    expect(shown(0.349, { unit: '×', wanted: 'more', id: 'a' })).toBe('0.34 ×')
    expect(shown(0.35, { unit: '×', wanted: 'more', id: 'a' })).toBe('0.35 ×')
    expect(shown(1.1, { unit: 's', wanted: 'less', id: 'a' })).toBe('1.10 s')
    expect(shown(0.501, { unit: 's', wanted: 'less', id: 'a' })).toBe('0.51 s')
    expect(shown(150.2, { unit: 'MB', wanted: 'less', id: 'a' })).toBe('151 MB')
    expect(shown(9.91, { unit: 'ms', wanted: 'less', id: 'a' })).toBe('10.0 ms')
    expect(shown(4, { unit: 'ms', wanted: 'less', id: 'open-loop' })).toBe('+ 4.0 ms')
    expect(shown(-0.5, { unit: 'ms', wanted: 'less', id: 'open-loop' })).toBe('-0.5 ms')
  })

  test('a row is judged by the median of its rounds', () => {
    expect(measured('against-nothing', [0.1, 0.9, 0.36], 'a note')).toEqual({
      id: 'against-nothing',
      what: 'issues/s against the do-nothing route',
      atLeast: '0.35 ×',
      aim: '0.50 ×',
      measured: '0.36 ×',
      verdict: 'good',
      median: 0.36,
      rounds: [0.1, 0.9, 0.36],
      note: 'a note',
    })
  })

  test('a round without a number is no verdict', () => {
    expect(() => measured('overload-503', [10, NaN])).toThrow('overload-503: a round measured nothing')
    expect(() => measured('overload-503', [])).toThrow('measured nothing')
  })

  test('what was measured again takes the place of what was there, and says so', () => {
    const before = someResults()
    const part = { ...before, at: '2027-01-01T00:00:00.000Z', command: 'again', exactness: [], series: {} }
    const rows = [measured('against-nothing', [0.7])]
    const merged = withAgain(before, { ...part, rows })
    expect(merged.rows).toEqual(rows)
    expect(merged).toMatchObject({ at: before.at, series: before.series, exactness: before.exactness })
    expect(merged.again).toEqual([{ at: part.at, command: 'again', commit: part.commit, rows: ['against-nothing'] }])
  })

  test('every row is measured by one part', () => {
    expect(PARTS.flatMap(({ rows }) => rows).toSorted()).toEqual(ROWS.map(({ id }) => id).toSorted())
  })
})

describe('tables', () => {
  test('a run is exact or it says in what it is not', () => {
    expect(exactly(exactnessOf({}))).toBe('yes, 5,000 of 5,000')
    expect(exactly(exactnessOf({ rows: 4_993, under: 7 }))).toBe('no: 7 too few of 5,000')
    expect(exactly(exactnessOf({ over: 1, lost: 2, twice: 3 }))).toBe(
      'no: 1 too many, 2 told and lost, 3 recipients with two of 5,000',
    )
  })

  test('what must be shown stands beside what was measured', () => {
    expect(tableRows(rowsTable(someResults()))).toEqual([
      ['issues/s against the do-nothing route', '0.40 ×', '0.35 ×', '0.50 ×', 'good'],
    ])
  })

  test('speed stands beside exactness, and what was not measured is left out', () => {
    expect(tableRows(waysTable(someResults()))).toEqual([
      ['a route that does nothing: the ceiling', '50,000', '40,000–60,000', '1.00', '', ''],
      [
        'one at a time: SELECT, INCR, INSERT, DECR on error',
        '3,000',
        '2,500–3,500',
        '0.06',
        '',
        'no: 7 too few of 5,000',
      ],
      ['Firstcome: MySQL and Redis', '20,000', '19,000–21,000', '0.40', '', 'yes, 5,000 of 5,000'],
    ])
  })

  test('all rounds are told, and how much the driver used at most', () => {
    expect(tableRows(seriesTable(someResults()))[0]).toEqual([
      'nothing, 256',
      '50,000/s',
      '50,000 · 60,000 · 40,000',
      'wrk, 0.30',
    ])
  })

  test('columns are as wide as their widest cell', () => {
    expect(markdown(['', 'b'], [['long', '1']])).toBe('|      | b   |\n| ---- | --- |\n| long | 1   |')
  })
})

describe('the picture', () => {
  const svg = plot(someResults())
  const widths = [...svg.matchAll(/<rect class="(\w+)" x[^>]* width="([\d.]+)"/g)].map(([, kind, width]) => [
    kind,
    Number(width),
  ])

  test('has a bar for each way that was measured, as long as its median', () => {
    // 300 for the fastest round of all.
    expect(widths).toEqual([
      ['ceiling', 250],
      ['peer', 15],
      ['ours', 100],
    ])
  })

  test('says who was not exact', () => {
    expect(svg).toContain('<text class="wrong" x="8" y="123">exact: no: 7 too few of 5,000</text>')
    expect(svg).toContain('exact: yes, 5,000 of 5,000')
  })

  test('is for light and for dark ground, and without signs that end it', () => {
    expect(svg).toContain('prefers-color-scheme: dark')
    expect(svg.replace(/<style>[^]*<\/style>/, '')).not.toMatch(/&(?!amp;|lt;|gt;)|<(?!\/?(svg|text|rect|line)\b)/)
  })

  test('nothing measured is a picture without bars', () => {
    expect(plot({ ...someResults(), series: {} })).not.toContain('<rect class="ours"')
  })
})

describe('a flame graph', () => {
  const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
    id,
    callFrame: { functionName, url, lineNumber: 0 },
    children,
  })
  const profile = {
    startTime: 1_000,
    nodes: [
      node(1, '(root)', '', [2, 5]),
      node(2, 'handle', 'file:///app/src/a.ts', [3, 4]),
      node(3, 'write', 'node:net'),
      node(4, '', 'file:///app/node_modules/x/<y>.js'),
      node(5, '(idle)', ''),
    ],
    samples: [3, 2, 3, 4, 5, 3],
    timeDeltas: [10, 20, 30, 40, 500, 60],
  }

  test('has each caller above what it calls, without idle time and what was before and after', () => {
    const root = framesOf(profile, 1_020, 1_650)
    const [handle] = root.calls.values()
    expect([root.us, root.calls.size, handle?.name, handle?.kind, handle?.us]).toEqual([
      90,
      1,
      'handle src/a.ts:1',
      'ours',
      90,
    ])
    expect([...(handle?.calls.values() ?? [])].map(({ name, kind, us }) => [name, kind, us])).toEqual([
      ['write node:net:1', 'node', 30],
      ['(anonymous) x/<y>.js:1', 'library', 40],
    ])
  })

  test('says how much of a coupon each frame took, in words that are no markup', () => {
    const svg = flameGraph(framesOf(profile, 0, 10_000), 10, 'A & B')
    expect(svg).toContain('<title>(anonymous) x/&lt;y&gt;.js:1: 4.0 µs a coupon</title>')
    expect(svg).toContain('A &amp; B')
  })
})
