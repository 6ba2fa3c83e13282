// A run: rounds, one after the other, until its time is over or something was found.

import { setTimeout as pause } from 'node:timers/promises'
import { campaignFaults } from './campaign-faults.ts'
import { Dice } from './dice.ts'
import { Hand } from './fault.ts'
import type { Counts } from './gathering.ts'
import type { LiveCampaign } from './live-campaign.ts'
import { mysqlFaults } from './mysql-faults.ts'
import { redisFaults } from './redis-faults.ts'
import { planRound, playRound } from './round.ts'
import { serverFaults } from './server-faults.ts'
import { Stage } from './stage.ts'
import type { Finding } from './verdict.ts'

const PROGRESS_MS = 5_000

export interface RunOptions {
  readonly seed: string
  readonly servers: number
  /** A round that has begun is played to its end. */
  readonly minutes: number
  /** For logs and histories; the caller's, as is what becomes of it. */
  readonly folder: string
  readonly say: (line: string) => void
}

export interface RunResult extends Readonly<Counts> {
  /** How often each really happened. */
  readonly faults: ReadonlyMap<string, number>
  readonly findings: readonly Finding[]
  readonly mistakes: readonly string[]
}

export async function runChaos({ seed, servers, minutes, folder, say }: RunOptions): Promise<RunResult> {
  const dice = new Dice(seed)
  await using stage = await Stage.open({ servers, folder }, dice)
  const live: LiveCampaign[] = []
  const faults = new Map<string, number>()
  const hands = [
    serverFaults(stage),
    mysqlFaults(stage, () => live.map(({ id }) => id)),
    redisFaults(stage),
    campaignFaults(() => live),
  ].map((kinds, index) => new Hand(kinds, dice.of(`hand ${index}`), faults))
  const counts: Counts = { campaigns: 0, coupons: 0, calls: 0, unknown: 0 }
  const findings: Finding[] = []

  const beganAt = performance.now()
  const elapsedMs = () => performance.now() - beganAt
  const progress = () => {
    const sum = [...faults.values()].reduce((all, count) => all + count, 0)
    const { campaigns, coupons, calls, unknown } = counts
    say(
      `${Math.round(elapsedMs() / 1_000)} s: ${campaigns} campaigns judged, ${coupons} coupons, ${calls} calls, ${unknown} of them unknown, ${sum} faults`,
    )
  }
  const timer = setInterval(progress, PROGRESS_MS)
  try {
    for (
      let number = 1;
      elapsedMs() < minutes * 60_000 && findings.length + stage.fleet.mistakes.length === 0;
      number++
    ) {
      const plan = planRound(dice.of(`round ${number}`), number)
      findings.push(...(await playRound(stage, plan, hands, live, counts)))
    }
  } finally {
    clearInterval(timer)
  }
  progress()
  // What a server has to say of its last moments is still on its way.
  await pause(100)
  return { ...counts, faults, findings, mistakes: stage.fleet.mistakes }
}
