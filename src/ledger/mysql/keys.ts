// The API keys in MySQL. Few rows, and rare statements: reading them shares the connections of look-ups, writing those of locks.

import type { Author } from '../../access/author.ts'
import { readScopes } from '../../access/caller.ts'
import type { KeyStore, NewKey, StoredKey } from '../../access/key-store.ts'
import { isKeyId } from '../../access/keys.ts'
import { keyChange } from '../changes.ts'
import { insertChange } from './changes.ts'
import type { Row, Statements } from './connection.ts'
import type { Connections } from './connections.ts'
import { MysqlRefusal } from './errors.ts'
import { clockOf } from './queries.ts'
import { int, nullable, sqlTime, text } from './rows.ts'
import { millis } from './statements.ts'

const COLUMNS = `id, client, LOWER(HEX(secret_hash)) AS secret_hash, scopes, ${millis('created_at')} AS created_at,
  ${millis('expires_at')} AS expires_at, ${millis('revoked_at')} AS revoked_at`

/** Sorted by the columns: `created_at` alone would be the number of the same name. */
const KEYS = `SELECT ${COLUMNS} FROM api_keys ORDER BY api_keys.created_at, api_keys.id`
const KEY = `SELECT ${COLUMNS} FROM api_keys WHERE id = ?`
const INSERT_KEY = `INSERT INTO api_keys (id, client, secret_hash, scopes, created_at, expires_at)
  VALUES (?, ?, UNHEX(?), ?, ?, ?)`
const REVOKE_KEY = 'UPDATE api_keys SET revoked_at = UTC_TIMESTAMP(3) WHERE id = ? AND revoked_at IS NULL'

type InTransaction = <T>(work: (transaction: Statements) => Promise<T>) => Promise<T>

export class MysqlKeyStore implements KeyStore {
  readonly #connections: Connections
  readonly #inTransaction: InTransaction

  constructor(connections: Connections, inTransaction: InTransaction) {
    this.#connections = connections
    this.#inTransaction = inTransaction
  }

  keys(): Promise<{ nowMs: number; keys: StoredKey[] }> {
    return this.#connections.use('side', async (connection) => {
      const nowMs = await clockOf(connection)
      return { nowMs, keys: (await connection.select(KEYS, [])).map(toKey) }
    })
  }

  createKey({ id, client, secretHash, scopes, expiresInMs }: NewKey, by: Author): Promise<StoredKey | null> {
    return this.#inTransaction(async (transaction) => {
      const nowMs = await clockOf(transaction)
      const expiresAtMs = expiresInMs === null ? null : nowMs + expiresInMs
      const expiresAt = expiresAtMs === null ? null : sqlTime(expiresAtMs)
      try {
        await transaction.write(INSERT_KEY, [id, client, secretHash, scopes.join(','), sqlTime(nowMs), expiresAt])
      } catch (error) {
        if (error instanceof MysqlRefusal && error.kind === 'duplicate') return null
        throw error
      }
      const created = { id, client, secretHash, scopes, createdAtMs: nowMs, expiresAtMs, revokedAtMs: null }
      await insertChange(transaction, keyChange('key.created', created, by))
      return created
    })
  }

  async revokeKey(id: string, by: Author): Promise<StoredKey | null> {
    if (!isKeyId(id)) return null
    return this.#inTransaction(async (transaction) => {
      const changed = await transaction.write(REVOKE_KEY, [id])
      const [row] = await transaction.select(KEY, [id])
      if (row === undefined) return null
      const key = toKey(row)
      if (changed === 1) await insertChange(transaction, keyChange('key.revoked', key, by))
      return key
    })
  }
}

function toKey(row: Row): StoredKey {
  return {
    id: text(row, 'id'),
    client: text(row, 'client'),
    secretHash: text(row, 'secret_hash'),
    scopes: readScopes(text(row, 'scopes')),
    createdAtMs: int(row, 'created_at'),
    expiresAtMs: nullable(row, 'expires_at', int),
    revokedAtMs: nullable(row, 'revoked_at', int),
  }
}
