// What an error number of the server means for us. Only numbers and SQLSTATE are looked at: names differ between MySQL,
// MariaDB and the driver, and texts carry recipients and codes. For the same reason no text of the driver gets past here.

export type Dialect = 'mysql' | 'mariadb'

export interface Verdict {
  /** `mistake` is ours or the operator's: asking again would not help. */
  readonly kind: 'duplicate' | 'invalid' | 'unavailable' | 'mistake'
  /** The server said that nothing of the statement stands. */
  readonly rolledBack: boolean
  /** The connection is gone, or leads to a server that no longer takes writes: find out anew who does. */
  readonly connectionLost: boolean
}

/** The server answered, and it is neither a duplicate nor data that does not fit nor a reason to try again. */
export class MysqlRefusal extends Error {
  override readonly name = 'MysqlRefusal'
  readonly errno: number
  readonly sqlState: string
  readonly kind: 'duplicate' | 'invalid' | 'mistake'

  constructor(kind: 'duplicate' | 'invalid' | 'mistake', errno: number, sqlState: string) {
    super(`MySQL refused a statement: error ${errno}, SQLSTATE ${sqlState}`)
    this.kind = kind
    this.errno = errno
    this.sqlState = sqlState
  }
}

export const ER_ACCESS_DENIED = 1045
export const ER_BAD_DATABASE = 1049
export const ER_NO_SUCH_TABLE = 1146
export const ER_SECURE_TRANSPORT_REQUIRED = 3159
/** Not allowed: to this database, at all, on this table, on this column, without a global privilege. */
export const accessDenied: ReadonlySet<number> = new Set([1044, 1045, 1142, 1143, 1227])

const duplicate = new Set([
  1062, // duplicate entry
  1586, // duplicate entry, the key by name
])

// Beside everything of SQLSTATE class 22 (data exceptions).
const invalid = new Set([
  1048, // column cannot be null
  1153, // packet larger than max_allowed_packet: a smaller batch fits
  1264,
  1265,
  1292,
  1300,
  1366,
  1406,
  1411, // out of range, truncated, wrong value, wrong string, too long
  1690, // out of range in an expression
])
const invalidBy: Record<Dialect, ReadonlySet<number>> = {
  mysql: new Set([
    ...range(3140, 3158), // JSON
    3669, // a value does not fit its JSON_TABLE column
    3819, // CHECK
    3903,
    3988, // JSON value, string that cannot be converted
  ]),
  mariadb: new Set([
    1918,
    1977, // illegal value, character that cannot be converted
    4025, // CHECK
    ...range(4035, 4040), // JSON
    4176,
    4178, // a value does not fit its JSON_TABLE column
  ]),
}

// Try again on the same connection: the server is well, and says that the statement was not done.
const rolledBack = new Set([
  1020, // MariaDB with innodb_snapshot_isolation: a row was changed since the snapshot
  1205,
  1213, // lock wait time-out, deadlock
  1206,
  1637, // no room for more locks, too many transactions
  1412,
  1461,
  1615, // table changed meanwhile, too many prepared statements, prepare again
  1614,
  3101, // rolled back, before and during COMMIT (group replication)
  3572, // NOWAIT
])

// Try again on a new connection: no longer the server that takes writes. The statement was not begun.
const notTheWriter = new Set([
  1047, // Galera: node not ready
  1207,
  1223,
  1290,
  1792,
  1836,
  1874, // read-only in all its forms
  3032, // offline mode
  3098,
  3100, // group replication refuses
])

// Try again; whether the statement stands is not known for sure.
const unknownFate = new Set([
  1015,
  1021,
  1026,
  1028,
  1030,
  1037,
  1038,
  1041,
  1114,
  1135,
  1878, // files, disk, memory, table full
  1105,
  1296,
  1297, // unknown, and temporary errors of the engine
  1180,
  1181,
  1196,
  1197,
  1598, // during COMMIT, during ROLLBACK, binary log
  1317,
  1689, // interrupted: KILL QUERY, a lock taken away
])
const unknownFateBy: Record<Dialect, ReadonlySet<number>> = { mysql: new Set([3024]), mariadb: new Set([1969]) } // statement time-out of the server

// The connection is gone or about to go.
const gone = new Set([
  1040,
  1042,
  1043,
  1129,
  1203,
  1226, // too many connections, handshake, host blocked, limits of the user
  1053,
  1077,
  1079,
  1080, // shutting down
  1152,
  1154,
  1155,
  1156,
  1157,
  1158,
  1159,
  1160,
  1161,
  1184, // network
  1243, // prepared statement unknown: a proxy put another server behind the connection
])
const goneBy: Record<Dialect, ReadonlySet<number>> = {
  mysql: new Set([3168, 3169, 4031]), // server not available, session killed, idle too long
  mariadb: new Set([1927]), // connection killed
}

export function judge(errno: number, sqlState: string, dialect: Dialect): Verdict {
  if (duplicate.has(errno)) return { kind: 'duplicate', rolledBack: true, connectionLost: false }
  if (rolledBack.has(errno)) return { kind: 'unavailable', rolledBack: true, connectionLost: false }
  if (notTheWriter.has(errno)) return { kind: 'unavailable', rolledBack: true, connectionLost: true }
  if (unknownFate.has(errno) || unknownFateBy[dialect].has(errno)) {
    return { kind: 'unavailable', rolledBack: false, connectionLost: false }
  }
  if (invalid.has(errno) || invalidBy[dialect].has(errno)) {
    return { kind: 'invalid', rolledBack: true, connectionLost: errno === 1153 }
  }
  // 2000–2999 are errors of a client library, 9000–9999 of ProxySQL: a proxy in between lost its own connection.
  if (gone.has(errno) || goneBy[dialect].has(errno) || inside(errno, 2000, 2999) || inside(errno, 9000, 9999)) {
    return { kind: 'unavailable', rolledBack: false, connectionLost: true }
  }
  const sqlClass = sqlState.slice(0, 2)
  if (sqlClass === '22') return { kind: 'invalid', rolledBack: true, connectionLost: false }
  if (sqlClass === '40') return { kind: 'unavailable', rolledBack: true, connectionLost: false }
  if (sqlClass === '08') return { kind: 'unavailable', rolledBack: false, connectionLost: true }
  return { kind: 'mistake', rolledBack: true, connectionLost: false }
}

/** The number and state that the server gave; null when the error came from the network or the driver. */
export function serverError(error: unknown): { errno: number; sqlState: string } | null {
  if (typeof error !== 'object' || error === null) return null
  const { errno, sqlState } = error as { errno?: unknown; sqlState?: unknown }
  // Errors of the operating system have negative numbers, or none.
  if (typeof errno !== 'number' || errno <= 0) return null
  return { errno, sqlState: typeof sqlState === 'string' ? sqlState : '' }
}

const words = new Map([
  [1040, 'too many connections'],
  [1044, 'access to the database denied'],
  [ER_ACCESS_DENIED, 'access denied'],
  [1049, 'no such database'],
  [1203, 'too many connections of this user'],
])

/** For messages: `ECONNREFUSED`, or the server's number; never a text that came with it. */
export function errorLabel(error: unknown): string {
  const server = serverError(error)
  if (server !== null) return [words.get(server.errno), `error ${server.errno}`].filter(Boolean).join(', ')
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : 'closed'
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

function inside(errno: number, from: number, to: number): boolean {
  return errno >= from && errno <= to
}
