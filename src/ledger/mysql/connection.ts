// One connection: opened, its session set, its statements under a deadline of ours. The driver's own `timeout` would
// leave the statement running and the connection busy, so a statement that takes too long takes its connection with it.

import { connect, type Socket } from 'node:net'
import { createConnection } from 'mysql2'
import type { Clock } from '../../host.ts'
import { LedgerUnavailable } from '../ledger.ts'
import { type Dialect, errorLabel, judge, MysqlRefusal, serverError } from './errors.ts'
import { tlsHint } from './tls-hint.ts'
import { type MysqlAddress, shownAddress } from './url.ts'

export type SqlValue = string | number | null
export type Row = Readonly<Record<string, unknown>>

export interface ConnectionOptions {
  readonly address: MysqlAddress
  readonly clock: Clock
  /** Until the server has let us in. */
  readonly connectMsMax: number
  /** Longer than the server's lock wait, so that the server's answer comes first. */
  readonly statementMsMax: number
  /** Seconds the server lets a statement wait for a row or for a table. */
  readonly lockWaitSMax: number
  /**
   * With transactions the session does not commit by itself, and the server closes it after so many idle seconds:
   * a process that is frozen while it holds a lock must not hold it for long.
   */
  readonly transactions: { readonly idleSMax: number } | null
}

/** Rejects with LedgerUnavailable or MysqlRefusal. */
export interface Statements {
  readonly dialect: Dialect
  /** A prepared statement, for texts of which there are only a few: each stays prepared while the connection lives. */
  select(sql: string, values: readonly SqlValue[]): Promise<Row[]>
  /** As `select`, with the values put into the text: for texts that differ from call to call. `msMax`: as for command(). */
  selectText(sql: string, values: readonly SqlValue[], msMax?: number): Promise<Row[]>
  /** Prepared; the number of rows that it inserted, deleted or found to update. */
  write(sql: string, values: readonly SqlValue[]): Promise<number>
}

export interface Connection extends Statements {
  /** Which server it leads to. */
  readonly identity: string
  /** Lost, destroyed or ended: good for nothing any more. */
  readonly dead: boolean
  /** A statement without values that writes no coupon; `msMax` when it may take longer than others. */
  command(sql: string, msMax?: number): Promise<void>
  /** Its failure may leave the transaction written. */
  commit(): Promise<void>
  /** At once, whatever is under way; nobody is told. */
  destroy(): void
  /** Says good-bye first; nobody is told. */
  end(): Promise<void>
}

/** Bytes that carry nothing for so long are looked after by TCP, so that an idle connection notices a dead peer. */
const KEEP_ALIVE_MS = 10_000
/** For the good-bye: nobody waits for a server that does not answer it. */
const END_MS_MAX = 500

/** Resolves when its session is set. `lost` is called once if it breaks later, and never for destroy() and end(). */
export async function openConnection(options: ConnectionOptions, lost: () => void): Promise<Connection> {
  const { address, clock } = options
  const socket = openSocket(address)
  const driver = createConnection({
    stream: socket,
    host: address.host,
    port: address.port,
    ...(address.user === '' ? {} : { user: address.user }),
    password: address.password,
    ...(address.database === null ? {} : { database: address.database }),
    ...(address.ssl === null ? {} : { ssl: address.ssl }),
    charset: 'UTF8MB4_BIN',
    connectAttributes: { program_name: 'firstcome' },
    timezone: 'Z',
    connectTimeout: 0, // ours does not depend on what the driver takes for connected
    flags: ['-LOCAL_FILES'], // a server that asks for a file of ours gets none
  })
  let state: 'opening' | 'open' | 'dead' = 'opening'
  let dialect: Dialect = 'mysql'
  const failPending = new Set<(error: unknown) => void>()
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()))

  const destroy = () => {
    state = 'dead'
    driver.destroy()
    // The driver's destroy() only says that we shall write no more: against a silent peer the socket would stay.
    socket.destroy()
  }
  const broken = (error: unknown) => {
    const wasOpen = state === 'open'
    destroy()
    // First, so that whoever learns of the failure finds the generation counted.
    if (wasOpen) lost()
    // Not left to the driver: once destroyed, it answers nothing that was under way.
    for (const fail of failPending) fail(error)
  }
  driver.on('error', broken)
  driver.on('end', broken)
  void closed.then(broken)

  /** Settles within `msMax`, whatever the server and the network do. */
  const bounded = <T>(start: (answer: Answer<T>) => void, msMax: number, failed: Failed): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = () => {
        cancel()
        failPending.delete(fail)
      }
      const fail = (error: unknown) => {
        settle()
        reject(failed(error))
      }
      const tooLong = () => {
        if (failPending.has(fail)) broken(new TookTooLong(msMax))
      }
      // A process that was busy or frozen for so long may have the answer waiting at its door.
      const cancel = clock.after(msMax, () => clock.soon(tooLong))
      failPending.add(fail)
      start((error, result) => {
        if (!failPending.has(fail)) return
        if (error !== null) return fail(error)
        settle()
        resolve(result as T)
      })
    })

  const run = <T>(start: (answer: Answer<T>) => void, writes: boolean, msMax = options.statementMsMax): Promise<T> => {
    if (state === 'dead') return Promise.reject(whyItFailed(null, false, dialect).error)
    return bounded<T>(start, msMax, (error) => {
      const reason = whyItFailed(error, writes, dialect)
      if (reason.connectionLost) broken(error)
      return reason.error
    })
  }

  // In a transaction nothing stands before COMMIT: only that has a fate that may be unknown.
  const autocommit = options.transactions === null
  const connection = {
    get dialect() {
      return dialect
    },
    identity: '',
    get dead() {
      return state === 'dead'
    },
    async select(sql: string, values: readonly SqlValue[]) {
      return asRows(await run((answer) => driver.execute(sql, [...values], answer), false))
    },
    async selectText(sql: string, values: readonly SqlValue[], msMax?: number) {
      return asRows(await run((answer) => driver.query(sql, [...values], answer), false, msMax))
    },
    async write(sql: string, values: readonly SqlValue[]) {
      return affectedRows(await run((answer) => driver.execute(sql, [...values], answer), autocommit))
    },
    async command(sql: string, msMax?: number) {
      await run((answer) => driver.query(sql, answer), false, msMax)
    },
    async commit() {
      await run((answer) => driver.query('COMMIT', answer), true)
    },
    destroy,
    async end() {
      if (state !== 'dead') {
        state = 'dead'
        driver.end()
      }
      const cancel = clock.after(END_MS_MAX, destroy)
      await closed
      cancel()
    },
  }

  try {
    await bounded<void>(
      (answer) => driver.connect(answer),
      options.connectMsMax,
      (error) => whyNoConnection(error, address),
    )
    const server = await setSession(connection, options)
    dialect = server.dialect
    connection.identity = server.identity
  } catch (error) {
    destroy()
    throw error
  }
  state = 'open'
  return connection
}

