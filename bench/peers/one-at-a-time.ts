// The original's algorithm, step by step: SELECT the campaign, a Lua script counts on in Redis, INSERT the coupon; when that
// fails, count back.

import { createClient } from '@redis/client'
import type { Pool } from 'mysql2/promise'
import { couponOf, isDuplicate, newCode, type GiveCoupon } from './peer.ts'

/** KEYS[1] the counter, ARGV[1] the total → the number of this coupon, 0: there is none left */
const COUNT = `
local issued = tonumber(redis.call('GET', KEYS[1]) or '0')
if issued >= tonumber(ARGV[1]) then return 0 end
return redis.call('INCR', KEYS[1])`

export async function oneAtATime(pool: Pool, redisUrl: string): Promise<GiveCoupon> {
  const redis = createClient({ url: redisUrl })
  await redis.connect()
  const script = await redis.scriptLoad(COUNT)
  return async (campaignId, recipient) => {
    const [campaigns] = await pool.execute('SELECT total, start_time FROM campaigns WHERE id = ?', [campaignId])
    const [campaign] = campaigns as { total: number; start_time: Date }[]
    if (campaign === undefined || campaign.start_time.getTime() > Date.now()) throw new Error('not open')
    const counter = `peer:${campaignId}`
    const slot = Number(await redis.evalSha(script, { keys: [counter], arguments: [String(campaign.total)] }))
    if (slot === 0) return null
    const coupon = { slot, code: newCode(), issuedAt: new Date(), isReplayed: false }
    try {
      await pool.execute('INSERT INTO coupons (campaign_id, code, slot, recipient, issued_at) VALUES (?, ?, ?, ?, ?)', [
        campaignId,
        coupon.code,
        slot,
        recipient,
        coupon.issuedAt,
      ])
    } catch (error) {
      await redis.decr(counter)
      if (isDuplicate(error)) return couponOf(pool, campaignId, recipient)
      throw error
    }
    return coupon
  }
}
