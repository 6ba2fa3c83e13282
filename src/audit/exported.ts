// The rows as somebody sees them who can only ask for a campaign and for all of its coupons: a caller over HTTP, or the
// owner of a database that lives in one connection. The coupons are one moment; the campaign is asked before and after.

import type { CampaignIdentity } from '../campaign/campaign.ts'
import type { AuditedCampaign, AuditedCoupon, AuditSnapshot, AuditSource } from './source.ts'

export interface Exported {
  readonly showsKeys: boolean
  /** None: it cannot be told. */
  clientOf?(apiKeyId: string): Promise<string | null>
  /** null: there is no such campaign. */
  campaign(campaignId: string): Promise<ExportedCampaign | null>
  /**
   * All of one moment, ascending by slot: `take` gets page after page and is waited for.
   *   → false   the campaign is gone: what was taken is not whole
   */
  coupons(campaign: CampaignIdentity, take: (coupons: readonly AuditedCoupon[]) => Promise<void>): Promise<boolean>
}

export interface ExportedCampaign {
  readonly campaign: AuditedCampaign
  /** The clock of the database. */
  readonly nowMs: number
  readonly issuedCount: number
}

/** The campaign went away while it was read. */
class Gone extends Error {}

export function exportedAuditSource(exported: Exported): AuditSource {
  return {
    async snapshot(campaignId, work) {
      const before = await exported.campaign(campaignId)
      if (before === null) return null
      try {
        return await work(snapshotOf(exported, before))
      } catch (error) {
        if (error instanceof Gone) return null
        throw error
      }
    },
  }
}

function snapshotOf(exported: Exported, { campaign, nowMs, issuedCount }: ExportedCampaign): AuditSnapshot {
  return {
    campaign,
    asOfMs: nowMs,
    expectedRows: issuedCount,
    showsKeys: exported.showsKeys,
    missingKeys: null,
    clientOf: exported.clientOf ?? (async () => null),
    async rows(take) {
      if (!(await exported.coupons(campaign, take))) throw new Gone()
    },
    ordered: () => null,
    async again() {
      const after = await exported.campaign(campaign.id)
      // An id comes back after a deletion; then it is another campaign.
      return after?.campaign.createdAtMs === campaign.createdAtMs ? after : null
    },
  }
}
