import type { Campaign, CampaignIdentity, CampaignState, CampaignStatus } from '../campaign/campaign.ts'
import type { Change, ChangePage, NewChange } from './changes.ts'

/**
 * Ledger — the record. What it holds is true; nothing is an answer before it is in here, durably.
 *
 * One contract (test/contract/ledger.ts), passed by every adapter. Arrays in, arrays out. Times are UTC milliseconds
 * since 1970 by the *ledger's* clock. Keys of 16 bytes travel as 32 lower-case hex digits.
 *
 * Errors
 *   LedgerUnavailable (retryable)   no answer: connection, time-out, deadlock, lock wait, read-only, shutting down
 *   anything else                   a mistake of ours: not retryable
 */
export interface Ledger extends SlotReader, ChangeReader {
  /**
   * What one lock covers. 'campaign' (MySQL): the row of each campaign named, others pass. 'database' (SQLite): there is
   * one writer, so that one transaction may as well serve all campaigns that wait.
   */
  readonly lockScope: 'campaign' | 'database'

  /**
   * Counts up whenever a connection was lost. Rows vanish only through a failover or a restore, and both break
   * connections: a memory is good only while this number stands.
   */
  readonly generation: number

  /**
   * It has not answered for a second or more, and attempts to reach it go on: whoever comes now would only wait. A hint, and
   * never for long: it ends by itself, whether anybody asks or not.
   */
  readonly isAway: boolean

  /** One statement, one snapshot, the ledger's clock at its start. What is not there is absent from the answer. */
  read(query: ReadQuery): Promise<ReadAnswer>

  /**
   * Writes all rows that the guard lets pass, in one durable statement. The guard: the campaign exists with that
   * `campaignCreatedAtMs` and has not been changed since `campaignVersion`, has started both by `issuedAtMs` and by the ledger's clock, has not ended, is not paused, and
   * 1 ≤ slot ≤ total. Each row's slot, code, request key and recipient key must be new in its campaign.
   *   → { status: 'recorded', count }  `count` rows are durable; fewer than given: the guard refused the others, or a
   *                                    campaign was being changed and was skipped: read back to see which
   *   → { status: 'duplicate' }        something is taken: nothing was written
   *   → { status: 'invalid' }          some row does not fit the table: nothing was written
   */
  record(rows: readonly NewCoupon[]): Promise<RecordAnswer>

  /**
   * One transaction that first of all locks the campaigns, so that none of their coupons is being written anywhere while
   * `work` runs. Committed when `work` resolves, rolled back when it throws (its error is passed on).
   */
  lock<T>(campaignIds: readonly string[], work: (locked: LockedLedger) => Promise<T>): Promise<T>

  /**
   * Creates it unless the id is taken: then `created` is false and `campaign` the one that has it. `note`: what to note of
   * the one that was made, in the same transaction.
   */
  createCampaign(
    campaign: NewCampaign,
    note?: (created: Campaign) => NewChange,
  ): Promise<{ created: boolean; campaign: Campaign }>

  /** Those that exist, in no order, and the ledger's clock. */
  campaigns(ids: readonly string[]): Promise<{ nowMs: number; campaigns: Campaign[] }>

  /** Newest first, by (createdAtMs, id) descending, strictly after `after`. */
  listCampaigns(page: CampaignPage): Promise<{ nowMs: number; campaigns: Campaign[] }>

  /** The hint for lists, while the campaign has that total; touches neither version nor `updatedAtMs`. */
  markSoldOut(campaign: CampaignIdentity, total: number): Promise<void>

  /** By slot, strictly beyond `afterSlot` in the direction of `order`. */
  listCoupons(campaignId: string, page: CouponPage): Promise<Coupon[]>

  /**
   * All coupons as they are at one moment, by slot: `take` gets page after page and is waited for. Memory is bounded by
   * the page. What `take` throws is passed on.
   *   → true    all of them were taken
   *   → false   the campaign is gone: what was taken is not whole
   */
  exportCoupons(campaign: CampaignIdentity, take: (coupons: readonly Coupon[]) => Promise<void>): Promise<boolean>

  /** By its canonical code. */
  couponByCode(campaignId: string, couponCode: string): Promise<Coupon | null>

  /** Reaches it, and resolves with the ledger's clock. */
  ping(): Promise<{ nowMs: number }>

  /** How its connections are at this moment. Asks nobody. */
  connections(): readonly PoolLoad[]

  /** What of its settings endangers a promise. Empty when all is well. */
  checkSettings(): Promise<SettingWarning[]>

  /** Idempotent. */
  close(): Promise<void>
}

/** Where rows are, read in bounded statements. Inside a lock it also sees what its own transaction wrote. */
export interface SlotReader {
  /** The highest slot that has a row, for each campaign; 0 where there is none. Same order as the ids. */
  maxSlots(campaignIds: readonly string[]): Promise<number[]>
  /** Rows per segment (see SEGMENT_SLOTS) inside the ranges; segments without a row are absent. Ascending. */
  countSegments(campaignId: string, ranges: readonly SlotRange[]): Promise<SegmentCount[]>
  /** The slots that have a row, `from` ≤ slot ≤ `to`, ascending. At most one segment. */
  takenSlots(campaignId: string, range: SlotRange): Promise<number[]>
}

