// What the path tells of its work, for whoever counts and draws it. The path knows no library of metrics or traces: it
// speaks to this port, and to nobody in tests that do not ask.

/** What a batch passes through. Nested times would be counted twice: none of these is part of another. */
export const STATIONS = ['look_up', 'reserve', 'record', 'read_back', 'ledger_way'] as const
export type Station = (typeof STATIONS)[number]

/** Why a request came to the ledger way. */
export const LEDGER_WAY_REASONS = [
  'no_counter',
  'counter_unavailable',
  'counter_cold',
  'nothing_left',
  'collisions',
] as const
export type LedgerWayReason = (typeof LEDGER_WAY_REASONS)[number]

/** Why the counter was told the highest slot: it knew nothing, it was behind the rows, or the ledger way had written some. */
export const RESYNC_REASONS = ['cold', 'behind', 'ledger_way'] as const
export type ResyncReason = (typeof RESYNC_REASONS)[number]

/** Sold out was found under the lock, found again in the background, or found to hold no longer: rows have vanished. */
export const PROOFS = ['proved', 'confirmed', 'withdrawn'] as const
export type Proof = (typeof PROOFS)[number]

/** What of the queue was over its limit. */
export const OVERLOADS = ['wait', 'bytes'] as const
export type Overload = (typeof OVERLOADS)[number]

/** Goes with a call that wants to know its way. The path only carries it. */
export interface Companion {
  passed(station: Station, tookMs: number): void
}

export interface Accompanied {
  readonly companion: Companion | null
}

export interface IssueMeter {
  /** Runs `work` and passes on what becomes of it: a station working for these requests. */
  station<T>(station: Station, requests: readonly Accompanied[], work: () => Promise<T>): Promise<T>
  /** A batch begins. @param followers those of it that wait for another call of their request or recipient */
  batch(size: number, followers: number): void
  /** A statement got no answer and is sent again. */
  retried(station: Station): void
  /** Somebody else's rows stood in the way of so many requests, or theirs were passed over. */
  collided(requests: number): void
  resynced(reason: ResyncReason, campaigns: number): void
  toLedgerWay(reason: LedgerWayReason): void
  /** A transaction begins. @param reason of the request in it that came first */
  ledgerWayBatch(reason: LedgerWayReason): void
  /** Coupons were issued on slots that had been passed over. */
  filledGaps(count: number): void
  soldOut(proof: Proof): void
  overloaded(limit: Overload): void
}

/** Nobody listens. */
export const NO_METER: IssueMeter = {
  station: (_station, _requests, work) => work(),
  batch() {},
  retried() {},
  collided() {},
  resynced() {},
  toLedgerWay() {},
  ledgerWayBatch() {},
  filledGaps() {},
  soldOut() {},
  overloaded() {},
}

/** How things stand, for whoever looks now and then. */
export interface IssueLoad {
  /** Requests that wait for a batch, or on the ledger way for a transaction. */
  readonly waiting: number
  readonly unanswered: number
  readonly batchesUnderWay: number
  readonly bytesHeld: number
  /** Of the campaign where a new request would wait longest. */
  readonly expectedWaitMs: number
}
