// The measurements that README and docs/performance.md rest on: ours beside peers and the ceiling, by turns, in one run. What
// is measured stands in bench/parts/, what is wanted in bench/report/rows.ts. Linux; needs wrk (Debian: apt-get install wrk).

import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { PARTS } from './parts.ts'
import type { Pauses } from './parts/pause.ts'
import { filled } from './report/document.ts'
import { plot } from './report/plot.ts'
import { latest, LATEST_PLOT, results, save, saveLatest, withAgain, type Results } from './report/results.ts'
import { ROWS } from './report/rows.ts'
import { exactly, isExact, rowsTable, seriesTable, waysTable } from './report/table.ts'
import { Stage, type Part, type StageOptions } from './stage.ts'
import { isPeer, WAYS } from './ways.ts'

const DOCUMENT = new URL('../docs/performance.md', import.meta.url)

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
    document: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(help())
  process.exit()
}
if (values.document) {
  writeFileSync(DOCUMENT, filled(readFileSync(DOCUMENT, 'utf8'), latest()))
  writeFileSync(LATEST_PLOT, plot(latest()))
  process.exit()
}
const only = values.only?.split(',')
const unknown = only?.filter((name) => !PARTS.some((part) => isMeant(part, [name]))) ?? []
if (unknown.length > 0) {
  process.stderr.write(`no such row and no such part: ${unknown.join(', ')}; see npm run bench -- --help\n`)
  process.exit(3)
}
const { quick: isQuick } = values
const options: StageOptions = {
  firstRound: isQuick ? 1 : 0,
  rounds: numberOf(values.rounds, isQuick ? 1 : 5),
  seconds: numberOf(values.seconds, isQuick ? 1 : 8),
  isQuick,
}

// The servers are children of guardians, which end them when this process is gone, however that came.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

await using stage = new Stage(options)
const parts = PARTS.filter((part) => only === undefined || isMeant(part, only))
for (const part of parts) await stage.run(part)

const found = results({
  command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
  isWhole: parts.length === PARTS.length && !isQuick && options.rounds >= 5,
  rows: stage.rows.toSorted((one, other) => placeOf(one.id) - placeOf(other.id)),
  series: stage.series.values(),
  exactness: stage.exactness,
  facts: stage.facts,
})
stage.say('done\n')
console.log(`${rowsTable(found)}\n\n${waysTable(found)}\n\n${seriesTable(found)}`)
console.log(`\nwritten: ${save(found, plot(found)).join(', ')}`)
if (values.again) {
  const merged = withAgain(latest(), found)
  saveLatest(merged, plot(merged))
}
if (isQuick) console.log('A rehearsal: of what it measures, nothing is to be believed to a tenth.')
const wrong = wrongs(found)
for (const what of wrong) console.log(`WRONG: ${what}`)
if (wrong.length > 0 || (!isQuick && found.rows.some(({ verdict }) => verdict === 'missed'))) process.exitCode = 1

/** A fast run that is not exact is a failed run. */
function wrongs({ exactness, facts }: Results): string[] {
  const { issued = 0 } = (facts['pauses'] ?? {}) as Partial<Pauses>
  return [
    ...exactness.filter((one) => !isPeer(one.name) && !isExact(one)).map((one) => `${WAYS[one.name]}: ${exactly(one)}`),
    ...(issued > 0 ? [`${issued} coupons to calls that were sent while the campaign was paused`] : []),
  ]
}

function isMeant({ name, rows }: Part, wanted: readonly string[]): boolean {
  return wanted.some((one) => one === name || rows.some((row) => row === one))
}

function placeOf(id: string): number {
  return ROWS.findIndex((row) => row.id === id)
}

function numberOf(text: string | undefined, standard: number): number {
  const number = text === undefined ? standard : Number(text)
  if (Number.isInteger(number) && number > 0) return number
  process.stderr.write(`a whole number, please, not ${text}\n`)
  process.exit(3)
}

function help(): string {
  const parts = PARTS.map(({ name, rows }) => `  ${name.padEnd(14)}${rows.join(', ')}`).join('\n')
  return `npm run bench -- [options]

  --only a,b     these rows or parts; a row brings its whole part
  --rounds N     of everything that is measured by turns (5)
  --seconds N    of each load (8)
  --quick        two minutes: one round of a second each, 100,000 coupons instead of 10 million
  --again        with --only: puts what it measures into the last whole run, which then says so
  --document     measures nothing: puts the tables of the last whole run into docs/performance.md

Parts and their rows:
${parts}

Examples:
  npm run bench                                  all of it, the run that documents show
  npm run bench && npm run bench -- --document   and put it into the document
  npm run bench -- --quick
  npm run bench -- --only crowd --rounds 7
  npm run bench -- --only open-loop,start

Exit codes: 0 good, 1 a row is missed or ours was not exact, 3 could not be run.

It writes bench/results/<time>.json and .svg; a whole run of five rounds or more also latest.json and latest.svg.`
}
