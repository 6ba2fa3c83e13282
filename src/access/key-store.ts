import type { Author } from './author.ts'
import type { Scope } from './caller.ts'

/**
 * KeyStore — the API keys, in the ledger's database, so that all servers know the same. Few rows: they are read whole. A row
 * is never deleted: that there was a key once closes the door for good. Times are UTC milliseconds by the *ledger's* clock.
 *
 * One contract (test/contract/key-store.ts), passed by every adapter.
 *
 * Errors
 *   LedgerUnavailable (retryable)   no answer
 *   anything else                   a mistake of ours: not retryable
 */
export interface KeyStore {
  /** All of them, expired and revoked ones, too, oldest first; and the ledger's clock. */
  keys(): Promise<{ readonly nowMs: number; readonly keys: readonly StoredKey[] }>

  /** With the note of who did it, in one transaction. null: the id is taken, and nothing was written. */
  createKey(key: NewKey, by: Author): Promise<StoredKey | null>

  /** As it is then, with a note, too; a key that was revoked before keeps its time. null: there is no such key. */
  revokeKey(id: string, by: Author): Promise<StoredKey | null>
}

export interface NewKey {
  /** The public half. */
  readonly id: string
  readonly client: string
  /** SHA-256 of the secret, 64 lower-case hex digits. */
  readonly secretHash: string
  /** At least one. */
  readonly scopes: readonly Scope[]
  /** From now on; null: it does not expire. */
  readonly expiresInMs: number | null
}

export interface StoredKey extends Omit<NewKey, 'expiresInMs'> {
  readonly createdAtMs: number
  readonly expiresAtMs: number | null
  readonly revokedAtMs: number | null
}

export type KeyState = 'live' | 'expired' | 'revoked'

export function stateOf({ expiresAtMs, revokedAtMs }: StoredKey, nowMs: number): KeyState {
  if (revokedAtMs !== null) return 'revoked'
  return expiresAtMs !== null && expiresAtMs <= nowMs ? 'expired' : 'live'
}
