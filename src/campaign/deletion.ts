// How a campaign goes, with its coupons: in bites, a lock for each, so that all others get their turns. What is noted in the
// transaction of the first bite says who decided it, and is how everybody knows that there is no way back.

import type { Author } from '../access/author.ts'
import type { Change } from '../ledger/changes.ts'
import type { ChangeReader, Ledger, LockedLedger } from '../ledger/ledger.ts'
import { isSameCampaign, type Campaign } from './campaign.ts'
import { campaignFacts } from './facts.ts'

/** What was noted when its deletion began. null: nobody has begun. */
export async function deletionOf(ledger: ChangeReader, campaign: Campaign): Promise<Change | null> {
  // Nothing is noted behind it: a campaign that is going takes no change any more.
  const page = { limit: 1, beforeId: null, campaignId: campaign.id, client: null, action: null }
  const [newest] = await ledger.listChanges(page)
  const isDeletion = newest?.action === 'campaign.deleted' || newest?.action === 'campaign.purged'
  if (newest === undefined || !isDeletion) return null
  return newest.before?.['created_at'] === campaignFacts(campaign).created_at ? newest : null
}

/**
 * Deletes what one bite can. A campaign that needs more is paused, so that nothing is issued behind the bites.
 * → null: it is gone; else the last slot that was deleted
 */
export async function biteFirst(locked: LockedLedger, campaign: Campaign, by: Author): Promise<number | null> {
  const { id } = campaign
  // Once: whoever goes on with it has decided nothing.
  if ((await deletionOf(locked, campaign)) === null) {
    const before = campaignFacts(campaign)
    await locked.noteChange({ by, action: 'campaign.deleted', campaignId: id, before, after: null })
  }
  const [maxSlot] = await locked.maxSlots([id])
  const lastSlot = maxSlot === 0 ? 0 : await locked.deleteCoupons(id, 0)
  if (lastSlot === maxSlot) {
    await locked.deleteCampaign(id)
    return null
  }
  if (!campaign.paused) await locked.updateCampaign({ ...campaign, paused: true, version: campaign.version + 1 })
  return lastSlot ?? 0
}

/** The other bites, and at last the campaign. Harmless where somebody else does the same. */
export async function biteOn(
  ledger: Pick<Ledger, 'lock'>,
  campaign: Campaign,
  afterSlot: number,
  onBite: (lastSlot: number) => void = () => {},
): Promise<void> {
  const { id } = campaign
  for (let slot: number | null = afterSlot; slot !== null;) {
    const from: number = slot
    slot = await ledger.lock([id], async (locked) =>
      isThere(locked, campaign) ? locked.deleteCoupons(id, from) : null,
    )
    if (slot !== null) onBite(slot)
  }
  await ledger.lock([id], async (locked) => {
    if (isThere(locked, campaign)) await locked.deleteCampaign(id)
  })
}

function isThere(locked: LockedLedger, campaign: Campaign): boolean {
  const now = locked.campaigns.get(campaign.id)
  return now !== undefined && isSameCampaign(now, campaign)
}
