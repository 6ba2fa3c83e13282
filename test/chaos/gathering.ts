// All who come to one campaign of a round, what they were told, and what is to be said of it in the end.

import { join } from 'node:path'
import type { RowDataPacket } from 'mysql2/promise'
import { auditCampaign } from '../../src/audit/audit.ts'
import { mysqlAuditSource } from '../../src/audit/mysql.ts'
import { systemClock, systemRandomness } from '../../src/host.ts'
import { createHistory, openHistory, type HistoryCall, type HistoryWriter } from '../../src/load/history.ts'
import { runLoad, type Want } from '../../src/load/load.ts'
import type { Plan } from '../../src/load/plan.ts'
import { noteSecrets } from '../secrets/notes.ts'
import { LiveCampaign } from './live-campaign.ts'
import type { CampaignPlan } from './round.ts'
import type { Stage } from './stage.ts'
import { auditFindings, toldFindings, type Finding } from './verdict.ts'

/** The first callers are too early by that. */
export const EARLY_MS = 300
/** To each server. A server that stands still holds as many callers, and others go to others. */
const CONNECTIONS = 48
/** Nobody goes home before the round sends them. */
const PATIENCE_MS = 3_600_000
/** So many new callers of each server have to be told sold out, and nothing else, before a campaign counts as sold out. */
const SOLD_OUT_CALLERS = 12
/** Their requests begin with it. */
const LATE = 'late-'
/** What operators take back again. */
const COMES_BACK_AFTER = ['campaign_paused', 'campaign_ended']

/** What is counted while it goes on, for whoever watches. */
export interface Counts {
  campaigns: number
  coupons: number
  calls: number
  unknown: number
}

export class Gathering {
  readonly campaign: LiveCampaign
  readonly #plan: CampaignPlan
  readonly #urls: readonly string[]
  readonly #counts: Counts
  readonly #file: string
  readonly #history: HistoryWriter
  /** Since it was last set to 0. */
  #notSoldOut = 0
  /** Requests that may be asked until they are answered, and are not. */
  readonly #unanswered = new Set<string>()

  private constructor(
    campaign: LiveCampaign,
    plan: CampaignPlan,
    urls: readonly string[],
    counts: Counts,
    file: string,
    history: HistoryWriter,
  ) {
    this.campaign = campaign
    this.#plan = plan
    this.#urls = urls
    this.#counts = counts
    this.#file = file
    this.#history = history
  }

  static async of(stage: Stage, plan: CampaignPlan, counts: Counts): Promise<Gathering> {
    const { urls } = stage.fleet
    const campaign = await LiveCampaign.create(urls, plan.id, plan.total, Date.now() + plan.startsInMs)
    const head = { campaign_id: plan.id, started_at: Date.now() }
    const file = join(stage.folder, `${plan.id}.jsonl`)
    return new Gathering(campaign, plan, urls, counts, file, await createHistory(file, head))
  }

  async come(signal: AbortSignal): Promise<void> {
    const { errands } = this.#plan
    const fromMs = this.campaign.startMs - EARLY_MS
    const atMs = (number: number) => fromMs + (errands[number]?.atMs ?? 0)
    await this.#send(errands, { kind: 'open', requests: errands.length, atMs, atOnce: 1 }, signal)
  }

  /** New ones, until there is none left and every server says so. */
  async comeUntilSoldOut(signal: AbortSignal): Promise<void> {
    for (let wave = 1; !signal.aborted; wave++) {
      const left = Number((await this.campaign.view())['remaining_count'])
      const requests = left + SOLD_OUT_CALLERS * this.#urls.length
      const wants = Array.from({ length: requests }, (_, number): Want => {
        const name = `${LATE}${wave}-${number}`
        return { request: name, recipient: null, idempotencyKey: name }
      })
      this.#notSoldOut = 0
      await this.#send(wants, { kind: 'closed', requests, callers: CONNECTIONS, fromMs: 0 }, signal)
      if (this.#notSoldOut === 0) return
    }
  }

  async #send(wants: readonly Want[], plan: Plan, signal: AbortSignal): Promise<void> {
    for (const { request, recipient, idempotencyKey } of wants) {
      if (recipient !== null || idempotencyKey !== null) this.#unanswered.add(request)
    }
    await runLoad({
      servers: this.#urls,
      campaignId: this.campaign.id,
      plan,
      want: (number) => wants[number] as Want,
      comesBackAfter: COMES_BACK_AFTER,
      connections: CONNECTIONS,
      patienceMs: PATIENCE_MS,
      onCall: (call) => this.#hear(call),
      signal,
      clock: systemClock,
      randomness: systemRandomness,
    })
  }

  #hear(call: HistoryCall): Promise<void> {
    noteSecrets(call.recipient, call.idempotency_key, call.coupon?.coupon_code)
    this.#counts.calls++
    if (call.code !== 'sold_out') this.#notSoldOut++
    if (call.answer === 'unknown') this.#counts.unknown++
    else if (!COMES_BACK_AFTER.includes(call.code ?? '') && call.code !== 'campaign_not_started')
      this.#unanswered.delete(call.request)
    return this.#history.write(call)
  }

  async judged(stage: Stage): Promise<Finding[]> {
    await this.#history.close()
    const { id, startMs, totals } = this.campaign
    const calls = async () => (await openHistory(this.#file)).calls
    const source = mysqlAuditSource({ url: stage.databaseUrl })
    const report = await auditCampaign(source, id, { graceMs: 0, histories: [{ calls: await calls() }] })
    if (report === null) return [{ promise: 'P3', what: `${id}: there is no such campaign` }]
    this.#counts.coupons += report.issued_count
    const issuedMs = await issuedTimes(stage, id)
    const told = await toldFindings({
      campaignId: id,
      startMs,
      totals,
      issuedMs,
      calls: await calls(),
      isCalm: (request) => request.startsWith(LATE),
      unanswered: [...this.#unanswered],
    })
    return [...auditFindings(report), ...told]
  }
}

async function issuedTimes(stage: Stage, campaignId: string): Promise<number[]> {
  const [rows] = await stage.inDatabase((connection) =>
    connection.query<RowDataPacket[]>(
      `SELECT CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', issued_at) DIV 1000 AS SIGNED) AS ms FROM coupons WHERE campaign_id = ?`,
      [campaignId],
    ),
  )
  return rows.map((row) => Number(row['ms']))
}
