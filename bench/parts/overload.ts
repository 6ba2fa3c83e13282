// Three times as many as can be served: what is left of the rate, and how soon the others know that they must come back. So that
// the driver can offer that much, the database is made slow before: behind a proxy that holds up each piece that is sent.

import { steady } from '../../src/load/plan.ts'
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
const PEAK_CONNECTIONS = 2_000
/** For the overload: whoever waits in the queue has one. */
const CONNECTIONS = 10_000
const LEAD_MS = 200
/** Until the queue is as long as it gets. */
const FILL_MS = 3_000

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
    for (let peak = await peakOf(stage, subject, delayMs); peak > PEAK_MAX && delayMs < DELAY_MS_MAX;) {
      delayMs *= 2
      slowDown(delayMs)
      peak = await peakOf(stage, subject, delayMs)
    }
    const { rounds } = stage.options
    for (let round = 1; round <= rounds; round++) {
      const peak = await peakOf(stage, subject, delayMs)
      stage.note('overload: peak', '/s', peak)
      stage.say(`overload: round ${round} of ${rounds}: ${TIMES} times ${peak}/s`)
      await offer(stage, subject, TIMES * peak, round)
    }
    const of = (id: string) => stage.roundsOf(`overload: ${id}`)
    const note = `${delayMs} ms before the database`
    stage.judge('overload', ratios(of('issued'), of('peak')), note)
    stage.judge('overload-503', of('503 p99'), note)
  },
}

async function peakOf(stage: Stage, subject: Subject, delayMs: number): Promise<number> {
  stage.say(`overload: the peak with ${delayMs} ms before the database`)
  const load = { connections: PEAK_CONNECTIONS, seconds: stage.options.seconds, run: 'peak' }
  return (await stage.drive(subject, await subject.newCampaign(), load)).rate
}

async function offer(stage: Stage, subject: Subject, rate: number, round: number): Promise<void> {
  const campaignId = await subject.newCampaign()
  const fromMs = Date.now() + LEAD_MS
  const untilMs = fromMs + FILL_MS + stage.options.seconds * 1_000
  const refusedMs: number[] = []
  const lateMs: number[] = []
  let issued = 0
  let unavailable = 0
  const { driverShare } = await engineLoad([subject], campaignId, {
    plan: steady(rate, (untilMs - fromMs) / 1_000, fromMs),
    run: `overload-${round}`,
    connections: CONNECTIONS,
    patienceMs: 0,
    onCall({ intended_at: intendedAt, sent_at: sentAt, answered_at: answeredAt, status, code }) {
      if (answeredAt < fromMs + FILL_MS || answeredAt > untilMs) return
      lateMs.push(sentAt - intendedAt)
      if (code === 'issued') issued++
      else if (code === 'overloaded') refusedMs.push(answeredAt - intendedAt)
      else if (code === 'unavailable') unavailable++
      else throw new Error(`${status} ${code}: neither a coupon nor "come back"`)
    },
  })
  stage.note('overload: issued', '/s', issued / stage.options.seconds, 'engine', driverShare)
  stage.note('overload: refused', '/s', refusedMs.length / stage.options.seconds, 'engine', driverShare)
  stage.note('overload: told unavailable', '/s', unavailable / stage.options.seconds, 'engine', driverShare)
  stage.note('overload: sent late by the driver, p99', 'ms', quantile(lateMs, 0.99), 'engine', driverShare)
  stage.note('overload: 503 p99', 'ms', quantile(refusedMs, 0.99), 'engine', driverShare)
}
