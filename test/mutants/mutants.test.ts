// Mutants stay mistakes that could be made: each line is still there, each test that should catch one exists, and the
// document names them all. `npm run mutants` makes them.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDocument, ROOT, section, tableRows } from '../docs/documents.ts'
import { MUTANTS } from './mutants.ts'

test.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))('%s', (_name, { file, edits, caughtBy }) => {
  const text = readFileSync(join(ROOT, file), 'utf8')
  for (const { from, to } of edits) {
    expect(text.split(from), `${file} has this once: ${from}`).toHaveLength(2)
    expect(to).not.toBe(from)
  }
  if ('test' in caughtBy) expect(readFileSync(join(ROOT, caughtBy.test), 'utf8')).toBeTypeOf('string')
})

test('names differ, and the document has each', () => {
  const names = MUTANTS.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  const rows = tableRows(section(readDocument('docs/correctness.md'), 'Mutants'))
  expect(rows.map(([name]) => name)).toEqual(names)
})
