// What stands before the first statement: where the file really is, whether it is ours, and what its schema lacks.

import { mkdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { SchemaMismatch, loadMigrations, pendingMigrations } from '../migrations.ts'
import type { AppliedMigration } from '../migrations.ts'
import { resultCode } from './errors.ts'
import { DatabaseInUse } from './lock.ts'

/** The database cannot be opened, and the message says in one line what to do about it. */
export class DatabaseUnusable extends Error {
  override readonly name = 'DatabaseUnusable'
}

/** Makes the folder. One file, one name: through a symbolic link a second process must find the same lock. */
export function realFile(path: string): string {
  const absolute = resolve(path)
  mkdirSync(dirname(absolute), { recursive: true })
  const stat = statSync(absolute, { throwIfNoEntry: false })
  if (stat?.isDirectory()) throw new DatabaseUnusable(`${path} is a folder: name a file in it`)
  return stat === undefined ? join(realpathSync(dirname(absolute)), basename(absolute)) : realpathSync(absolute)
}

/** As realFile, for who makes no database. */
export function existingFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new DatabaseUnusable(`there is no file ${path}: name the database with SQLITE_PATH`)
  return realFile(path)
}

/** Of who may not bring it up to date, because another process may be at work with it. Throws as migrate does. */
export function sureOfSchema(database: DatabaseSync): void {
  const known = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'firstcome_migrations'").get()
  if (known === undefined) throw new DatabaseUnusable(`${database.location()} belongs to another program`)
  const pending = pendingMigrations(loadMigrations('sqlite'), appliedTo(database))
  if (pending.length > 0)
    throw new DatabaseUnusable(
      `${database.location()} is of an older release: end its server and run \`firstcome migrate\``,
    )
}

function appliedTo(database: DatabaseSync): AppliedMigration[] {
  const rows = database.prepare('SELECT number, oldest_program AS oldestProgram FROM firstcome_migrations').all()
  return rows as unknown as AppliedMigration[]
}

/** Committed when `work` returns, rolled back when it throws. */
export function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** Brings the schema up to date, a transaction each. Throws SchemaMismatch and DatabaseUnusable. */
export function migrate(database: DatabaseSync, nowMs: number): void {
  const applied = inTransaction(database, () => {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
    if (tables.length > 0 && !tables.some((table) => table.name === 'firstcome_migrations')) {
      throw new DatabaseUnusable(`${database.location()} belongs to another program: choose another file`)
    }
    database.exec(`CREATE TABLE IF NOT EXISTS firstcome_migrations (
      number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, oldest_program INTEGER NOT NULL, applied_at INTEGER NOT NULL
    ) STRICT`)
    // On a file that may only be read, BEGIN IMMEDIATE passes and this does not: better now than at the first coupon.
    database.exec('DELETE FROM firstcome_migrations WHERE number < 1')
    return appliedTo(database)
  })
  for (const { number, name, oldestProgram, sql: text } of pendingMigrations(loadMigrations('sqlite'), applied)) {
    inTransaction(database, () => {
      // A command that makes keys owns nothing, and may have done it in this very moment.
      if (database.prepare('SELECT 1 FROM firstcome_migrations WHERE number = ?').get(number) !== undefined) return
      database.exec(text)
      database.prepare('INSERT INTO firstcome_migrations VALUES (?, ?, ?, ?)').run(number, name, oldestProgram, nowMs)
    })
  }
}

/** What went wrong on opening `path`, in words for who started the server. */
export function unusable(path: string, error: unknown): unknown {
  if (error instanceof DatabaseUnusable || error instanceof DatabaseInUse || error instanceof SchemaMismatch)
    return error
  const because = (text: string) => new DatabaseUnusable(`${path} ${text}`, { cause: error })
  switch (resultCode(error) & 0xff) {
    case 5:
      return because('is locked by another program: end its transaction (a backup? a database shell?) and start again')
    case 8:
      return because('cannot be written: give this user the right to write the file and its folder')
    case 11:
      return because('is damaged: restore it from a backup')
    case 14:
      return because('cannot be opened: this user must be able to read and write the file and its folder')
    case 26:
      return because('is not an SQLite database: choose another file')
    default:
  }
  if (error instanceof Error && 'syscall' in error) return because(`cannot be opened: ${error.message}`)
  const code = resultCode(error)
  return code === 0 ? error : because(`cannot be used: SQLite error ${code}`)
}
