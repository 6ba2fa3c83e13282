// Lock the campaign, count its coupons, insert one more: what most would write first. The count grows with the campaign.

import type { Pool } from 'mysql2/promise'
import { couponOf, inTransaction, isDuplicate, newCode, type GiveCoupon } from './peer.ts'

export function lockedCount(pool: Pool): GiveCoupon {
  return async (campaignId, recipient) => {
    try {
      return await inTransaction(pool, async (run) => {
        const [campaign] = await run<{ total: number }[]>('SELECT total FROM campaigns WHERE id = ? FOR UPDATE', [
          campaignId,
        ])
        const [counted] = await run<{ issued: number }[]>(
          'SELECT COUNT(*) AS issued FROM coupons WHERE campaign_id = ?',
          [campaignId],
        )
        if (campaign === undefined || counted === undefined) throw new Error('no such campaign')
        if (counted.issued >= campaign.total) return null
        const coupon = { slot: counted.issued + 1, code: newCode(), issuedAt: new Date(), isReplayed: false }
        await run('INSERT INTO coupons (campaign_id, code, slot, recipient, issued_at) VALUES (?, ?, ?, ?, ?)', [
          campaignId,
          coupon.code,
          coupon.slot,
          recipient,
          coupon.issuedAt,
        ])
        return coupon
      })
    } catch (error) {
      if (isDuplicate(error)) return couponOf(pool, campaignId, recipient)
      throw error
    }
  }
}