/** Who changed what. Inside a lock it also sees what its own transaction noted. */
export interface ChangeReader {
  listChanges(page: ChangePage): Promise<Change[]>
}

export interface LockedLedger extends SlotReader, ChangeReader {
  /** The locked campaigns as they are now, by id; those that do not exist are absent. */
  readonly campaigns: ReadonlyMap<string, Campaign>
  /** The ledger's clock when the lock had been granted, or a little before. */
  readonly nowMs: number
  read(query: ReadQuery): Promise<ReadAnswer>
  record(rows: readonly NewCoupon[]): Promise<RecordAnswer>
  /** Replaces all that may change, sets `updatedAtMs` to the ledger's clock; `version` is the caller's. */
  updateCampaign(campaign: Campaign): Promise<void>
  /** As the ledger's own, in this transaction. */
  markSoldOut(campaign: CampaignIdentity, total: number): Promise<void>
  /**
   * Deletes coupons beyond `afterSlot`, by slot, as many as take a fraction of a second.
   *   → the last slot that was deleted; null: there was none
   */
  deleteCoupons(campaignId: string, afterSlot: number): Promise<number | null>
  /** The campaign and all coupons it still has. */
  deleteCampaign(campaignId: string): Promise<void>
  /**
   * Empties the recipient of its coupons in these campaigns, and keeps the key: whoever asks again finds their coupon, and gets no second
   * one. The campaigns need not be locked. → how many there were
   */
  eraseRecipient(campaignIds: readonly string[], recipientKey: string): Promise<number>
  /** Stands when the transaction does. */
  noteChange(change: NewChange): Promise<void>
}

/** Slots 1..4,096 are segment 0, and so on. Big enough that ten million coupons are 2,442 numbers, small enough to read whole. */
export const SEGMENT_SLOTS = 4_096

export interface SlotRange {
  readonly from: number
  /** Inclusive. */
  readonly to: number
}

export interface SegmentCount {
  /** floor((slot − 1) / SEGMENT_SLOTS) */
  readonly segment: number
  /** Rows of it that lie inside the ranges asked for. */
  readonly count: number
}

export interface CouponKey {
  readonly campaignId: string
  /** 32 lower-case hex digits. */
  readonly key: string
}

export interface ReadQuery {
  readonly campaignIds: readonly string[]
  readonly requestKeys: readonly CouponKey[]
  readonly recipientKeys: readonly CouponKey[]
  readonly slots: readonly { readonly campaignId: string; readonly slot: number }[]
}

export interface ReadAnswer {
  readonly nowMs: number
  readonly campaigns: ReadonlyMap<string, CampaignState>
  /** In no order; one that was found in two ways may come twice. */
  readonly coupons: readonly Coupon[]
}

export interface Coupon {
  readonly campaignId: string
  readonly couponCode: string
  /** 1..total: its number in the campaign, not the order of arrival. */
  readonly slot: number
  readonly requestKey: string
  /** null: none was named, or it was erased; then its key stays. */
  readonly recipient: string | null
  readonly recipientKey: string | null
  readonly issuedAtMs: number
}

export interface NewCoupon extends Coupon {
  readonly campaignCreatedAtMs: number
  /** The campaign's version when the row was made: its code and its recipient were judged by that. */
  readonly campaignVersion: number
}

export type RecordAnswer =
  | { readonly status: 'recorded'; readonly count: number }
  | { readonly status: 'duplicate' }
  | { readonly status: 'invalid' }

/** `startTimeMs` null: now, by the ledger's clock; then it equals `createdAtMs`. */
export type NewCampaign = Pick<
  Campaign,
  'id' | 'name' | 'endTimeMs' | 'totalCoupons' | 'recipientRequired' | 'test' | 'codeFormat' | 'metadata' | 'paused'
> & { readonly startTimeMs: number | null }

export interface CampaignPage extends CampaignFilter {
  readonly limit: number
  readonly after: CampaignIdentity | null
}

export interface CampaignFilter {
  readonly test: 'none' | 'only' | 'all'
  /** By the ledger's clock; between open and sold_out by the hint, which may lag behind. null: any. */
  readonly status: CampaignStatus | null
  /** Part of the name or the id; upper and lower case are one. null: any. */
  readonly text: string | null
}

export interface CouponPage {
  readonly limit: number
  readonly afterSlot: number | null
  readonly order: 'asc' | 'desc'
}

export interface PoolLoad {
  readonly pool: string
  readonly max: number
  readonly busy: number
  readonly idle: number
  readonly opening: number
  /** Who waits for one. */
  readonly waiting: number
  /** How many broke since the start. */
  readonly lost: number
}

export interface SettingWarning {
  readonly setting: string
  readonly value: string
  readonly wanted: string
  /** What may be lost, in words for an operator. */
  readonly risk: string
}

export class LedgerUnavailable extends Error {
  override readonly name = 'LedgerUnavailable'
  /** May what was being written be written nevertheless? `false` only when the ledger said that it rolled back, or nothing was sent. */
  readonly mayBeWritten: boolean

  constructor(message: string, options: { mayBeWritten: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.mayBeWritten = options.mayBeWritten
  }
}
