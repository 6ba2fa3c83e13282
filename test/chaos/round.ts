// One round: campaigns beside each other, a rush on each while faults happen, then calm, then whoever still comes, then the
// verdict.

import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { RowDataPacket } from 'mysql2/promise'
import { createHistory, type HistoryCall, type HistoryWriter } from '../../src/load/history.ts'
import { rush } from './clients.ts'
import { crowdOf, type Errand } from './crowd.ts'
import type { Dice } from './dice.ts'
import type { Hand } from './fault.ts'
import { LiveCampaign } from './live-campaign.ts'
import type { Stage } from './stage.ts'
import { judge, type Finding, type Row } from './verdict.ts'

/** Until a server that is well has answered everybody. */
const ANSWER_MS_MAX = 60_000
/** Of each campaign: enough to queue, and few enough for three campaigns on one small machine. */
const CONNECTIONS = 96
/** Faults end with the rushes; a crowd that they keep from ever ending gets its answers after so many times its length. */
const FAULTS_LAST = 2
/** New callers in a row who are told sold out, one after the other, until a campaign counts as sold out. */
const SOLD_OUT_IN_A_ROW = 12
/** The first callers are too early by that. */
const EARLY_MS = 300

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

/** What is counted while it goes on, for whoever watches. */
export interface Counts {
  campaigns: number
  coupons: number
  calls: number
  unknown: number
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
  const { urls } = stage.fleet
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
    await Promise.all(crowds.map((crowd) => crowd.comeUntilSoldOut(urls, patience.signal)))
    clearTimeout(timer)
    for (const crowd of crowds) findings.push(...(await crowd.judged(stage)))
    counts.campaigns += crowds.length
    return findings
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

/** All who come to one campaign, and what they were told. */
class Gathering {
  readonly campaign: LiveCampaign
  readonly #plan: CampaignPlan
  readonly #urls: readonly string[]
  readonly #counts: Counts
  readonly #history: HistoryWriter
  readonly #calls: HistoryCall[] = []
  readonly #unanswered: string[] = []

  private constructor(
    campaign: LiveCampaign,
    plan: CampaignPlan,
    urls: readonly string[],
    counts: Counts,
    history: HistoryWriter,
  ) {
    this.campaign = campaign
    this.#plan = plan
    this.#urls = urls
    this.#counts = counts
    this.#history = history
  }

  static async of(stage: Stage, plan: CampaignPlan, counts: Counts): Promise<Gathering> {
    const { urls } = stage.fleet
    const campaign = await LiveCampaign.create(urls, plan.id, plan.total, Date.now() + plan.startsInMs)
    const head = { campaign_id: plan.id, started_at: Date.now() }
    const history = await createHistory(join(stage.folder, `${plan.id}.jsonl`), head)
    return new Gathering(campaign, plan, urls, counts, history)
  }

  async come(signal: AbortSignal): Promise<void> {
    await pause(Math.max(0, this.campaign.startMs - EARLY_MS - Date.now()))
    await this.#rush(this.#plan.errands, CONNECTIONS, signal)
  }

  /** New ones, until many in a row hear from each server that there is none left. */
  async comeUntilSoldOut(urls: readonly string[], signal: AbortSignal): Promise<void> {
    let number = 0
    let inARow = 0
    const onCall = (call: HistoryCall) => {
      this.#hear(call)
      if (call.answer !== 'unknown') inARow = call.code === 'sold_out' ? inARow + 1 : 0
    }
    while (inARow < SOLD_OUT_IN_A_ROW * urls.length && !signal.aborted) {
      const errands = Array.from({ length: inARow === 0 ? 64 : urls.length }, (): Errand => {
        const name = `late-${number++}`
        return { request: name, recipient: null, key: name, atMs: 0, isTwice: false, patienceMs: [10_000] }
      })
      await this.#rush(errands, errands.length, signal, onCall)
    }
  }

  async #rush(
    errands: readonly Errand[],
    connections: number,
    signal: AbortSignal,
    onCall = (call: HistoryCall) => this.#hear(call),
  ): Promise<void> {
    const crowd = { campaignId: this.campaign.id, urls: this.#urls, errands, connections, signal, onCall }
    this.#unanswered.push(...(await rush(crowd)))
  }

  #hear(call: HistoryCall): void {
    this.#calls.push(call)
    this.#counts.calls++
    if (call.answer === 'unknown') this.#counts.unknown++
    void this.#history.write(call)
  }

  async judged(stage: Stage): Promise<Finding[]> {
    await this.#history.close()
    const { id, startMs, totals } = this.campaign
    const { total, rows } = await stage.inDatabase(async (connection) => {
      await connection.query("SET time_zone = '+00:00'")
      const [[campaign]] = await connection.query<RowDataPacket[]>('SELECT total_coupons FROM campaigns WHERE id = ?', [
        id,
      ])
      const [found] = await connection.query<RowDataPacket[]>(
        `SELECT slot, coupon_code, recipient, DATE_FORMAT(issued_at, '%Y-%m-%dT%H:%i:%s.%f') AS issued_at
           FROM coupons WHERE campaign_id = ? ORDER BY slot`,
        [id],
      )
      const rows = found.map((row) => ({ ...row, issued_at: `${String(row['issued_at']).slice(0, 23)}Z` }) as Row)
      return { total: Number(campaign?.['total_coupons']), rows }
    })
    this.#counts.coupons += rows.length
    const [calls, unanswered] = [this.#calls, this.#unanswered]
    return judge({ campaignId: id, startMs, totals, total, rows, calls, unanswered })
  }
}
