// The end of a campaign that was for real: once it has ended, all of it is deleted, coupons, codes, recipients and keys. What
// stays is a change that says how many coupons there were, and a checksum of them, told by an audit.

import { isDeepStrictEqual } from 'node:util'
import { auditCampaign, type AuditProgress } from '../audit/audit.ts'
import type { AuditReport } from '../audit/report.ts'
import type { AuditSource } from '../audit/source.ts'
import type { Author } from '../access/author.ts'
import type { Noted } from '../ledger/changes.ts'
import type { Ledger, LockedLedger } from '../ledger/ledger.ts'
import { campaignStatus, hasEnded, isSameCampaign, type Campaign, type CampaignStatus } from './campaign.ts'
import { biteOn, deletionOf } from './deletion.ts'
import { campaignFacts } from './facts.ts'

export type PurgeStart =
  | { readonly code: 'campaign_not_found' }
  /** `status`: what it is instead. */
  | { readonly code: 'not_ended'; readonly status: CampaignStatus }
  /** Another deletion is under way, or was broken off. */
  | { readonly code: 'being_deleted' }
  /** `begun`: what an earlier purge noted, which was broken off; the audit of what is left would tell too little. */
  | { readonly code: 'ready'; readonly campaign: Campaign; readonly highestSlot: number; readonly begun: Noted | null }

export type PurgeAnswer =
  | { readonly code: 'purged'; readonly noted: Noted }
  | { readonly code: 'violated'; readonly report: AuditReport }
  /** Meanwhile: nothing was deleted. */
  | { readonly code: 'campaign_changed' }

export interface PurgeOptions {
  readonly by: Author
  readonly isViolatedToo: boolean
  readonly onAudit: (progress: AuditProgress) => void
  /** Told the last slot that is gone. */
  readonly onBite: (lastSlot: number) => void
}

/** Under the lock, which waits for every coupon under way: of a campaign that has ended, the rows stand still from then on. */
export function beginPurge(ledger: Pick<Ledger, 'lock'>, id: string): Promise<PurgeStart> {
  return ledger.lock([id], async (locked) => {
    const campaign = locked.campaigns.get(id)
    if (campaign === undefined) return { code: 'campaign_not_found' }
    const deletion = await deletionOf(locked, campaign)
    if (deletion?.action === 'campaign.deleted') return { code: 'being_deleted' }
    if (!hasEnded(campaign, locked.nowMs))
      return { code: 'not_ended', status: campaignStatus(campaign, locked.nowMs, 0) }
    const [highestSlot = 0] = await locked.maxSlots([id])
    return { code: 'ready', campaign, highestSlot, begun: deletion?.after ?? null }
  })
}

/** @param start what beginPurge found ready */
export async function purge(
  ledger: Pick<Ledger, 'lock'>,
  source: AuditSource,
  { campaign, begun }: Extract<PurgeStart, { code: 'ready' }>,
  options: PurgeOptions,
): Promise<PurgeAnswer> {
  if (begun !== null) {
    await biteOn(ledger, campaign, 0, options.onBite)
    return { code: 'purged', noted: begun }
  }
  // No grace: nobody gets a coupon any more.
  const report = await auditCampaign(source, campaign.id, { graceMs: 0, onProgress: options.onAudit })
  if (report === null) return { code: 'campaign_changed' }
  if (report.verdict === 'violated' && !options.isViolatedToo) return { code: 'violated', report }
  const noted = {
    issued_count: report.issued_count,
    through_slot: report.through_slot,
    checksum: report.checksum,
    verdict: report.verdict,
    as_of: report.as_of,
  }
  const afterSlot = await ledger.lock([campaign.id], async (locked) => {
    if (await isNoted(locked, campaign, noted)) return 0
    if (!(await isAsAudited(locked, campaign, report))) return null
    await locked.noteChange({
      by: options.by,
      action: 'campaign.purged',
      campaignId: campaign.id,
      before: campaignFacts(campaign),
      after: noted,
    })
    return (await locked.deleteCoupons(campaign.id, 0)) ?? 0
  })
  if (afterSlot === null) return { code: 'campaign_changed' }
  options.onBite(afterSlot)
  await biteOn(ledger, campaign, afterSlot, options.onBite)
  return { code: 'purged', noted }
}

/** By this very purge: its first bite was taken, and the answer was lost. */
async function isNoted(locked: LockedLedger, campaign: Campaign, noted: Noted): Promise<boolean> {
  return isDeepStrictEqual((await deletionOf(locked, campaign))?.after, noted)
}

async function isAsAudited(locked: LockedLedger, campaign: Campaign, report: AuditReport): Promise<boolean> {
  const now = locked.campaigns.get(campaign.id)
  if (now === undefined || !isSameCampaign(now, campaign) || now.version !== campaign.version) return false
  if (!hasEnded(now, locked.nowMs) || (await deletionOf(locked, now)) !== null) return false
  return (await locked.maxSlots([campaign.id]))[0] === report.highest_slot
}
