import type { CampaignIdentity } from '../campaign/campaign.ts'

/**
 * AuditSource — the rows of one campaign as they are, for whoever checks them. It only reads, and it promises nothing about
 * what it reads: a slot, a code or a key may come twice, be out of range, or be missing. No unique key is relied on.
 *
 * One contract (test/audit/source-suite.ts), passed by every adapter. Times are milliseconds since 1970 by the clock of
 * the database.
 *
 * Errors
 *   LedgerUnavailable (retryable)   the database did not answer
 *   what a caller throws            is passed on, and ends the snapshot
 */
export interface AuditSource {
  /** → null: there is no such campaign, or not any more. The snapshot is good until `work` settles. */
  snapshot<T>(campaignId: string, work: (snapshot: AuditSnapshot) => Promise<T>): Promise<T | null>
}

/** One moment, as far as the source has such a thing: see `again`. */
export interface AuditSnapshot {
  readonly campaign: AuditedCampaign
  /** Not after the moment that the rows show by more than a blink. */
  readonly asOfMs: number
  /** About so many rows will come; for people who wait. */
  readonly expectedRows: number
  /** Does a row carry its keys? Over HTTP nobody is told them. */
  readonly showsKeys: boolean
  /** Unique keys that the table should have and has not, by their columns; null: cannot be told. */
  readonly missingKeys: readonly string[] | null
  /** Whose API key that is, by its public half. null: nobody's, or it cannot be told. */
  clientOf(apiKeyId: string): Promise<string | null>
  /** All of them, ascending by slot: `take` gets page after page and is waited for. May be asked for again. */
  rows(take: (coupons: readonly AuditedCoupon[]) => Promise<void>): Promise<void>
  /** The values that are not null, ascending, page after page; null: this source has no order for them. */
  ordered(column: OrderedColumn): AsyncIterable<readonly OrderedValue[]> | null
  /** Campaign and clock, asked after the rows: where these were no snapshot, it may have been changed. null: gone. */
  again(): Promise<{ readonly campaign: AuditedCampaign; readonly nowMs: number } | null>
}

export interface AuditedCampaign extends CampaignIdentity {
  readonly startTimeMs: number
  readonly totalCoupons: number
  readonly recipientRequired: boolean
  /** Counts changes, from 1. */
  readonly version: number
}

export interface AuditedCoupon {
  readonly slot: number
  readonly couponCode: string
  readonly issuedAtMs: number
  readonly recipient: string | null
  /** 32 lower-case hex digits; null: there is none, or it is not shown. */
  readonly recipientKey: string | null
  readonly requestKey: string | null
}

export interface OrderedValue {
  readonly value: string
  /** Of the row. */
  readonly id: number
}

export const ORDERED_COLUMNS = ['coupon_code', 'request_key', 'recipient_key'] as const
export type OrderedColumn = (typeof ORDERED_COLUMNS)[number]

const UNIQUE_COLUMNS = ['coupon_code', 'slot', 'request_key', 'recipient_key'] as const

/** The unique keys that none of these indexes is. @param indexes of the table of coupons */
export function missingKeysOf(
  indexes: readonly { readonly isUnique: boolean; readonly columns: readonly string[] }[],
): string[] {
  const isKey = (column: string) =>
    indexes.some(
      ({ isUnique, columns }) =>
        isUnique && columns.length === 2 && columns.includes('campaign_id') && columns.includes(column),
    )
  return UNIQUE_COLUMNS.filter((column) => !isKey(column)).map((column) => `(campaign_id, ${column})`)
}
