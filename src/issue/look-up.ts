// The first station: what the ledger says of a request before a slot is asked for, in the order of precedence of the
// answers. The same words serve under the lock of the ledger way.

import { hasEnded } from '../campaign/campaign.ts'
import type { Coupon, CouponKey, ReadAnswer, ReadQuery } from '../ledger/ledger.ts'
import type { Memories } from './memories.ts'
import type { Outcome } from './outcome.ts'
import { nameOf, type IssueRequest } from './request.ts'

/** What must be read to decide these requests, no two of which are the same or of one recipient: see Claims. */
export function queryFor(requests: readonly IssueRequest[]): ReadQuery {
  const campaignIds = new Set<string>()
  const requestKeys: CouponKey[] = []
  const recipientKeys: CouponKey[] = []
  for (const { campaignId, requestKey, recipientKey, mayHaveCoupon } of requests) {
    campaignIds.add(campaignId)
    if (mayHaveCoupon) requestKeys.push({ campaignId, key: requestKey })
    if (recipientKey !== null) recipientKeys.push({ campaignId, key: recipientKey })
  }
  return { campaignIds: [...campaignIds], requestKeys, recipientKeys, slots: [] }
}

/** Coupons by each way they can be found; the campaign is part of every name. */
export class FoundCoupons {
  readonly #byRequest = new Map<string, Coupon>()
  readonly #byRecipient = new Map<string, Coupon>()
  readonly #slots = new Set<string>()

  constructor(coupons: readonly Coupon[]) {
    for (const coupon of coupons) {
      this.#byRequest.set(nameOf(coupon.campaignId, coupon.requestKey), coupon)
      if (coupon.recipientKey !== null) this.#byRecipient.set(nameOf(coupon.campaignId, coupon.recipientKey), coupon)
      this.#slots.add(`${coupon.campaignId}/${coupon.slot}`)
    }
  }

  ofRequest({ requestName }: IssueRequest): Coupon | undefined {
    // In a rush nobody has one: then a look costs nothing.
    return this.#byRequest.size === 0 ? undefined : this.#byRequest.get(requestName)
  }

  ofRecipient({ recipientName }: IssueRequest): Coupon | undefined {
    return this.#byRecipient.size === 0 || recipientName === null ? undefined : this.#byRecipient.get(recipientName)
  }

  isSlotTaken(request: IssueRequest): boolean {
    return this.#slots.has(`${request.campaignId}/${request.slot}`)
  }
}

/**
 * Is this row the one that we wrote for this request, in a statement whose answer was lost? A key that we made nobody else
 * has; with a key of the caller's it may be of an earlier call, unless it has our code: those are never guessed alike.
 */
export function isOwnRow(request: IssueRequest, coupon: Coupon): boolean {
  if (coupon.requestKey !== request.requestKey || coupon.recipientKey !== request.recipientKey) return false
  return !request.hasCallersKey || coupon.couponCode === request.code
}

/**
 * The answer, or null: a slot is wanted.
 * @param lookedUpAt when the look-up began (Memories.tick): "sold out" is told only by a look-up that began after its proof
 */
export function decide(
  request: IssueRequest,
  read: ReadAnswer,
  found: FoundCoupons,
  memories: Memories,
  lookedUpAt: number,
): Outcome | null {
  const campaign = read.campaigns.get(request.campaignId)
  if (campaign === undefined) return { code: 'campaign_not_found' }
  const before = request.campaign
  request.campaign = campaign
  request.lookedUpAt = lookedUpAt
  request.issuedAtMs = read.nowMs

  const ofRequest = found.ofRequest(request)
  if (ofRequest !== undefined) {
    if (isOwnRow(request, ofRequest)) return { code: 'issued', coupon: ofRequest }
    if (ofRequest.recipientKey !== request.recipientKey) return { code: 'idempotency_key_reused' }
    return { code: 'replayed', by: 'request', coupon: ofRequest }
  }
  const ofRecipient = found.ofRecipient(request)
  if (ofRecipient !== undefined) return { code: 'replayed', by: 'recipient', coupon: ofRecipient }

  if (campaign.recipientRequired && request.recipient === null) return { code: 'recipient_required' }
  if (campaign.paused) return { code: 'campaign_paused' }
  if (read.nowMs < campaign.startTimeMs) {
    return { code: 'campaign_not_started', startTimeMs: campaign.startTimeMs, nowMs: read.nowMs }
  }
  if (hasEnded(campaign, read.nowMs)) return { code: 'campaign_ended', endTimeMs: campaign.endTimeMs as number }
  if (memories.isSoldOut(campaign, lookedUpAt)) return { code: 'sold_out' }
  // The format of its codes may be another one now.
  if (before !== null && before.version !== campaign.version) request.code = null
  return null
}
