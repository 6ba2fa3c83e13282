// What a run leaves behind: one file of JSON, from which table, picture and document are made.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import { findServer } from '../../test/servers/find.ts'
import type { Series } from '../stage.ts'
import type { Way } from '../ways.ts'
import type { Measured } from './rows.ts'
import { median } from './statistics.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const FOLDER = join(ROOT, 'bench/results')
/** What the documents show: the last run that was whole. */
export const LATEST = join(FOLDER, 'latest.json')
export const LATEST_PLOT = join(FOLDER, 'latest.svg')

export interface Results {
  /** RFC 3339. */
  readonly at: string
  /** As it was given. */
  readonly command: string
  /** All parts, at full length: such a run the documents may show. */
  readonly isWhole: boolean
  readonly commit: string
  readonly machine: Readonly<Record<string, string | number>>
  readonly rows: readonly Measured[]
  /** By name; the median of the rounds, and each of them. */
  readonly series: Readonly<Record<string, SeriesResult>>
  readonly exactness: readonly Exactness[]
  /** Parts that were measured once more, by themselves, and took the place of what was there. */
  readonly again?: readonly { at: string; command: string; commit: string; rows: readonly string[] }[]
  /** What else the parts have to say. */
  readonly facts: Readonly<Record<string, unknown>>
}

export interface SeriesResult {
  readonly unit: string
  readonly median: number
  readonly rounds: readonly number[]
  /** Who asked, and how much of one core it used itself, at most. */
  readonly driver?: { readonly tool: string; readonly share: number }
}

/** Of one way to give coupons away, after one of two processes was killed in the middle. */
export interface Exactness {
  readonly name: Way
  readonly coupons: number
  readonly rows: number
  readonly over: number
  readonly under: number
  /** Told to somebody, and there is no row. */
  readonly lost: number
  /** Recipients with more than one. */
  readonly twice: number
  /** Asked until their patience was over, and were told nothing. */
  readonly unanswered: number
}

export function results(
  run: Pick<Results, 'command' | 'isWhole' | 'rows' | 'exactness' | 'facts'> & { series: Iterable<Series> },
): Results {
  const series = Object.fromEntries([...run.series].map((one) => [one.id, seriesResult(one)]))
  const rows = run.rows.map((row) => ({ ...row, median: rounded(row.median), rounds: row.rounds.map(rounded) }))
  return { at: new Date().toISOString(), ...run, rows, series, commit: commit(), machine: machine() }
}

function seriesResult({ unit, rounds, driver }: Series): SeriesResult {
  const numbers = { unit, median: rounded(median(rounds)), rounds: rounds.map(rounded) }
  return driver === null
    ? numbers
    : { ...numbers, driver: { tool: driver.tool, share: rounded(Math.max(...driver.shares)) } }
}

/** A ratio is of one part: a part may be measured again by itself. */
export function withAgain(whole: Results, part: Results): Results {
  const { at, command, commit } = part
  const newRows = new Map(part.rows.map((row) => [row.id, row]))
  const newNames = new Set(part.exactness.map(({ name }) => name))
  return {
    ...whole,
    rows: whole.rows.map((row) => newRows.get(row.id) ?? row),
    series: { ...whole.series, ...part.series },
    exactness: [...whole.exactness.filter(({ name }) => !newNames.has(name)), ...part.exactness],
    facts: { ...whole.facts, ...part.facts },
    again: [...(whole.again ?? []), { at, command, commit, rows: [...newRows.keys()] }],
  }
}

export function saveLatest(results: Results, plot: string): void {
  writeFileSync(LATEST, jsonOf(results))
  writeFileSync(LATEST_PLOT, plot)
}

/** @returns the paths of what was written */
export function save(results: Results, plot: string): string[] {
  mkdirSync(FOLDER, { recursive: true })
  const stem = join(FOLDER, results.at.slice(0, 19).replaceAll(':', '-'))
  const json = jsonOf(results)
  const files: [path: string, text: string][] = [
    [`${stem}.json`, json],
    [`${stem}.svg`, plot],
  ]
  if (results.isWhole) files.push([LATEST, json], [LATEST_PLOT, plot])
  for (const [path, text] of files) writeFileSync(path, text)
  return files.map(([path]) => path.slice(ROOT.length + 1))
}

export function latest(): Results {
  return JSON.parse(readFileSync(LATEST, 'utf8')) as Results
}

function rounded(value: number): number {
  return Number(value.toPrecision(5))
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
  return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', 'src') === '' ? '' : ', changed')
}

function machine(): Results['machine'] {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    mysql: versionOf('mysql', /Ver (\d[\d.]*(?:-MariaDB)?)/),
    redis: versionOf('redis', /v=([\d.]+)/),
  }
}

function versionOf(server: 'mysql' | 'redis', pattern: RegExp): string {
  const program = findServer(server)
  if (program === null) return 'none'
  const [, version = 'of no known version'] =
    pattern.exec(execFileSync(program, ['--version'], { encoding: 'utf8' })) ?? []
  return `${server === 'mysql' ? 'MySQL' : 'Redis'} ${version}`.replace(/^MySQL (.*)-MariaDB$/, 'MariaDB $1')
}

function jsonOf(results: Results): string {
  return `${JSON.stringify(results, null, 2)}\n`
}
