// A recipient is forgotten: in every campaign the name goes, and the key stays, by which they would find their coupon again.

import type { Author } from '../access/author.ts'
import { recipientKeyOf } from '../ledger/coupon-keys.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { CampaignIdentity } from './campaign.ts'

/** Campaigns looked at in one transaction: as many looks into an index, some milliseconds. */
const CAMPAIGNS_A_TURN = 100

/**
 * @param recipient in its stored form
 * @param onTurn told how many campaigns were looked at
 * → how many coupons were theirs, and had the name still
 */
export async function eraseRecipient(
  ledger: Pick<Ledger, 'listCampaigns' | 'lock'>,
  recipient: string,
  by: Author,
  onTurn: (campaigns: number) => void = () => {},
): Promise<number> {
  const key = recipientKeyOf(recipient)
  let after: CampaignIdentity | null = null
  let coupons = 0
  let looked = 0
  for (;;) {
    const page: { readonly campaigns: readonly CampaignIdentity[] } = await ledger.listCampaigns({
      limit: CAMPAIGNS_A_TURN,
      after,
      test: 'all',
      status: null,
      text: null,
    })
    const last = page.campaigns.at(-1)
    if (last === undefined) return coupons
    const ids = page.campaigns.map(({ id }) => id)
    coupons += await ledger.lock([], async (locked) => {
      const count = await locked.eraseRecipient(ids, key)
      const noted = { by, campaignId: null, before: null, after: { coupons: count } }
      if (count > 0) await locked.noteChange({ ...noted, action: 'recipient.erased' })
      return count
    })
    onTurn((looked += ids.length))
    after = last
  }
}
