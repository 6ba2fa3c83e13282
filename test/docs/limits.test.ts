// Every limit in src stands in docs/limits.md, below its folder: the tables of the path and of the counter word by word,
// the others by name and value. A number in a top-level constant is a limit, unless it is named below.

import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { expect, test } from 'vitest'
import { COUNTER_LIMITS } from '../../src/counter/limits.ts'
import { ISSUE_LIMITS } from '../../src/issue/limits.ts'
import { mysqlLimits } from '../../src/ledger/mysql/limits.ts'
import { headings, readDocument, ROOT, section, tableRows } from './documents.ts'

const document = readDocument('docs/limits.md')

/** Error numbers of databases, and dates: they bound nothing. */
const WITHOUT_LIMITS = /^src\/(http\/(samples|times)|ledger\/(mysql|sqlite)\/errors)\.ts$/

interface Row {
  readonly name: string
  readonly value: string
  readonly why: string
}

/** By folder, as `src/issue`: what stands below its heading. */
const rows = new Map<string, Row[]>()
for (const { text } of headings(document)) {
  const folder = /`(src[^`]*)`$/.exec(text)?.[1]
  if (folder === undefined) continue
  const cells = tableRows(section(document, text))
  rows.set(
    folder,
    cells.map(([name = '', value = '', why = '']) => ({ name: name.replaceAll('`', ''), value, why })),
  )
}

const inTable = ({ name }: Row) => /^[a-z]/.test(name)
const shown = (value: number) => value.toLocaleString('en-US')
/** The value, and then its unit. */
const says = (row: Row, value: number) => row.value.startsWith(`${shown(value)} `)

type Limits = Readonly<Record<string, { readonly value: number; readonly unit: string; readonly why: string }>>

test.each<[folder: string, limits: Limits]>([
  ['src/issue', ISSUE_LIMITS],
  ['src/counter', COUNTER_LIMITS],
])('the table of %s is the one of its limits.ts', (folder, limits) => {
  const expected = Object.entries(limits).map(([name, { value, unit, why }]) => ({
    name,
    value: `${shown(value)} ${unit}`,
    why,
  }))
  expect(rows.get(folder)?.filter(inTable)).toEqual(expected)
})

test('the table of src/ledger/mysql has all that can be set', () => {
  const table = rows.get('src/ledger/mysql')?.filter(inTable) ?? []
  expect(table.map(({ name }) => name)).toEqual(Object.keys(mysqlLimits))
  for (const row of table) expect(says(row, mysqlLimits[row.name as keyof typeof mysqlLimits]), row.name).toBe(true)
})

test('every constant has its row, and no row is left of one that is gone', () => {
  const constants = findConstants()
  const missing = constants
    .filter(({ folder, name, value }) => !rows.get(folder)?.some((row) => row.name === name && says(row, value)))
    .map(({ folder, name, value, path }) => `below ${folder}: | \`${name}\` | ${shown(value)} … | (${path})`)
  expect(missing).toEqual([])
  const left = [...rows].flatMap(([folder, list]) =>
    list
      .filter((row) => !inTable(row))
      .filter(
        (row) =>
          !constants.some(({ name, value, ...at }) => at.folder === folder && name === row.name && says(row, value)),
      )
      .map(({ name, value }) => `below ${folder}: ${name} ${value}`),
  )
  expect(left).toEqual([])
})

test('the time-outs enclose each other, and are drawn as they are', () => {
  const { replyMsMax } = COUNTER_LIMITS
  const timeoutsMs = [
    replyMsMax.value,
    mysqlLimits.lockWaitSMax * 1_000,
    mysqlLimits.statementMsMax,
    ISSUE_LIMITS.requestMsMax.value,
  ]
  expect(timeoutsMs).toEqual(timeoutsMs.toSorted((a, b) => a - b))
  const drawn = readDocument('docs/operating.md').blocks.find(({ language }) => language === 'text')?.text ?? ''
  const times = [...drawn.matchAll(/^ *(\d+) (m?s) /gm)].map(
    ([, number, unit]) => Number(number) * (unit === 's' ? 1_000 : 1),
  )
  expect(times.slice(0, -1)).toEqual(timeoutsMs)
  expect(times.at(-1)).toBeGreaterThan(ISSUE_LIMITS.requestMsMax.value)
})

test('every row says a unit and a reason', () => {
  for (const { name, value, why } of [...rows.values()].flat()) {
    expect(value, name).toMatch(/^[\d,.]+ \S/)
    expect(why.length, name).toBeGreaterThan(10)
  }
})

interface Constant {
  readonly folder: string
  readonly path: string
  readonly name: string
  readonly value: number
}

/** Every top-level constant in capitals that is a number, or a product of numbers and of other such constants. */
function findConstants(): Constant[] {
  const declared = globSync('src/**/*.ts', { cwd: ROOT })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !WITHOUT_LIMITS.test(path))
    .sort()
    .flatMap((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8')
      const found = text.matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]*) = ([^\n]+)$/gm)
      return [...found].map(([, name = '', expression = '']) => ({ folder: dirname(path), path, name, expression }))
    })
  const plain = (expression: string) => (/^[\d_.]+$/.test(expression) ? Number(expression.replaceAll('_', '')) : NaN)
  const named = new Map(declared.map(({ name, expression }) => [name, plain(expression)]))
  return declared.flatMap(({ folder, path, name, expression }) => {
    const factors = expression.split('*').map((factor) => factor.trim())
    const values = factors.map((factor) => (/^[A-Z]/.test(factor) ? (named.get(factor) ?? NaN) : plain(factor)))
    const value = values.reduce((product, factor) => product * factor, 1)
    // An alias of another constant has its row there.
    const isAlias = factors.length === 1 && /^[A-Z]/.test(expression)
    return Number.isNaN(value) || isAlias ? [] : [{ folder, path, name, value }]
  })
}