type Answer<T> = (error: unknown, result?: T) => void
type Failed = (error: unknown) => Error

/** As the errors of the network, so that it is told like them. */
class TookTooLong extends Error {
  readonly code: string

  constructor(msMax: number) {
    const code = `no answer within ${msMax} ms`
    super(code)
    this.code = code
  }
}

function openSocket(address: MysqlAddress): Socket {
  const socket = address.socketPath === null ? connect(address.port, address.host) : connect(address.socketPath)
  // Whose certificate Node expects on a socket that is made secure later. Of a host that is an IP address it would not know,
  // and take a certificate for localhost in its place.
  Object.assign(socket, { _host: address.host })
  return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
}

async function setSession(
  connection: Connection,
  options: ConnectionOptions,
): Promise<{ dialect: Dialect; identity: string }> {
  const settings = [
    'NAMES utf8mb4 COLLATE utf8mb4_bin',
    "SESSION time_zone = '+00:00'",
    // Strict: what does not fit is refused, not cut off.
    "SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'",
    `SESSION innodb_lock_wait_timeout = ${options.lockWaitSMax}`,
    // For tables under ALTER; by default a day, and the statement would run when nobody waits for it any more.
    `SESSION lock_wait_timeout = ${options.lockWaitSMax}`,
    'SESSION sql_safe_updates = 0',
    'SESSION sql_big_selects = 1',
    ...(options.transactions === null
      ? ['SESSION autocommit = 1']
      : ['SESSION autocommit = 0', `SESSION wait_timeout = ${options.transactions.idleSMax}`]),
  ]
  await connection.command('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE')
  await connection.command(`SET ${settings.join(', ')}`)
  const [server] = await connection.selectText(
    `SELECT VERSION() AS version, CONCAT_WS(':', @@hostname, @@port, @@server_id) AS identity,
            @@global.read_only AS read_only, @@global.innodb_read_only AS innodb_read_only`,
    [],
  )
  if (server === undefined) throw new Error('MySQL answered a SELECT without rows')
  // No decision from a replica: what it shows may be the past.
  if (![server['read_only'], server['innodb_read_only']].every((value) => ['0', 'OFF'].includes(String(value)))) {
    throw new LedgerUnavailable('this MySQL server is read-only', { mayBeWritten: false })
  }
  // A transaction may have begun with that SELECT; the next one must begin with its lock.
  if (options.transactions !== null) await connection.command('ROLLBACK')
  return {
    dialect: /mariadb/i.test(String(server['version'])) ? 'mariadb' : 'mysql',
    identity: String(server['identity']),
  }
}

function whyNoConnection(error: unknown, address: MysqlAddress): LedgerUnavailable {
  const cause = serverError(error) ?? undefined
  const message = `MySQL at ${shownAddress(address)} cannot be reached: ${errorLabel(error)}${tlsHint(error, address.ssl !== null)}`
  return new LedgerUnavailable(message, { mayBeWritten: false, cause })
}

/** Without the driver's error as cause: it carries the statement, and texts with recipients and codes. */
function whyItFailed(error: unknown, writes: boolean, dialect: Dialect): { error: Error; connectionLost: boolean } {
  const server = serverError(error)
  if (server === null) {
    const message = `the connection to MySQL was lost: ${errorLabel(error)}`
    return { error: new LedgerUnavailable(message, { mayBeWritten: writes }), connectionLost: true }
  }
  const { errno, sqlState } = server
  const verdict = judge(errno, sqlState, dialect)
  if (verdict.kind === 'unavailable') {
    const message = `MySQL could not do it now: error ${errno}, SQLSTATE ${sqlState}`
    const options = { mayBeWritten: writes && !verdict.rolledBack, cause: server }
    return { error: new LedgerUnavailable(message, options), connectionLost: verdict.connectionLost }
  }
  return { error: new MysqlRefusal(verdict.kind, errno, sqlState), connectionLost: verdict.connectionLost }
}

function asRows(result: unknown): Row[] {
  if (!Array.isArray(result)) throw new Error('MySQL answered a SELECT without rows')
  return result as Row[]
}

function affectedRows(result: unknown): number {
  const count = typeof result === 'object' && result !== null && 'affectedRows' in result ? result.affectedRows : null
  if (typeof count !== 'number') throw new Error('MySQL answered a write without a count')
  return count
}
