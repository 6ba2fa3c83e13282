import type { CampaignIdentity } from '../campaign/campaign.ts'

/**
 * Counter — proposes slots. The ledger decides: a proposal may collide and costs only a retry, a lost one is a gap
 * that is filled later. It holds one integer a campaign, `next`, and nothing that the ledger cannot tell anew.
 *
 * One contract (test/contract/counter.ts), passed by every adapter. Arrays in, arrays out: same length, same order;
 * an element that could not be answered is a CounterUnavailable, so that one campaign's bad luck is its own.
 */
export interface Counter {
  /**
   * Takes up to `count` slots, 1 ≤ count ≤ 10,000, in one atomic step.
   *   → { status: 'ok', from, count }   the run from..from+count−1, 0 ≤ count ≤ asked, never above `total`
   *   → { status: 'cold' }              nothing sensible is known: resync with the highest slot first; never means zero
   *   → CounterUnavailable              no answer in `replyMsMax`; slots may have been taken: they become gaps and heal
   */
  reserve(asks: readonly ReserveAsk[]): Promise<(Reservation | CounterUnavailable)[]>

  /** Raises `next` to `maxSlot` + 1, or creates it, or replaces what is not an integer ≥ 1. Never lowers it. */
  resync(asks: readonly ResyncAsk[]): Promise<(undefined | CounterUnavailable)[]>

  /** `next` as it stands, taking nothing: for people who look. null: nothing sensible is known. */
  peek(campaigns: readonly CampaignIdentity[]): Promise<(number | null | CounterUnavailable)[]>

  /** Does it answer? Never throws. */
  ping(): Promise<boolean>

  /** Idempotent. */
  close(): Promise<void>
}

export interface ReserveAsk {
  readonly campaign: CampaignIdentity
  readonly total: number
  readonly count: number
}

export interface ResyncAsk {
  readonly campaign: CampaignIdentity
  /** The highest slot that has a row; 0 when there is none. */
  readonly maxSlot: number
}

export type Reservation =
  | { readonly status: 'ok'; readonly from: number; readonly count: number }
  | { readonly status: 'cold' }

/** Why there is no answer, in a word: what an operator counts. */
export const COUNTER_FAULTS = ['no_connection', 'no_reply', 'stalled', 'refused', 'nonsense', 'closed'] as const
export type CounterFault = (typeof COUNTER_FAULTS)[number]

export class CounterUnavailable extends Error {
  override readonly name = 'CounterUnavailable'
  readonly fault: CounterFault

  constructor(message: string, fault: CounterFault = 'no_connection') {
    super(message)
    this.fault = fault
  }
}
