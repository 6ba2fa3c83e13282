// What operators do to campaigns in the middle of their rush. Each is undone, but for the total.

import { setTimeout as pause } from 'node:timers/promises'
import type { Dice } from './dice.ts'
import type { Fault } from './fault.ts'
import type { LiveCampaign } from './live-campaign.ts'

/** @param campaigns those that are in a rush, at least one */
export function campaignFaults(campaigns: () => readonly LiveCampaign[]): Fault[] {
  const fault = (name: string, work: (campaign: LiveCampaign, dice: Dice) => Promise<number>): Fault => ({
    name: `campaign: ${name}`,
    strike: (dice) => work(dice.pick(campaigns()), dice),
  })
  return [
    fault('paused and resumed', async (campaign, dice) => {
      await campaign.change({ paused: true })
      await pause(dice.whole(50, 1_500))
      await campaign.change({ paused: false })
      return 1
    }),
    fault('total raised', async (campaign, dice) => {
      const refusal = await campaign.change({
        total_coupons: Math.ceil(campaign.total * (1 + dice.fraction() / 5)) + 1,
      })
      return refusal === null ? 1 : 0
    }),
    fault('total lowered', async (campaign, dice) => {
      const { total } = campaign
      const issued = Number((await campaign.view())['issued_count'])
      const wanted = issued + Math.floor((total - issued) * (0.3 + dice.fraction() / 2))
      if (wanted < 1 || wanted >= total) return 0
      const refusal = await campaign.change({ total_coupons: wanted })
      if (refusal === null) return 1
      // Slots above the count are taken already: the refusal names the lowest total.
      const lowest = Number(refusal['lowest_total'])
      return lowest < total && (await campaign.change({ total_coupons: lowest })) === null ? 1 : 0
    }),
    fault('ended and reopened', async (campaign, dice) => {
      const endMs = Math.max(campaign.startMs + 1, Date.now() - 1_000)
      if ((await campaign.change({ end_time: new Date(endMs).toISOString() })) !== null) return 0
      await pause(dice.whole(50, 1_500))
      await campaign.change({ end_time: null })
      return 1
    }),
    fault('end set a moment ahead, then taken back', async (campaign, dice) => {
      const endMs = Math.max(campaign.startMs, Date.now()) + dice.whole(100, 800)
      if ((await campaign.change({ end_time: new Date(endMs).toISOString() })) !== null) return 0
      await pause(dice.whole(500, 1_500))
      await campaign.change({ end_time: null })
      return 1
    }),
  ]
}
