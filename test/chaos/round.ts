// One round: campaigns beside each other, a rush on each while faults happen, then calm, then whoever still comes, then the
// verdict.

import { crowdOf, type Errand } from './crowd.ts'
import type { Dice } from './dice.ts'
import type { Hand } from './fault.ts'
import { EARLY_MS, Gathering, type Counts } from './gathering.ts'
import { NoAnswer, type LiveCampaign } from './live-campaign.ts'
import type { Stage } from './stage.ts'
import type { Finding } from './verdict.ts'

/** Until a server that is well has answered everybody. */
const ANSWER_MS_MAX = 120_000
/** Faults end with the rushes; a crowd that they keep from ever ending gets its answers after so many times its length. */
const FAULTS_LAST = 2

export interface CampaignPlan {
  readonly id: string
  readonly total: number
  readonly errands: readonly Errand[]
  /** From its making. */
  readonly startsInMs: number
}

export interface RoundPlan {
  readonly campaigns: readonly CampaignPlan[]
  /** Over which most crowds come. */
  readonly faultsMs: number
}

export function planRound(dice: Dice, number: number): RoundPlan {
  const faultsMs = dice.whole(6_000, 14_000)
  const sizes = dice.pick([[20_000], [5_000, 1_000], [3_000, 400, 50], [8_000, 50], [1_500, 1_500, 1_500], [12_000]])
  const campaigns = sizes.map((size, index): CampaignPlan => {
    const own = dice.of(`campaign ${index}`)
    const total = own.whole(Math.ceil(size * 0.7), size)
    // All at once, or over as long as there are faults: then the last coupons go in the midst of them.
    const spreadMs = own.pick([0, faultsMs / 3, faultsMs, faultsMs])
    const crowd = Math.ceil(total * (1.1 + own.fraction() / 3))
    return {
      id: `chaos-${number}-${index}`,
      total,
      errands: crowdOf(own.of('crowd'), crowd, spreadMs),
      startsInMs: own.whole(EARLY_MS, 2_000),
    }
  })
  return { campaigns, faultsMs }
}

/** @param hands they deal to the campaigns that `live` holds */
export async function playRound(
  stage: Stage,
  plan: RoundPlan,
  hands: readonly Hand[],
  live: LiveCampaign[],
  counts: Counts,
): Promise<Finding[]> {
  const patience = new AbortController()
  const crowds = await Promise.all(plan.campaigns.map((campaign) => Gathering.of(stage, campaign, counts)))
  live.splice(0, live.length, ...crowds.map(({ campaign }) => campaign))
  const rushes = Promise.all(crowds.map((crowd) => crowd.come(patience.signal)))
  try {
    await dealUntilOver(hands, rushes, plan.faultsMs * FAULTS_LAST)
    const findings: Finding[] = (await stage.healed()).map((url) => ({
      promise: 'P2',
      what: `${url} has not come back to both its stores by itself`,
    }))
    const timer = setTimeout(() => patience.abort(), ANSWER_MS_MAX)
    await rushes
    await Promise.all(crowds.map((crowd) => crowd.comeUntilSoldOut(patience.signal)))
    clearTimeout(timer)
    for (const crowd of crowds) findings.push(...(await crowd.judged(stage)))
    counts.campaigns += crowds.length
    return findings
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    return [{ promise: 'P2', what: error.message }]
  } finally {
    // Nobody goes on asking when the stage is taken down.
    patience.abort()
  }
}

async function dealUntilOver(hands: readonly Hand[], rushes: Promise<unknown>, msMax: number): Promise<void> {
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(), msMax)
  void rushes.then(() => over.abort())
  await Promise.all(hands.map((hand) => hand.deal(over.signal)))
  clearTimeout(timer)
}
