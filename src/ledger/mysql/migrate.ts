// Brings the schema up to date, or says that it does not fit. The migrations are files that a DBA can run just as well.

import { systemClock, type Clock } from '../../host.ts'
import { LedgerUnavailable } from '../ledger.ts'
import { loadMigrations, pendingMigrations, SchemaMismatch, statementsOf } from '../migrations.ts'
import type { AppliedMigration, Migration } from '../migrations.ts'
import { openConnection, type Connection } from './connection.ts'
import { accessDenied, ER_BAD_DATABASE, ER_NO_SUCH_TABLE, MysqlRefusal, serverError } from './errors.ts'
import { MIGRATION_LOCK_WAIT_S_MAX, MIGRATION_STATEMENT_MS_MAX, MIGRATION_TURN_S_MAX, mysqlLimits } from './limits.ts'
import { parseMysqlUrl, type MysqlAddress } from './url.ts'

export interface MigrateOptions {
  readonly url: string
  readonly clock?: Clock
  /** Default: those in ledger/migrations/mysql. */
  readonly migrations?: readonly Migration[]
}

const TABLE_OF_MIGRATIONS = `CREATE TABLE IF NOT EXISTS firstcome_migrations (
  number INT NOT NULL PRIMARY KEY,
  name VARCHAR(64) CHARACTER SET ascii NOT NULL,
  oldest_program INT NOT NULL,
  applied_at DATETIME(3) NOT NULL
) ENGINE = InnoDB`

/**
 * Applies what is pending and resolves with it, in order; creates the database itself if it may. When nothing is pending
 * it only reads, so that a user without the right to change tables can start a server.
 * Rejects with SchemaMismatch (a message of one line, for people), LedgerUnavailable, BadMysqlUrl.
 */
export function migrateMysql(options: MigrateOptions): Promise<Migration[]> {
  const { url, clock = systemClock, migrations = loadMigrations('mysql') } = options
  const address = parseMysqlUrl(url)
  return explained(address.database, async () => {
    const connection = await openCreating(address, clock)
    try {
      if (pendingMigrations(migrations, await appliedMigrations(connection)).length === 0) return []
      return await inTurn(connection, async () => {
        await connection.command(TABLE_OF_MIGRATIONS, MIGRATION_STATEMENT_MS_MAX)
        const pending = pendingMigrations(migrations, await appliedMigrations(connection))
        for (const migration of pending) await apply(connection, migration)
        return pending
      })
    } finally {
      await connection.end()
    }
  })
}

/** All of it as a text that a DBA can read and run; running it twice is fine. */
export function printMysqlMigrations(migrations: readonly Migration[] = loadMigrations('mysql')): string {
  const files = migrations.map(
    (migration) => `${migration.sql.trim()}\n\n${recording(migration)} ON DUPLICATE KEY UPDATE number = number;`,
  )
  return ['SET NAMES utf8mb4;', `${TABLE_OF_MIGRATIONS};`, ...files].join('\n\n') + '\n'
}

/** A little longer than the database makes us wait, so that its answer comes first. */
const TURN_MS_MAX = (MIGRATION_TURN_S_MAX + 10) * 1_000

function recording({ number, name, oldestProgram }: Migration): string {
  return `INSERT INTO firstcome_migrations (number, name, oldest_program, applied_at)
  VALUES (${number}, '${name}', ${oldestProgram}, UTC_TIMESTAMP(3))`
}

async function apply(connection: Connection, migration: Migration): Promise<void> {
  // DDL commits by itself: if this breaks off half-way, the next run repeats the file, whose statements allow it.
  for (const statement of statementsOf(migration.sql)) await connection.command(statement, MIGRATION_STATEMENT_MS_MAX)
  await connection.command(recording(migration))
}

async function appliedMigrations(connection: Connection): Promise<AppliedMigration[]> {
  try {
    const rows = await connection.selectText('SELECT number, oldest_program FROM firstcome_migrations', [])
    return rows.map((row) => ({ number: Number(row['number']), oldestProgram: Number(row['oldest_program']) }))
  } catch (error) {
    if (error instanceof MysqlRefusal && error.errno === ER_NO_SUCH_TABLE) return []
    throw error
  }
}

/** One at a time, however many servers start at once. The server lets go of the lock with the connection. */
async function inTurn<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  // Names of such locks are the whole server's, and of 64 characters at most. (MySQL 9.7 has no MD5 any more.)
  const turn = `CONCAT('firstcome:', LEFT(SHA2(DATABASE(), 256), 32))`
  const question = `SELECT GET_LOCK(${turn}, ${MIGRATION_TURN_S_MAX}) AS granted`
  const [row] = await connection.selectText(question, [], TURN_MS_MAX)
  if (row?.['granted'] !== 1) {
    throw new LedgerUnavailable('another process is migrating the database', { mayBeWritten: false })
  }
  return work()
}

function open(address: MysqlAddress, clock: Clock): Promise<Connection> {
  return openConnection(
    {
      address,
      clock,
      connectMsMax: mysqlLimits.connectMsMax,
      // Of what has to wait it is said where it is asked: on a connection that went mute a server must not sit for minutes.
      statementMsMax: mysqlLimits.statementMsMax,
      lockWaitSMax: MIGRATION_LOCK_WAIT_S_MAX,
      transactions: null,
    },
    () => {},
  )
}

async function openCreating(address: MysqlAddress & { readonly database: string }, clock: Clock): Promise<Connection> {
  try {
    return await open(address, clock)
  } catch (error) {
    if (errnoOf(error) !== ER_BAD_DATABASE) throw error
  }
  const connection = await open({ ...address, database: null }, clock)
  try {
    await connection.command(creatingDatabase(address.database), TURN_MS_MAX)
  } finally {
    await connection.end()
  }
  return open(address, clock)
}

function creatingDatabase(database: string): string {
  return `CREATE DATABASE IF NOT EXISTS \`${database.replaceAll('`', '``')}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`
}

/** What an operator can do about it, in one line. */
async function explained<T>(database: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === ER_BAD_DATABASE) {
      throw new SchemaMismatch(
        `there is no database ${database}: run \`firstcome migrate\`, or ${creatingDatabase(database)}`,
      )
    }
    // Refused at the door is another matter than refused a CREATE TABLE.
    if (!(error instanceof MysqlRefusal) || !accessDenied.has(error.errno)) throw error
    throw new SchemaMismatch(
      `this MySQL user may not change the tables of ${database} (error ${errno}): run \`firstcome migrate\` as one who may, or hand the output of \`firstcome migrate --print\` to your DBA`,
    )
  }
}

function errnoOf(error: unknown): number | null {
  if (error instanceof MysqlRefusal) return error.errno
  return error instanceof LedgerUnavailable ? (serverError(error.cause)?.errno ?? null) : null
}
