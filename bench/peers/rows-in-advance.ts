// All coupons are there before anybody comes, without an owner: each caller locks the first that nobody else has locked.

import type { Pool } from 'mysql2/promise'
import { couponOf, inTransaction, isDuplicate, type GiveCoupon } from './peer.ts'

export function rowsInAdvance(pool: Pool): GiveCoupon {
  return async (campaignId, recipient) => {
    try {
      return await inTransaction(pool, async (run) => {
        const [row] = await run<{ id: number; slot: number; code: string }[]>(
          'SELECT id, slot, code FROM coupons WHERE campaign_id = ? AND recipient IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED',
          [campaignId],
        )
        if (row === undefined) return null
        const issuedAt = new Date()
        await run('UPDATE coupons SET recipient = ?, issued_at = ? WHERE id = ?', [recipient, issuedAt, row.id])
        return { slot: row.slot, code: row.code, issuedAt, isReplayed: false }
      })
    } catch (error) {
      if (isDuplicate(error)) return couponOf(pool, campaignId, recipient)
      throw error
    }
  }
}
