// Three times as many as can be served: what is left of the rate, and how soon the others know that they must come back. So that
// the driver can offer that much, the database is made slow before: behind a proxy that holds up each piece that is sent.

import { steady, type Plan } from '../../src/load/plan.ts'
import { openFaultProxy } from '../../test/chaos/fault-proxy.ts'
import { freshDatabase } from '../../test/servers/fresh.ts'
import { engineLoad } from '../engine.ts'
import { quantile, ratios } from '../report/statistics.ts'
import type { Part, Stage } from '../stage.ts'
import { startOurs, type Subject } from '../subjects.ts'

/** Doubled until the peak is what the driver can offer three times. */
const DELAY_MS = 20
const DELAY_MS_MAX = 320
const PEAK_MAX = 2_500
const TIMES = 3
/** For the peak: more than batches under way can hold. */
const PEAK_CALLERS = 2_000
const WITHOUT_END = 100_000_000
/** Whoever waits in the queue has a connection. In pools: the driver looks for a free one in all of a pool. */
const POOLS = 32
const POOL_CONNECTIONS = 256
/** Connections that are opened before: thousands at once, in the middle of it, would measure the queue of new ones. */
const OPENED = 6_000
const LEAD_MS = 8_000
/** Until the queue is as long as it gets. */
const FILL_MS = 4_000

export const overload: Part = {
  name: 'overload',
  rows: ['overload', 'overload-503'],

  async run(stage) {
    const { mysql, redis } = await stage.shared()
    // Each piece is held up as long as the last: nothing here is by chance.
    const proxy = stage.keep(await openFaultProxy(mysql.url, () => 1 - Number.EPSILON))
    const url = new URL(proxy.url)
    url.pathname = new URL((await freshDatabase(mysql.url)).url).pathname
    const environment = { MYSQL_URL: url.href, REDIS_URL: redis.url, REDIS_PREFIX: 'overload:' }
    const subject = stage.keep(await startOurs('MySQL and Redis', environment))
    const slowDown = (delayMsMax: number) => proxy.weather({ dropRequest: 0, dropReply: 0, delay: 1, delayMsMax })
    let delayMs = DELAY_MS
    slowDown(delayMs)
    const { rounds } = stage.options
    for (let round = 1; round <= rounds; round++) {
      let peak = await peakOf(stage, subject, delayMs)
      // Whoever else was on the machine before may be gone: looked at in every round.
      while (peak > PEAK_MAX && delayMs < DELAY_MS_MAX) {
        delayMs *= 2
        slowDown(delayMs)
        peak = await peakOf(stage, subject, delayMs)
      }
      stage.note('overload: peak', '/s', peak)
      stage.say(`overload: round ${round} of ${rounds}: ${TIMES} times ${peak}/s`)
      await offer(stage, subject, TIMES * peak, round)
    }
    const of = (id: string) => stage.roundsOf(`overload: ${id}`)
    const note = `at the end ${delayMs} ms before the database`
    stage.judge('overload', ratios(of('issued'), of('peak')), note)
    stage.judge('overload-503', of('503 p99'), note)
  },
}

/** What it issues when it always has as much to do as its batches can hold. */
async function peakOf(stage: Stage, subject: Subject, delayMs: number): Promise<number> {
  stage.say(`overload: the peak with ${delayMs} ms before the database`)
  const plan = { kind: 'closed', requests: WITHOUT_END, callers: PEAK_CALLERS, fromMs: 0 } as const
  return (await watch(stage, subject, () => plan, `peak-${delayMs}`, 0)).issued
}

async function offer(stage: Stage, subject: Subject, rate: number, round: number): Promise<void> {
  const seconds = FILL_MS / 1_000 + stage.options.seconds
  const planAt = (fromMs: number) => ({ ...steady(rate, seconds, fromMs), atOnce: OPENED })
  const seen = await watch(stage, subject, planAt, `overload-${round}`, LEAD_MS)
  const note = (id: string, unit: string, value: number) =>
    stage.note(`overload: ${id}`, unit, value, 'engine', seen.driverShare)
  note('issued', '/s', seen.issued)
  note('refused', '/s', seen.refusedMs.length / stage.options.seconds)
  note('told unavailable', '/s', seen.unavailable)
  note('sent late by the driver, p99', 'ms', quantile(seen.lateMs, 0.99))
  note('503 p99', 'ms', quantile(seen.refusedMs, 0.99))
  note('503 p99 from when it was sent', 'ms', quantile(seen.refusedSentMs, 0.99))
}

interface Seen {
  /** A second. */
  readonly issued: number
  readonly unavailable: number
  readonly refusedMs: readonly number[]
  readonly refusedSentMs: readonly number[]
  readonly lateMs: readonly number[]
  readonly driverShare: number
}

/** A crowd, of which is counted what is answered between the filling of the queue and the end. */
async function watch(
  stage: Stage,
  subject: Subject,
  planAt: (fromMs: number) => Plan,
  run: string,
  leadMs: number,
): Promise<Seen> {
  const { seconds } = stage.options
  const campaignId = await subject.newCampaign()
  // By way of the slow database: it takes its time.
  const beginMs = Date.now() + leadMs
  const fromMs = beginMs + FILL_MS
  const untilMs = fromMs + seconds * 1_000
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(), untilMs - Date.now())
  const refusedMs: number[] = []
  const refusedSentMs: number[] = []
  const lateMs: number[] = []
  let issued = 0
  let unavailable = 0
  const { driverShare } = await engineLoad(Array<Subject>(POOLS).fill(subject), campaignId, {
    plan: planAt(beginMs),
    run,
    connections: POOL_CONNECTIONS,
    patienceMs: 0,
    signal: over.signal,
    onCall({ intended_at: intendedAt, sent_at: sentAt, answered_at: answeredAt, status, code }) {
      if (answeredAt < fromMs || answeredAt > untilMs) return
      lateMs.push(sentAt - intendedAt)
      if (code === 'issued') issued++
      else if (code === 'overloaded') {
        refusedMs.push(answeredAt - intendedAt)
        refusedSentMs.push(answeredAt - sentAt)
      } else if (code === 'unavailable') unavailable++
      else throw new Error(`${status} ${code}: neither a coupon nor "come back"`)
    },
  })
  clearTimeout(timer)
  return { issued: issued / seconds, unavailable: unavailable / seconds, refusedMs, refusedSentMs, lateMs, driverShare }
}
