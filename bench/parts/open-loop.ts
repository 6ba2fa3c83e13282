// The open loop: a clock sends, whether answers come or not, and latency counts from when a request should have been sent. At
// a steady rate, at rising ones until it does not keep up, and as a burst where everybody comes in the same instant.

import { burst, steady, type OpenPlan } from '../../src/load/plan.ts'
import { engineLoad } from '../engine.ts'
import { differences } from '../report/statistics.ts'
import type { Part, Stage } from '../stage.ts'
import type { Subject } from '../subjects.ts'
import type { Way } from '../ways.ts'

const RATES = [1_000, 5_000]
/** From one rate to the next on the way to saturation. */
const STEP = 1.5
const BURST = 5_000
const CONNECTIONS = 1_000
const LEAD_MS = 200
const PATIENCE_MS = 20_000
/** As much later as this, on average, it does not keep up. */
const SATURATED_P50_MS = 500
const WAYS_SHOWN = ['nothing', 'MySQL and Redis'] as const

export const openLoop: Part = {
  name: 'open-loop',
  rows: ['open-loop'],

  async run(stage) {
    const subjects: [Way, Subject][] = []
    for (const way of WAYS_SHOWN) subjects.push([way, await (await stage.place(way)).start()])
    const { rounds, seconds } = stage.options
    for (let round = stage.options.firstRound; round <= rounds; round++) {
      for (const [way, subject] of round % 2 === 0 ? subjects : subjects.toReversed()) {
        for (const rate of RATES) {
          stage.say(`open loop: ${round === 0 ? 'warming' : `round ${round} of ${rounds}`}: ${way}, ${rate}/s`)
          await send(stage, `${way}, open loop ${rate}/s`, subject, steady(rate, seconds, Date.now() + LEAD_MS), round)
        }
        await send(stage, `${way}, burst of ${BURST}`, subject, burst(BURST, Date.now() + LEAD_MS), round)
      }
    }
    for (const [way, subject] of subjects)
      stage.note(`${way}, open loop until saturation`, '/s', await saturate(stage, way, subject))
    const p99 = (way: Way) => stage.roundsOf(`${way}, open loop ${RATES[0]}/s: p99`)
    stage.judge('open-loop', differences(p99('MySQL and Redis'), p99('nothing')))
  },
}

/** Round 0 is not noted. */
async function send(stage: Stage, id: string, subject: Subject, plan: OpenPlan, round: number): Promise<void> {
  const campaignId = await subject.newCampaign()
  const run = `${id.replaceAll(/\W+/g, '-')}-${round}`
  const { numbers, driverShare } = await engineLoad([subject], campaignId, {
    plan,
    run,
    connections: CONNECTIONS,
    patienceMs: PATIENCE_MS,
  })
  if (numbers.issued < plan.requests) throw new Error(`${id}: ${numbers.issued} coupons for ${plan.requests} requests`)
  if (round === 0) return
  stage.note(`${id}: p50`, 'ms', numbers.latency.p50Ms, 'engine', driverShare)
  stage.note(`${id}: p99`, 'ms', numbers.latency.p99Ms, 'engine', driverShare)
}

/** The highest rate that it, or the engine, keeps up with. */
async function saturate(stage: Stage, way: Way, subject: Subject): Promise<number> {
  let kept = 0
  for (let rate = RATES.at(-1) as number; ; rate = Math.round(rate * STEP)) {
    stage.say(`open loop: ${way}, ${rate}/s`)
    const campaignId = await subject.newCampaign()
    const { numbers, driverShare } = await engineLoad([subject], campaignId, {
      plan: steady(rate, stage.options.seconds, Date.now() + LEAD_MS),
      run: `saturation-${rate}`,
      connections: CONNECTIONS,
      patienceMs: 0,
    })
    stage.note(`${way}, open loop until saturation, ${rate}/s: p50`, 'ms', numbers.latency.p50Ms, 'engine', driverShare)
    const isAllIssued = numbers.notSent + numbers.unknownLeft === 0
    if (!isAllIssued || numbers.latency.p50Ms > SATURATED_P50_MS) return kept
    kept = rate
  }
}
