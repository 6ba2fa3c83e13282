// What must hold of every row, looked at one after the other in the order of their slots.

import { createHash, type Hash } from 'node:crypto'
import { Gaps } from './gaps.ts'
import { recipientKey } from './keys.ts'
import { type Check, EXAMPLES_MAX, type Findings, lastOf } from './report.ts'
import type { AuditedCampaign, AuditedCoupon, AuditSnapshot } from './source.ts'

/**
 * Databases that take over from each other have clocks of their own, and a clock may be set back: so far two times may be
 * apart without a coupon being wrong. The start is judged to the millisecond, for it is compared when a row is written.
 */
export const CLOCK_STEP_MS_MAX = 1_000

export class Rows {
  readonly #campaign: AuditedCampaign
  readonly #showsKeys: boolean
  readonly #findings: Findings
  readonly #checksum: Hash = createHash('sha256')
  readonly gaps: Gaps
  count = 0
  withRecipientKey = 0
  highest = 0
  #lastSlot: number | null = null
  #latestMs = 0
  /** Before the start as it was; and the earliest of all, should that have been another one by then. */
  #early = new Noted()
  #earliest: { readonly issuedAtMs: number; readonly example: string } | null = null
  #withoutRecipient = new Noted()
  #above = 0
  readonly #aboveFirst: { readonly slot: number; readonly example: string }[] = []

  constructor({ campaign, asOfMs, showsKeys }: AuditSnapshot, graceMs: number, findings: Findings) {
    this.#campaign = campaign
    this.#showsKeys = showsKeys
    this.#findings = findings
    this.gaps = new Gaps(asOfMs - graceMs)
  }

  /** @param coupons ascending by slot */
  see(coupons: readonly AuditedCoupon[]): void {
    let lines = ''
    for (const coupon of coupons) {
      this.#check(coupon)
      this.gaps.see(coupon.slot, coupon.issuedAtMs)
      if (coupon.slot >= 1 && coupon.slot <= this.gaps.through) lines += canonical(coupon)
    }
    this.#checksum.update(lines)
  }

  #check(coupon: AuditedCoupon): void {
    const { slot, couponCode, issuedAtMs, recipient } = coupon
    const { startTimeMs, createdAtMs, totalCoupons } = this.#campaign
    const note = (check: Check) => this.#findings.note(check, exampleOf(slot, couponCode))
    this.count++
    if (coupon.recipientKey !== null) this.withRecipientKey++
    this.highest = Math.max(this.highest, slot)
    this.#latestMs = Math.max(this.#latestMs, issuedAtMs)
    if (slot < 1) note('slots_in_range')
    if (slot > totalCoupons && ++this.#above <= EXAMPLES_MAX)
      this.#aboveFirst.push({ slot, example: exampleOf(slot, couponCode) })
    if (slot === this.#lastSlot) note('slots_distinct')
    this.#lastSlot = slot
    if (issuedAtMs < startTimeMs) this.#early.add(slot, couponCode)
    if (issuedAtMs < (this.#earliest?.issuedAtMs ?? Infinity))
      this.#earliest = { issuedAtMs, example: exampleOf(slot, couponCode) }
    if (issuedAtMs < createdAtMs - CLOCK_STEP_MS_MAX) note('not_before_creation')
    // The name was erased where the key is.
    if (recipient === null && coupon.recipientKey === null) this.#withoutRecipient.add(slot, couponCode)
    if (this.#showsKeys && recipient !== null && coupon.recipientKey !== recipientKey(recipient)) note('recipient_keys')
  }

  /** What only the end shows. */
  end(after: { readonly campaign: AuditedCampaign; readonly nowMs: number }): void {
    this.#endFixed(after.campaign)
    // A total can be raised between a first look and the rows. It is never lowered below a slot that has a row.
    const total = Math.max(this.#campaign.totalCoupons, after.campaign.totalCoupons)
    if (this.highest > total) {
      const [first, ...others] = this.#aboveFirst.filter(({ slot }) => slot > total)
      const more = total === this.#campaign.totalCoupons ? this.#above - others.length : 1
      this.#findings.note('slots_in_range', first?.example ?? `slot ${this.highest}`, more)
      for (const { example } of others) this.#findings.note('slots_in_range', example)
    }
    if (this.count > total)
      this.#findings.note('rows_within_total', `${this.count} rows of ${total}`, this.count - total)
    if (this.#latestMs > after.nowMs + CLOCK_STEP_MS_MAX)
      this.#findings.note('not_in_future', new Date(this.#latestMs).toISOString())
  }

  /** Start and recipient are fixed once there is a coupon: what they are afterwards, they were for every row. */
  #endFixed({ startTimeMs, recipientRequired }: AuditedCampaign): void {
    if (startTimeMs === this.#campaign.startTimeMs) this.#early.tell('not_before_start', this.#findings)
    else if (this.#earliest !== null && this.#earliest.issuedAtMs < startTimeMs)
      this.#findings.note('not_before_start', this.#earliest.example)
    if (recipientRequired && this.#showsKeys) this.#withoutRecipient.tell('recipients_present', this.#findings)
  }

  /** Rows without a recipient, of which nobody can say whether it was erased: keys are not shown. */
  get hasDoubtful(): boolean {
    return !this.#showsKeys && this.#withoutRecipient.count > 0
  }

  get checksum(): string {
    return this.#checksum.copy().digest('hex')
  }
}

/** What is wrong only if the campaign is such, as the end shows. */
class Noted {
  count = 0
  readonly #examples: string[] = []

  add(slot: number, code: string): void {
    if (++this.count <= EXAMPLES_MAX) this.#examples.push(exampleOf(slot, code))
  }

  tell(check: Check, findings: Findings): void {
    const [first, ...others] = this.#examples
    if (first === undefined) return
    findings.note(check, first, this.count - others.length)
    for (const example of others) findings.note(check, example)
  }
}

function exampleOf(slot: number, code: string): string {
  return `slot ${slot}, code ${lastOf(code)}`
}

/** What a caller is told of a coupon, in a form that has no second way of writing it. */
function canonical({ slot, couponCode, recipient, issuedAtMs }: AuditedCoupon): string {
  return `${JSON.stringify([slot, couponCode, recipient, issuedAtMs])}\n`
}
