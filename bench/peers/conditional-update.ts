// The database counts: an UPDATE that only takes place while there is one left, and the INSERT, in one transaction. All who
// come wait for the campaign's row, one behind the other.

import type { Pool, ResultSetHeader } from 'mysql2/promise'
import { couponOf, inTransaction, isDuplicate, newCode, type GiveCoupon } from './peer.ts'

export function conditionalUpdate(pool: Pool): GiveCoupon {
  return async (campaignId, recipient) => {
    try {
      return await inTransaction(pool, async (run) => {
        // With LAST_INSERT_ID the reply brings the new number: no statement more.
        const { affectedRows, insertId: slot } = await run<ResultSetHeader>(
          'UPDATE campaigns SET issued = LAST_INSERT_ID(issued + 1) WHERE id = ? AND issued < total',
          [campaignId],
        )
        if (affectedRows === 0) return null
        const coupon = { slot, code: newCode(), issuedAt: new Date(), isReplayed: false }
        await run('INSERT INTO coupons (campaign_id, code, slot, recipient, issued_at) VALUES (?, ?, ?, ?, ?)', [
          campaignId,
          coupon.code,
          slot,
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
