// Fills a campaign straight in its ledger, without the path: for tests and measurements that need many coupons to read.

import { randomBytes } from 'node:crypto'
import type { Campaign } from '../../src/campaign/campaign.ts'
import { recipientKeyOf } from '../../src/ledger/coupon-keys.ts'
import type { Ledger, NewCoupon } from '../../src/ledger/ledger.ts'

/** A statement of some 300 kB: well within the time that the ledger gives one. */
const BATCH_ROWS = 1_000
/** As many statements at once as the path has batches. */
const WRITERS = 4

/** Slots 1..`count`, with codes and keys as random as real ones. @param recipientOf different for each slot, or null */
export async function issueMany(
  ledger: Ledger,
  campaign: Campaign,
  count: number,
  recipientOf: (slot: number) => string | null,
): Promise<void> {
  const { nowMs } = await ledger.ping()
  let nextSlot = 1
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (nextSlot <= count) {
        const from = nextSlot
        nextSlot += BATCH_ROWS
        const rows: NewCoupon[] = []
        for (let slot = from; slot <= Math.min(count, from + BATCH_ROWS - 1); slot++) {
          const recipient = recipientOf(slot)
          rows.push({
            campaignId: campaign.id,
            campaignCreatedAtMs: campaign.createdAtMs,
            campaignVersion: campaign.version,
            couponCode: randomBytes(8).toString('hex').toUpperCase(),
            slot,
            requestKey: Date.now().toString(16).padStart(12, '0') + randomBytes(10).toString('hex'),
            recipient,
            recipientKey: recipient === null ? null : recipientKeyOf(recipient),
            issuedAtMs: nowMs,
          })
        }
        const answer = await ledger.record(rows)
        if (answer.status !== 'recorded' || answer.count < rows.length) throw new Error('not all coupons were recorded')
      }
    }),
  )
}
