// How much, how many and how long, each with its reason.

export interface MysqlLimits {
  /** Connections that read and record; a batch in flight holds one at a time. */
  readonly pathConnectionsMax: number
  /** Connections that lock campaigns: as many campaigns can be on the ledger way at once. */
  readonly lockConnectionsMax: number
  /** Connections for look-ups, counts and changes. */
  readonly sideConnectionsMax: number
  /** Connections for lists: few, so that readers cannot crowd out anybody else. */
  readonly listConnectionsMax: number
  /** Connections for exports; each is one export's from its first row to its last. */
  readonly exportConnectionsMax: number
  /** Until the server has let a new connection in. */
  readonly connectMsMax: number
  /** Until a connection of the pool is free, or opened. */
  readonly acquireMsMax: number
  /** Until a statement is answered; then its connection is destroyed. Longer than the lock wait, whose answer says more. */
  readonly statementMsMax: number
  /** In the server, for a lock of another transaction. */
  readonly lockWaitSMax: number
}

export const mysqlLimits: MysqlLimits = {
  pathConnectionsMax: 8,
  lockConnectionsMax: 8,
  sideConnectionsMax: 4,
  listConnectionsMax: 2,
  exportConnectionsMax: 2,
  connectMsMax: 2_000,
  acquireMsMax: 3_000,
  statementMsMax: 3_000,
  lockWaitSMax: 2,
}

/** Without an answer for so long, the database is away: a restart behind a proxy that is quicker than this passes unnoticed. */
export const AWAY_AFTER_MS = 1_000
/** Between two attempts to reach a database that is away: it is served again so soon after it is back. */
export const AWAY_PROBE_MS = 250

/** The server closes an idle lock connection after so long: a process that is frozen with a lock must lose it. */
export const LOCK_IDLE_S = 3
/** We are faster, with a second to spare for a busy process: a connection that we close ourselves is not a lost one. */
export const LOCK_IDLE_MS = 2_000
/** The same for exports, which wait for those who read them: above STALL_MS_MAX of the HTTP side. */
export const EXPORT_IDLE_S = 60
/** An export is rare: its connection is not kept. */
export const EXPORT_IDLE_MS = 10_000
/** Coupons of an export read at once: a quarter of a megabyte, some milliseconds. */
export const EXPORT_ROWS = 1_000
/** Segments that one statement counts, 400,000 rows: some 0.1 s, far from its time-out. */
export const COUNT_SEGMENTS_MAX = 100
/** Campaigns in one statement of maxSlots. */
export const MAX_SLOTS_CAMPAIGNS_MAX = 100
/** Coupons that one statement deletes: a fraction of a second. */
export const DELETE_ROWS_MAX = 5_000
/** An id that is taken when we insert and gone when we look: once is bad luck, more is somebody's loop. */
export const CREATE_TRIES_MAX = 3

/** Migrations: for another server that is migrating at this moment. */
export const MIGRATION_TURN_S_MAX = 60
/** Migrations: for one statement; on a big table it rebuilds an index. */
export const MIGRATION_STATEMENT_MS_MAX = 6 * 3_600_000
/** Migrations: for a table that is in use; the servers that use it wait behind the migration as long. */
export const MIGRATION_LOCK_WAIT_S_MAX = 10
