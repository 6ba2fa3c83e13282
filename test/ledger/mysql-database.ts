// A migrated database of its own for tests of the MySQL ledger, and a connection of somebody else's into it.

import { type Connection, createConnection } from 'mysql2/promise'
import { inject } from 'vitest'
import type { KeyStore } from '../../src/access/key-store.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { migrateMysql } from '../../src/ledger/mysql/migrate.ts'
import { type MysqlOptions, openMysqlLedger } from '../../src/ledger/mysql.ts'
import { freshDatabase } from '../servers/fresh.ts'
import { grant } from '../servers/granted.ts'

type KeyedLedger = Ledger & { readonly keyStore: KeyStore }

export interface MysqlUnderTest {
  /** The owner's. */
  readonly url: string
  /** Of a user with no more rights than a server needs, and the ledger's. */
  readonly serverUrl: string
  readonly ledger: KeyedLedger
  /** Of the user of whoever runs the commands at the database. */
  readonly operator: KeyedLedger
  /** As the database's owner sees it: not one of the ledger's connections. */
  readonly foreign: Connection
  /** Another ledger on the same database, closed together with this. */
  another(options?: Omit<MysqlOptions, 'url'>): KeyedLedger
  close(): Promise<void>
}

export async function openMysqlUnderTest(mysqlUrl: string = inject('mysqlUrl')): Promise<MysqlUnderTest> {
  const database = await freshDatabase(mysqlUrl)
  await migrateMysql({ url: database.url })
  const granted = await grant(database.url)
  const serverUrl = granted.urlOf('firstcome_server')
  const ledgers: Ledger[] = []
  const open = (options: MysqlOptions) => {
    const ledger = openMysqlLedger(options)
    ledgers.push(ledger)
    return ledger
  }
  const another = (options: Omit<MysqlOptions, 'url'> = {}) => open({ url: serverUrl, ...options })
  const foreign = await createConnection({ uri: database.url, timezone: 'Z', charset: 'utf8mb4' })
  return {
    url: database.url,
    serverUrl,
    ledger: another(),
    operator: open({ url: granted.urlOf('firstcome_operator') }),
    foreign,
    another,
    async close() {
      foreign.destroy()
      await Promise.all(ledgers.map((ledger) => ledger.close()))
      await granted.drop()
      await database.drop()
    },
  }
}

type Rows = Record<string, unknown>[]

export async function rowsOf(connection: Connection, sql: string, values: readonly unknown[] = []): Promise<Rows> {
  const [rows] = await connection.query(sql, [...values])
  return rows as Rows
}

export async function isMariadb(connection: Connection): Promise<boolean> {
  const [row] = await rowsOf(connection, 'SELECT VERSION() AS version')
  return /mariadb/i.test(String(row?.['version']))
}

/** Asks until it is so: for what the server does in its own time and tells nobody. */
export async function until(isSo: () => Promise<boolean>, everyMs = 10): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, everyMs))
}

/** InnoDB shows a copy, and makes a new one only when nobody has asked for 100 ms. */
const TRANSACTIONS_RENEWED_MS = 120

/** Until somebody waits for a lock that belongs to a row. */
export function untilWaiting(connection: Connection): Promise<void> {
  return until(async () => {
    const sql = "SELECT COUNT(*) AS waiting FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    return Number((await rowsOf(connection, sql))[0]?.['waiting']) > 0
  }, TRANSACTIONS_RENEWED_MS)
}
