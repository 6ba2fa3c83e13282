// A campaign in the words of the API, as far as it is what somebody decided: what changes note, and what answers begin with.

import type { Campaign } from './campaign.ts'

export function campaignFacts(campaign: Campaign) {
  return {
    id: campaign.id,
    name: campaign.name,
    start_time: timeOf(campaign.startTimeMs),
    end_time: campaign.endTimeMs === null ? null : timeOf(campaign.endTimeMs),
    total_coupons: campaign.totalCoupons,
    paused: campaign.paused,
    recipient_required: campaign.recipientRequired,
    test: campaign.test,
    code_format: campaign.codeFormat,
    metadata: campaign.metadata,
    version: campaign.version,
    created_at: timeOf(campaign.createdAtMs),
  }
}

/** RFC 3339, UTC with milliseconds. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
