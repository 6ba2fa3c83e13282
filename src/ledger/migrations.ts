// Migrations are numbered SQL files that a DBA can read and run. They only add, so that the previous release goes on
// working beside them; the schema carries the oldest program that it still serves, and only an older one is refused.

import { readdirSync, readFileSync } from 'node:fs'

export interface Migration {
  /** From 1, without holes. A program's own number is that of the newest migration it knows. */
  readonly number: number
  /** As in the file's name: `0001_first_tables`. */
  readonly name: string
  /** The oldest program that works with the schema after this migration. From the file's head: `-- oldest-program: 1`. */
  readonly oldestProgram: number
  readonly sql: string
}

export interface AppliedMigration {
  readonly number: number
  readonly oldestProgram: number
}

export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch'
}

export function loadMigrations(dialect: 'mysql' | 'sqlite'): Migration[] {
  const folder = new URL(`./migrations/${dialect}/`, import.meta.url)
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file, index) => {
      const sql = readFileSync(new URL(file, folder), 'utf8')
      const number = Number(file.slice(0, 4))
      const oldestProgram = Number(/^-- oldest-program: (\d+)$/m.exec(sql)?.[1])
      if (number !== index + 1 || !(oldestProgram >= 1))
        throw new Error(`migration ${dialect}/${file}: bad number or head`)
      return { number, name: file.replace(/\.sql$/, ''), oldestProgram, sql }
    })
}

/** What is still to be applied, in order. Throws SchemaMismatch when the schema no longer serves this program. */
export function pendingMigrations(known: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const needed = Math.max(0, ...applied.map((migration) => migration.oldestProgram))
  if (needed > known.length) {
    throw new SchemaMismatch(
      `the database needs program ${needed} or newer, this is ${known.length}: deploy a newer release`,
    )
  }
  const done = new Set(applied.map((migration) => migration.number))
  return known.filter((migration) => !done.has(migration.number))
}

/** The statements of a file: each ends with a semicolon at the end of a line; comment lines are dropped. */
export function statementsOf(sql: string): string[] {
  return sql
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('--'))
    .join('\n')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}
