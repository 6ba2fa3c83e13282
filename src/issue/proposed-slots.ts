// Slots for the ledger way that are on their way to nobody else. The lowest without a row may be: others on the fast way have
// reserved them, would meet the rows, come to the ledger way too, and take those of others again, until nobody is left on the
// fast way. So while the counter has slots, it is asked here as well.

import type { CampaignState } from '../campaign/campaign.ts'
import { CounterUnavailable, type Counter } from '../counter/counter.ts'
import type { SlotRange } from '../ledger/ledger.ts'
import type { IssueRequest } from './request.ts'

/**
 * A run for the requests of each campaign, by its id; none where the counter has nothing left, is away, or is not to be asked.
 * Hints, as all that a counter says: whether they are free is seen under the lock.
 *
 * @param requests were looked up
 */
export async function proposedSlots(
  counter: Counter | null,
  requests: readonly IssueRequest[],
): Promise<ReadonlyMap<string, SlotRange>> {
  const proposed = new Map<string, SlotRange>()
  const reasons = new Set(requests.map(({ ledgerWayReason }) => ledgerWayReason))
  // Otherwise it was asked, and had no answer; and at the end of a campaign gaps are what is wanted.
  if (counter === null || !reasons.has('collisions') || reasons.has('nothing_left')) return proposed
  const campaigns = Map.groupBy(requests, ({ campaign }) => campaign as CampaignState)
  const asks = [...campaigns].map(([campaign, { length }]) => ({
    campaign,
    total: campaign.totalCoupons,
    count: length,
  }))
  const answers = await counter.reserve(asks)
  for (const [index, { campaign }] of asks.entries()) {
    const answer = answers[index]
    if (answer === undefined || answer instanceof CounterUnavailable) continue
    if (answer.status !== 'ok' || answer.count === 0) continue
    proposed.set(campaign.id, { from: answer.from, to: answer.from + answer.count - 1 })
  }
  return proposed
}
