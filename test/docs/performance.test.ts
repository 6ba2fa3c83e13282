// docs/performance.md tells what the last whole run of the bench measured, and nothing else.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { filled, TABLES } from '../../bench/report/document.ts'
import { plot } from '../../bench/report/plot.ts'
import { latest, LATEST_PLOT } from '../../bench/report/results.ts'
import { measured, ROWS } from '../../bench/report/rows.ts'
import { ROOT } from './documents.ts'

const results = latest()

test('every table is the one of the results', () => {
  const text = readFileSync(join(ROOT, 'docs/performance.md'), 'utf8')
  expect(text).toBe(filled(text, results))
})

test('the picture is the one of the results', () => {
  expect(readFileSync(LATEST_PLOT, 'utf8')).toBe(plot(results))
})

test('the results are of a whole run: every row, judged as it would be today', () => {
  expect(results.isWhole).toBe(true)
  expect(results.rows.map(({ id, what }) => ({ id, what }))).toEqual(ROWS.map(({ id, what }) => ({ id, what })))
  for (const { id, rounds, note, measured: shown, verdict } of results.rows) {
    const { id: row } = ROWS.find((one) => one.id === id) as (typeof ROWS)[number]
    expect(measured(row, rounds, note)).toMatchObject({ measured: shown, verdict })
  }
})

describe('a table is put where it belongs', () => {
  const places = Object.keys(TABLES).map((name) => `<!-- bench: ${name} -->\nstale\n<!-- end -->`)

  test('instead of what stood there', () => {
    const text = filled(['before', ...places, 'after'].join('\n'), results)
    expect(text).not.toContain('stale')
    expect(text.startsWith('before\n<!-- bench: rows -->\n\n|')).toBe(true)
    expect(text.endsWith('<!-- end -->\nafter')).toBe(true)
    expect(filled(text, results)).toBe(text)
  })

  test('or it is said that it has no place', () => {
    expect(() => filled(places.slice(1).join('\n'), results)).toThrow('no place for rows')
    expect(() => filled('<!-- bench: guesses -->\n<!-- end -->', results)).toThrow('no such table: guesses')
  })
})
