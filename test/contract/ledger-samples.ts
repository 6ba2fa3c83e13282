// Campaigns and coupons for tests of the ledger, different ones at every call.

import { randomBytes } from 'node:crypto'
import type { Campaign } from '../../src/campaign/campaign.ts'
import type { Author } from '../../src/access/author.ts'
import type { Coupon, NewCampaign, NewCoupon } from '../../src/ledger/ledger.ts'

const run = randomBytes(4).toString('hex')
let counted = 0

/** Who changes things. */
export const SOMEBODY: Author = { client: 'somebody', keyId: 'k1', operator: null, requestId: 'r-1' }

/** Never the same twice: the database may be shared with other cases and earlier runs. */
export function newId(): string {
  counted += 1
  return `${run}-${counted}`
}

export function newKey(): string {
  counted += 1
  return counted.toString(16).padStart(24, '0') + run
}

/** Open since a minute, 100 coupons. */
export function aCampaign(nowMs: number, change: Partial<NewCampaign> = {}): NewCampaign {
  return {
    id: newId(),
    name: 'A campaign',
    startTimeMs: nowMs - 60_000,
    endTimeMs: null,
    totalCoupons: 100,
    recipientRequired: false,
    test: false,
    codeFormat: { alphabet: 'base32', length: 16, prefix: '' },
    metadata: {},
    paused: false,
    ...change,
  }
}

/** Everything new, without a recipient; `issuedAtMs` is a second after the start of what `aCampaign` makes. */
export function aCoupon(campaign: Campaign, slot: number, change: Partial<NewCoupon> = {}): NewCoupon {
  return {
    campaignId: campaign.id,
    campaignCreatedAtMs: campaign.createdAtMs,
    campaignVersion: campaign.version,
    couponCode: newId().toUpperCase(),
    slot,
    requestKey: newKey(),
    recipient: null,
    recipientKey: null,
    issuedAtMs: campaign.startTimeMs + 1_000,
    ...change,
  }
}

export function asStored({ campaignCreatedAtMs: _, campaignVersion: __, ...coupon }: NewCoupon): Coupon {
  return coupon
}
