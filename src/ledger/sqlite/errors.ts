// What SQLite's result codes mean to a ledger. Its codes never change.

import { LedgerUnavailable } from '../ledger.ts'

const CONSTRAINT = 19
const CONSTRAINT_PRIMARYKEY = 1_555
const CONSTRAINT_UNIQUE = 2_067
const TOO_BIG = 18
const MISMATCH = 20

/** Busy, locked, read-only, interrupted, full, cannot open: SQLite gave up before the commit, and undid what it had done. */
const undone = new Set([5, 6, 8, 9, 13, 14])
/** Out of memory, I/O error, corrupt, locking protocol, not a database: a commit that ended so may still be found later. */
const doubtful = new Set([7, 10, 11, 15, 26])

/** The extended result code; its low eight bits are the primary one. 0 when `error` does not come from SQLite. */
export function resultCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0
}

/** What a refused row is called, null when it was not the row that was refused. */
export function rowRefusal(error: unknown): 'duplicate' | 'invalid' | null {
  const code = resultCode(error)
  if (code === CONSTRAINT_UNIQUE || code === CONSTRAINT_PRIMARYKEY) return 'duplicate'
  const primary = code & 0xff
  return primary === CONSTRAINT || primary === TOO_BIG || primary === MISMATCH ? 'invalid' : null
}

/**
 * LedgerUnavailable where the fault lies with the file or the disk; anything else is passed through. `committing`: could
 * the statement have made something durable? Neither a read nor a write inside a transaction that goes on can.
 */
export function asFault(error: unknown, { committing }: { committing: boolean }): unknown {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_STATE') return closed(error)
  const primary = resultCode(error) & 0xff
  if (!undone.has(primary) && !doubtful.has(primary)) return error
  const message = error instanceof Error ? error.message : String(error)
  return new LedgerUnavailable(`SQLite: ${message}`, {
    mayBeWritten: committing && doubtful.has(primary),
    cause: error,
  })
}

export function closed(cause?: unknown): LedgerUnavailable {
  return new LedgerUnavailable('the ledger is closed', { mayBeWritten: false, cause })
}
