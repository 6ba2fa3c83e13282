import type { Coupon } from '../ledger/ledger.ts'
import type { Companion } from './meter.ts'

/** What a caller asks for. Everything was validated at the edge. */
export interface IssueCall {
  readonly campaignId: string
  /** Who calls: the named owner of API keys; '' without keys. Never the key itself, so that it may be rotated. */
  readonly client: string
  /** 1–255 visible ASCII, or null. */
  readonly idempotencyKey: string | null
  /** Well-formed, NFC, trimmed, 1–255 code points, or null. */
  readonly recipient: string | null
  /** Has the caller hung up? Asked before its request costs anything; what was sent to the database is never cancelled. */
  readonly isGone?: () => boolean
  /** For a caller that wants to know the way, or is traced. */
  readonly companion?: Companion | null
}

/** An answer, in order of precedence (src/answers.ts tells HTTP status and words). */
export type Outcome =
  | { readonly code: 'campaign_not_found' }
  | { readonly code: 'idempotency_key_reused' }
  | { readonly code: 'replayed'; readonly by: 'request' | 'recipient'; readonly coupon: Coupon }
  | { readonly code: 'recipient_required' }
  | { readonly code: 'campaign_paused' }
  | { readonly code: 'campaign_not_started'; readonly startTimeMs: number; readonly nowMs: number }
  | { readonly code: 'campaign_ended'; readonly endTimeMs: number }
  | { readonly code: 'sold_out' }
  | { readonly code: 'issued'; readonly coupon: Coupon }

/** The spine as its callers see it. Rejects only with a Fault. */
export interface Issuer {
  issue(call: IssueCall): Promise<Outcome>
  /** Nothing is under way and nobody waits. */
  readonly isIdle: boolean
}
