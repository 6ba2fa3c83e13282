// The rows as somebody sees them who can only ask for a campaign and for all of its coupons: a caller over HTTP, or the
// owner of a database that lives in one connection. The coupons are one moment; the campaign is asked before and after.

import type { AuditedCampaign, AuditedCoupon, AuditSnapshot, AuditSource } from './source.ts'

export interface Exported {
  readonly showsKeys: boolean
  /** null: there is no such campaign. */
  campaign(campaignId: string): Promise<ExportedCampaign | null>
  /** All of one moment, ascending by slot. Throws ExportGone. */
  coupons(campaign: AuditedCampaign): AsyncIterable<readonly AuditedCoupon[]>
}

export interface ExportedCampaign {
  readonly campaign: AuditedCampaign
  /** The clock of the database. */
  readonly nowMs: number
  readonly issuedCount: number
}

/** The campaign went away while it was read. */
export class ExportGone extends Error {
  override readonly name = 'ExportGone'
}

export function exportedAuditSource(exported: Exported): AuditSource {
  return {
    async snapshot(campaignId, work) {
      const before = await exported.campaign(campaignId)
      if (before === null) return null
      try {
        return await work(snapshotOf(exported, before))
      } catch (error) {
        if (error instanceof ExportGone) return null
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
    rows: () => exported.coupons(campaign),
    ordered: () => null,
    async again() {
      const after = await exported.campaign(campaign.id)
      // An id comes back after a deletion; then it is another campaign.
      return after?.campaign.createdAtMs === campaign.createdAtMs ? after : null
    },
  }
}
