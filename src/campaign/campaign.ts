// The noun. What a campaign is, and what a new request would be told of it.

/** Ids come back after a deletion: whoever remembers a campaign remembers both, so that the new one is never taken for the old. */
export interface CampaignIdentity {
  readonly id: string
  readonly createdAtMs: number
}

export interface CodeFormat {
  readonly alphabet: 'base32' | 'digits' | 'hangul'
  /** Random characters, without the prefix. */
  readonly length: number
  readonly prefix: string
}

/** What the path of an issue needs to know. Times are UTC milliseconds since 1970. */
export interface CampaignState extends CampaignIdentity {
  readonly startTimeMs: number
  readonly endTimeMs: number | null
  readonly totalCoupons: number
  readonly paused: boolean
  readonly recipientRequired: boolean
  readonly codeFormat: CodeFormat
  /** Counts changes, from 1. */
  readonly version: number
}

export interface Campaign extends CampaignState {
  readonly name: string
  readonly test: boolean
  readonly metadata: Readonly<Record<string, unknown>>
  /** The total at which it was last proved sold out: a hint for lists, never for a decision. */
  readonly soldOutTotal: number | null
  readonly updatedAtMs: number
}

export const CAMPAIGN_STATUSES = ['scheduled', 'open', 'paused', 'sold_out', 'ended'] as const
export type CampaignStatus = (typeof CAMPAIGN_STATUSES)[number]

/** What a new request without a coupon would be told now, in the order of precedence of the answers. */
export function campaignStatus(campaign: CampaignState, nowMs: number, issuedCount: number): CampaignStatus {
  if (campaign.paused) return 'paused'
  if (nowMs < campaign.startTimeMs) return 'scheduled'
  if (hasEnded(campaign, nowMs)) return 'ended'
  return issuedCount >= campaign.totalCoupons ? 'sold_out' : 'open'
}

/** The end is exclusive: at `end_time` itself nothing is issued any more. */
export function hasEnded(campaign: CampaignState, nowMs: number): boolean {
  return campaign.endTimeMs !== null && nowMs >= campaign.endTimeMs
}

/** For maps whose keys are campaigns. */
export function identityKey({ id, createdAtMs }: CampaignIdentity): string {
  return `${id}:${createdAtMs}`
}

/** Two campaigns are the same only when both parts are. */
export function isSameCampaign(a: CampaignIdentity, b: CampaignIdentity): boolean {
  return a.id === b.id && a.createdAtMs === b.createdAtMs
}
