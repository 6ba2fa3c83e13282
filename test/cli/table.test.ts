// What people see: columns stand below each other, and nothing in them acts on the terminal.

import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import { facts, printable, shownDuration, shownTime, Table } from '../../src/cli/table.ts'

interface Row {
  readonly name: string
  readonly count: number
}

const columns = [
  { heading: 'NAME', of: ({ name }: Row) => name, isCut: true },
  { heading: 'COUNT', of: ({ count }: Row) => String(count), isRight: true },
  { heading: 'END', of: () => '.' },
] as const

/** Tests have no terminal: no colours. */
const draw = (rows: readonly Row[], widthMax = Infinity) =>
  new Table<Row>(columns, widthMax).draw(rows).trimEnd().split('\n')

test('columns stand below each other whatever the characters', () => {
  const names = ['abc', '봄맞이 쿠폰', '春', 'ｆｕｌｌ', '👩‍👩‍👧', 'é', 'a\u0301\u0302', '🇰🇷']
  const lines = draw(names.map((name) => ({ name, count: 10 ** (name.length % 4) })))
  expect(new Set(lines.slice(1).map((line) => stringWidth(line))).size).toBe(1)
  expect(lines[0]).toBe('NAME         COUNT  END')
  expect(lines[2]).toBe('봄맞이 쿠폰    100  .')
})

test('a terminal that is narrow cuts a column, between characters', () => {
  const lines = draw([{ name: '봄맞이 쿠폰 아주 긴 이름', count: 1 }], 24)
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(24)
  expect(lines[1]).toContain('…')
  expect(draw([{ name: '가나다라마바사', count: 1 }], 1)[1]).toContain('가나다…')
})

test('what is drawn later stands in the same columns', () => {
  const table = new Table<Row>(columns, Infinity)
  const first = table.draw([{ name: 'abcdef', count: 1 }])
  const second = table.draw([{ name: 'a', count: 2 }])
  expect((first + second).split('\n')).toEqual(['NAME    COUNT  END', 'abcdef      1  .', 'a           2  .', ''])
})

test.each([
  ['\u001b[2J\u0007', '\\u001b[2J\\u0007'],
  ['\u009b31m', '\\u009b31m'],
  ['a\r\nb\tc', 'a\\u000d\\u000ab\\u0009c'],
  ['a\u202eb\u2066c\u200fd', 'a\\u202eb\\u2066c\\u200fd'],
  ['a\u2028b', 'a\\u2028b'],
  ['half \ud83d', 'half \ufffd'],
  ['👩‍👩‍👧 봄', '👩‍👩‍👧 봄'],
])('%j is shown as %j', (text, shown) => {
  expect(printable(text)).toBe(shown)
  expect(facts([['name', text]])).toBe(`name  ${shown}\n`)
  expect(draw([{ name: text, count: 1 }])[1]).toContain(shown)
})

test('times carry an offset, and milliseconds when there are some', () => {
  const shown = shownTime('2027-03-02T01:00:00.000Z')
  expect(shown).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00(Z|[+-]\d\d:\d\d)$/)
  expect(Date.parse(shown)).toBe(Date.UTC(2027, 2, 2, 1))
  expect(shownTime('2027-03-02T01:00:00.120Z')).toContain('.120')
})

test.each([
  [0, '0.0 s'],
  [1, '0.1 s'],
  [1_240, '1.3 s'],
  [59_000, '59 s'],
  [60_000, '1 min'],
  [3_661_000, '1 h 1 min'],
  [90_000_000, '1 d 1 h'],
  [86_400_000, '1 d'],
])('%i ms is %s', (ms, shown) => {
  expect(shownDuration(ms)).toBe(shown)
})
