// What SQLite's result codes mean to a ledger. Its codes never change.

import { LedgerUnavailable } from '../ledger.ts'

const CONSTRAINT = 19
const CONSTRAINT_PRIMARYKEY = 1_555
const CONSTRAINT_UNIQUE = 2_067
const TOO_BIG = 18
const MISMATCH = 20

/** SQLite gave up before the commit, and undid what it had done. */
const undone = new Map([
  [5, 'busy with another program'],
  [6, 'busy with another connection'],
  [8, 'the file is read-only'],
  [9, 'interrupted'],
  [13, 'the disk is full'],
  [14, 'the file cannot be opened'],
])
/** A commit that ended so may still be found later. */
const doubtful = new Map([
  [7, 'out of memory'],
  [10, 'the disk failed'],
  [11, 'the file is damaged'],
  [15, 'the locks of the file are out of order'],
  [26, 'the file is no database'],
])

/** SQLite answered, and it is neither a row that was refused nor a reason to try again. */
export class SqliteRefusal extends Error {
  override readonly name = 'SqliteRefusal'
}

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
 * LedgerUnavailable where the fault lies with the file or the disk, SqliteRefusal where it lies with us: SQLite's own texts
 * quote statements and values, and go no further. What does not come from SQLite is passed through. `committing`: could the
 * statement have made something durable? Neither a read nor a write inside a transaction that goes on can.
 */
export function asFault(error: unknown, { committing }: { committing: boolean }): unknown {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_STATE') return closed(error)
  const code = resultCode(error)
  const primary = code & 0xff
  const word = undone.get(primary) ?? doubtful.get(primary)
  if (word !== undefined) {
    const mayBeWritten = committing && doubtful.has(primary)
    return new LedgerUnavailable(`SQLite: ${word} (error ${code})`, { mayBeWritten, cause: error })
  }
  return code === 0 ? error : new SqliteRefusal(`SQLite refused a statement: error ${code}`, { cause: error })
}

export function closed(cause?: unknown): LedgerUnavailable {
  return new LedgerUnavailable('the ledger is closed', { mayBeWritten: false, cause })
}
