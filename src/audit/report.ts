// What an audit says, as JSON. No recipient and no key is in it, and of a code the last four characters.

/** In the order of the report. Each is what holds where nothing is violated. */
export const CHECKS = {
  rows_within_total: 'There are no more rows than `total_coupons`.',
  slots_in_range: 'Every slot is from 1 to `total_coupons`.',
  slots_distinct: 'No slot has two rows.',
  codes_distinct: 'No code has two rows.',
  requests_distinct: 'No request has two rows.',
  recipients_distinct: 'No recipient has two rows.',
  recipient_keys: 'The key of every recipient is made of that recipient.',
  recipients_present: 'Where a recipient is required, every row has one, or the key of one that was erased.',
  not_before_start: 'Nothing was issued before `start_time`, which nobody can change once there is a coupon.',
  not_before_creation: 'Nothing was issued before the campaign was created.',
  not_in_future: 'Nothing was issued after now, by the clock of the database.',
  scans_agree: 'Every index has as many entries as there are rows.',
  unique_keys: 'The table still has the unique keys that keep all of this so.',
  acknowledged_stored:
    'Every coupon that a caller was told of is stored with that code, slot, recipient (or its key) and time.',
  acknowledged_recipient: 'Every caller was told of a coupon for the recipient they named.',
  acknowledged_after_start: 'Nobody was told of a coupon before the start.',
  one_coupon_each: 'Whoever asked again, with the same key or recipient, was told of the same coupon.',
  one_owner: 'No coupon was told to two callers who are not the same.',
  sold_out_true: 'Nobody was told `sold_out` whose own coupon was there already.',
  sold_out_full: 'When somebody was told `sold_out`, all coupons were issued.',
} as const satisfies Record<string, string>
export type Check = keyof typeof CHECKS

/** `healing`: nothing is wrong, but slots that were passed over are still free. Whoever asks next gets one. */
export type Verdict = 'exact' | 'healing' | 'violated'

export interface AuditReport {
  readonly campaign_id: string
  readonly verdict: Verdict
  /** All coupons are issued. */
  readonly complete: boolean
  /** The moment that the rows show, by the clock of the database. */
  readonly as_of: string
  readonly total_coupons: number
  /** Rows. */
  readonly issued_count: number
  /** 0: there is no row. */
  readonly highest_slot: number
  /** Every slot up to this one has its row: nothing below it will change. */
  readonly through_slot: number
  /** SHA-256 over the rows up to `through_slot`, in hex: equal in every audit with that `through_slot`, until one is erased. */
  readonly checksum: string
  /** The slot that the counter in Redis would propose next; null: there is none, or it knows none. A hint, never wrong. */
  readonly counter_next: number | null
  readonly grace_ms: number
  /** Slots without a row below others that were issued more than the grace ago. */
  readonly gaps: GapReport
  /** The same, but younger: somebody may be getting them at this moment. */
  readonly in_flight: GapReport
  readonly violations: readonly Violation[]
  readonly checks: readonly CheckReport[]
  /** null: no history was given. */
  readonly history: HistoryReport | null
  readonly took_ms: number
}

export interface GapReport {
  /** Slots. */
  readonly count: number
  /** The first of them; there may be more. Both ends belong to it. */
  readonly ranges: readonly { readonly from: number; readonly to: number }[]
}

export interface Violation {
  readonly check: Check
  readonly detail: string
  readonly count: number
  /** The first of them. */
  readonly examples: readonly string[]
}

export interface CheckReport {
  readonly check: Check
  readonly checked: boolean
  /** What holds; or why it was not checked. */
  readonly detail: string
}

export interface HistoryReport {
  readonly calls: number
  /** Of other campaigns: passed over. */
  readonly other_calls: number
  readonly requests: number
  /** Requests that were told of a coupon. */
  readonly acknowledged: number
  /** Requests that were told no. */
  readonly refused: number
  /** Requests that were never told anything. */
  readonly unknown_left: number
  /** Those of them that have a coupon nevertheless. */
  readonly unknown_stored: number
  /** Requests told `sold_out` whose history does not show how its clock stands to the database's. */
  readonly unjudged: number
  /** Of each history: how far the database's clock is ahead of its caller's. null: its calls do not show it. */
  readonly clocks: readonly ({ readonly from_ms: number; readonly to_ms: number } | null)[]
}

/** Enough to find them by; a broken campaign may have millions. */
export const EXAMPLES_MAX = 10

export const lastOf = (code: string) => `…${code.slice(-4)}`

/** What is wrong, counted. */
export class Findings {
  readonly #found = new Map<Check, { count: number; examples: string[] }>()
  readonly #unchecked = new Map<Check, string>()

  note(check: Check, example: string, count = 1): void {
    const found = this.#found.get(check) ?? { count: 0, examples: [] }
    found.count += count
    if (found.examples.length < EXAMPLES_MAX) found.examples.push(example)
    this.#found.set(check, found)
  }

  /** It cannot be checked here. */
  leave(check: Check, why: string): void {
    this.#unchecked.set(check, why)
  }

  get violations(): Violation[] {
    return this.#inOrder().flatMap((check) => {
      const found = this.#found.get(check)
      return found === undefined ? [] : [{ check, detail: `Not so: ${CHECKS[check]}`, ...found }]
    })
  }

  get checks(): CheckReport[] {
    return this.#inOrder().map((check) => {
      const why = this.#unchecked.get(check)
      return { check, checked: why === undefined, detail: why ?? CHECKS[check] }
    })
  }

  #inOrder(): Check[] {
    return Object.keys(CHECKS) as Check[]
  }
}
