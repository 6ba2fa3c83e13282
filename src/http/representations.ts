// How campaigns and coupons look on the wire, and how bodies become what the campaign's rules speak of.

import type { CampaignChange, CampaignView, CampaignWish } from '../campaign/campaigns.ts'
import { campaignFacts } from '../campaign/facts.ts'
import type { Change } from '../ledger/changes.ts'
import type { Coupon } from '../ledger/ledger.ts'
import type { ChangeCampaignBody, CreateCampaignBody } from './request-schemas.ts'
import { readMetadata, readText, type Read } from './texts.ts'
import { formatTime, readTime } from './times.ts'

export function campaignJson({ campaign, issuedCount, status, nowMs }: CampaignView) {
  const { id, name, start_time, end_time, total_coupons, ...others } = campaignFacts(campaign)
  return {
    id,
    name,
    status,
    start_time,
    end_time,
    total_coupons,
    issued_count: issuedCount,
    // The total may have been lowered between the reading of the campaign and the counting.
    remaining_count: Math.max(0, total_coupons - issuedCount),
    ...others,
    updated_at: formatTime(campaign.updatedAtMs),
    server_time: formatTime(nowMs),
  }
}

export function changeJson({ id, atMs, by, action, campaignId, before, after }: Change) {
  return {
    id,
    at: formatTime(atMs),
    client: by.client,
    key_id: by.keyId,
    operator: by.operator,
    action,
    campaign_id: campaignId,
    before,
    after,
    request_id: by.requestId,
  }
}

export function couponJson(coupon: Coupon) {
  return {
    campaign_id: coupon.campaignId,
    coupon_code: coupon.couponCode,
    slot: coupon.slot,
    recipient: coupon.recipient,
    issued_at: formatTime(coupon.issuedAtMs),
  }
}

export function campaignWish(body: CreateCampaignBody): CampaignWish {
  return {
    id: body.id ?? null,
    name: kept(readText(body.name)),
    startTimeMs: startTimeMs(body.start_time),
    endTimeMs: endTimeMs(body.end_time ?? null),
    totalCoupons: body.total_coupons,
    paused: body.paused ?? false,
    recipientRequired: body.recipient_required ?? false,
    test: body.test ?? false,
    codeFormat: body.code_format ?? {},
    metadata: kept(readMetadata(body.metadata ?? {})),
  }
}

export function campaignChange(body: ChangeCampaignBody): CampaignChange {
  return {
    ...(body.name !== undefined && { name: kept(readText(body.name)) }),
    ...(body.start_time !== undefined && { startTimeMs: startTimeMs(body.start_time) }),
    ...(body.end_time !== undefined && { endTimeMs: endTimeMs(body.end_time) }),
    ...(body.total_coupons !== undefined && { totalCoupons: body.total_coupons }),
    ...(body.paused !== undefined && { paused: body.paused }),
    ...(body.recipient_required !== undefined && { recipientRequired: body.recipient_required }),
    ...(body.code_format !== undefined && { codeFormat: body.code_format }),
    ...(body.metadata !== undefined && { metadata: kept(readMetadata(body.metadata)) }),
  }
}

/** A recipient, or what is looked for in names, as texts are stored. null: none was sent. */
export function textOf(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : kept(readText(text))
}

function startTimeMs(time: string): number | 'now' {
  return time === 'now' ? 'now' : kept(readTime(time))
}

function endTimeMs(time: string | null): number | null {
  return time === null ? null : kept(readTime(time))
}

/** The schema let it pass by the same function: a refusal here is a mistake of ours. */
function kept<T>(read: Read<T>): T {
  if ('wrong' in read) throw new Error('a value passed its schema and not its reader')
  return read.value
}
