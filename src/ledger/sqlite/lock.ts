// One process serves one file. The proof is a write lock on a tiny database beside it, held as long as the process lives:
// the system takes it back when a process dies in whatever way, so that nothing stale is ever left to clean up.

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { DatabaseSync } from 'node:sqlite'
import { resultCode } from './errors.ts'

export class DatabaseInUse extends Error {
  override readonly name = 'DatabaseInUse'
  /** The owner's, null when it could not be read. */
  readonly pid: number | null

  constructor(path: string, owner: Owner | undefined) {
    super(
      `${path} is in use by ${describeOwner(owner)}: stop that one first, or choose another file; several servers need MySQL`,
    )
    this.pid = owner?.pid ?? null
  }
}

interface Owner {
  readonly token: string
  readonly pid: number
  /** Containers share files, but not process ids. */
  readonly host: string
}

/** Rounds in which two that start in the same instant may push each other back. Each waits for at most `busyMsMax`. */
const ROUNDS_MAX = 10

/**
 * Makes this process the owner of `path` until `release()`. `openLock` opens the lock's own database.
 * Throws DatabaseInUse when another process, or another ledger of this one, has it.
 *
 * Nobody may open the lock's file by other means: with POSIX locks, closing any descriptor of a file drops all locks that
 * the process has on it. (Within a process SQLite keeps its own books, which is why a second ledger is refused too.)
 */
export function holdFile(path: string, openLock: (lockPath: string) => DatabaseSync): { release(): void } {
  const me: Owner = { token: randomUUID(), pid: process.pid, host: hostname() }
  const database = openLock(`${path}.lock`)
  try {
    for (let round = 1; round <= ROUNDS_MAX; round += 1) {
      if (!begin(database)) {
        const owner = readOwner(database)
        // Our own name, or none: somebody is between writing a name and holding on to it.
        if (owner !== undefined && owner.token !== me.token) throw new DatabaseInUse(path, owner)
        continue
      }
      database.exec('CREATE TABLE IF NOT EXISTS owner (token TEXT, pid INTEGER, host TEXT) STRICT; DELETE FROM owner')
      database.prepare('INSERT INTO owner (token, pid, host) VALUES (?, ?, ?)').run(me.token, me.pid, me.host)
      database.exec('COMMIT')
      // Others can read the name now, and this transaction keeps them from writing theirs. It is never committed.
      if (!begin(database)) continue
      if (readOwner(database)?.token === me.token) return { release: () => database.close() }
      database.exec('ROLLBACK')
    }
    throw new DatabaseInUse(path, undefined)
  } catch (error) {
    database.close()
    throw error
  }
}

function begin(database: DatabaseSync): boolean {
  return unlessBusy(() => database.exec('BEGIN IMMEDIATE')) !== BUSY
}

function readOwner(database: DatabaseSync): Owner | undefined {
  const row = unlessBusy(() => database.prepare('SELECT token, pid, host FROM owner').get())
  return row === BUSY ? undefined : (row as unknown as Owner | undefined)
}

const BUSY = Symbol('busy')

function unlessBusy<T>(work: () => T): T | typeof BUSY {
  try {
    return work()
  } catch (error) {
    const code = resultCode(error) & 0xff
    // 5: somebody is writing. 1: the table is not there yet.
    if (code === 5 || code === 1) return BUSY
    throw error
  }
}

function describeOwner(owner: Owner | undefined): string {
  if (owner === undefined) return 'another process'
  if (owner.host !== hostname()) return `process ${owner.pid} on ${owner.host}`
  return owner.pid === process.pid ? `this process already (${owner.pid})` : `process ${owner.pid}`
}
