// Rows that a test holds in its hands, as a source: for what needs no database.

import { exportedAuditSource } from '../../src/audit/exported.ts'
import type { AuditedCampaign, AuditedCoupon, AuditSource } from '../../src/audit/source.ts'

export interface Held {
  campaign: AuditedCampaign
  coupons: readonly AuditedCoupon[]
  nowMs: number
  /** Rows handed out at once. */
  readonly pageRows?: number
  readonly showsKeys?: boolean
  /** By the id of its API key. */
  readonly clients?: Readonly<Record<string, string>>
  /** Before the rows are handed out, each time. */
  readonly onRows?: () => void
}

export function heldSource(held: Held): AuditSource {
  return exportedAuditSource({
    showsKeys: held.showsKeys ?? true,
    clientOf: async (id) => held.clients?.[id] ?? null,
    campaign: async (id) =>
      id === held.campaign.id ? { campaign: held.campaign, nowMs: held.nowMs, issuedCount: held.coupons.length } : null,
    async coupons({ createdAtMs }, take) {
      held.onRows?.()
      const rows = held.coupons.toSorted((a, b) => a.slot - b.slot)
      const pageRows = held.pageRows ?? 2
      for (let from = 0; from < rows.length; from += pageRows) await take(rows.slice(from, from + pageRows))
      return held.campaign.createdAtMs === createdAtMs
    },
  })
}
