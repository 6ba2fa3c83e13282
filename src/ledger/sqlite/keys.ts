// The API keys in the embedded file. A command makes them beside a server that owns it: one small transaction of another
// process is safe in a file with a write-ahead log, and the server sees its row at the next reading.

import { DatabaseSync } from 'node:sqlite'
import { readScopes } from '../../access/caller.ts'
import type { KeyStore, NewKey, StoredKey } from '../../access/key-store.ts'
import type { Author } from '../../access/author.ts'
import { systemClock, type Clock } from '../../host.ts'
import { keyChange } from '../changes.ts'
import { SqliteChanges } from './changes.ts'
import { rowRefusal } from './errors.ts'
import { inTransaction, migrate, realFile, unusable } from './file.ts'

/** A server writes for milliseconds at a time; one that is being started migrates. */
const KEYS_BUSY_MS_MAX = 5_000

const COLUMNS = `id, client, lower(hex(secret_hash)) AS secretHash, scopes, created_at AS createdAtMs,
  expires_at AS expiresAtMs, revoked_at AS revokedAtMs`

interface KeyRow extends Omit<StoredKey, 'scopes'> {
  readonly scopes: string
}

/** The statements, on whatever connection, in whatever transaction. Synchronous, as SQLite is; rejected by its errors. */
export class SqliteKeys {
  readonly #database: DatabaseSync
  readonly #clock: Pick<Clock, 'wallMs'>
  readonly #changes: SqliteChanges

  constructor(database: DatabaseSync, clock: Pick<Clock, 'wallMs'>) {
    this.#database = database
    this.#clock = clock
    this.#changes = new SqliteChanges(database)
  }

  keys(): { nowMs: number; keys: StoredKey[] } {
    const rows = this.#database.prepare(`SELECT ${COLUMNS} FROM api_keys ORDER BY created_at, id`).all()
    return { nowMs: this.#clock.wallMs(), keys: rows.map(toKey) }
  }

  createKey({ id, client, secretHash, scopes, expiresInMs }: NewKey, by: Author): StoredKey | null {
    const nowMs = this.#clock.wallMs()
    const expiresAtMs = expiresInMs === null ? null : nowMs + expiresInMs
    try {
      this.#database
        .prepare(
          'INSERT INTO api_keys (id, client, secret_hash, scopes, created_at, expires_at) VALUES (?, ?, unhex(?), ?, ?, ?)',
        )
        .run(id, client, secretHash, scopes.join(','), nowMs, expiresAtMs)
    } catch (error) {
      if (rowRefusal(error) === 'duplicate') return null
      throw error
    }
    const created = { id, client, secretHash, scopes, createdAtMs: nowMs, expiresAtMs, revokedAtMs: null }
    this.#changes.note(keyChange('key.created', created, by), nowMs)
    return created
  }

  revokeKey(id: string, by: Author): StoredKey | null {
    const nowMs = this.#clock.wallMs()
    const { changes } = this.#database
      .prepare('UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL')
      .run(nowMs, id)
    const row = this.#database.prepare(`SELECT ${COLUMNS} FROM api_keys WHERE id = ?`).get(id)
    if (row === undefined) return null
    const key = toKey(row)
    if (changes === 1) this.#changes.note(keyChange('key.revoked', key, by), nowMs)
    return key
  }
}

/** STRICT tables hold what their columns say. */
function toKey(from: unknown): StoredKey {
  const row = from as KeyRow
  return { ...row, scopes: readScopes(row.scopes) }
}

/**
 * Beside whoever owns the file, a server perhaps: opens it without becoming its owner, makes it if need be, and brings its
 * schema up to date. Rejects with SchemaMismatch or DatabaseUnusable.
 */
export async function openSqliteKeyStore({
  path,
  clock = systemClock,
}: {
  readonly path: string
  readonly clock?: Pick<Clock, 'wallMs'>
}): Promise<KeyStore & { close(): Promise<void> }> {
  let opened: DatabaseSync | null = null
  try {
    const database = new DatabaseSync(realFile(path), { timeout: KEYS_BUSY_MS_MAX })
    opened = database
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON')
    migrate(database, clock.wallMs())
    const keys = new SqliteKeys(database, clock)
    const telling = async <T>(work: () => T): Promise<T> => {
      try {
        return work()
      } catch (error) {
        throw unusable(path, error)
      }
    }
    const writing = <T>(work: () => T): Promise<T> => telling(() => inTransaction(database, work))
    return {
      keys: () => telling(() => keys.keys()),
      createKey: (key, by) => writing(() => keys.createKey(key, by)),
      revokeKey: (id, by) => writing(() => keys.revokeKey(id, by)),
      close: async () => {
        if (database.isOpen) database.close()
      },
    }
  } catch (error) {
    opened?.close()
    throw unusable(path, error)
  }
}
