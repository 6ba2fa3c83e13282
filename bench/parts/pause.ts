// Speed does not come from remembering: one server issues at full speed, the campaign is paused by way of another, and whoever
// asks after that was answered gets nothing. Then it goes on, and is paused again.

import type { HistoryCall } from '../../src/load/history.ts'
import { engineLoad } from '../engine.ts'
import type { Part } from '../stage.ts'
import { asked } from '../subjects.ts'

const CALLERS = 128
const PAUSES = 5
const BETWEEN_MS = 500
/** The engine and we read the wall clock once each, to the millisecond. */
const CLOCKS_MS = 2
/** Far more than can be asked in the time: the run is ended. */
const REQUESTS = 10_000_000

export interface Pauses {
  readonly pauses: number
  /** Sent after a pause was acknowledged, and answered before somebody asked to lift it. */
  readonly calls: number
  /** Of those: got a new coupon. */
  readonly issued: number
}

export const pause: Part = {
  name: 'pause',
  rows: [],

  async run(stage) {
    const place = await stage.place('MySQL and Redis')
    const [busy, other] = [await place.start(), await place.start()]
    const campaignId = await busy.newCampaign()
    const url = `${other.url}/v1/campaigns/${campaignId}`
    stage.say('pause: one server issues, the other pauses the campaign')
    const epochMs = Date.now() - performance.now()
    const pausedFor: { fromMs: number; toMs: number }[] = []
    let calls = 0
    let issued = 0
    const all: HistoryCall[] = []
    const over = new AbortController()
    const plan = { kind: 'closed', requests: REQUESTS, callers: CALLERS, fromMs: 0 } as const
    const load = engineLoad([busy], campaignId, {
      plan,
      run: 'pause',
      connections: CALLERS,
      patienceMs: 0,
      onCall: (call) => void all.push(call),
      signal: over.signal,
    })
    const between = () => new Promise((resolve) => setTimeout(resolve, BETWEEN_MS))
    for (let turn = 0; turn < PAUSES; turn++) {
      await between()
      await asked(url, other.key, { paused: true }, 'PATCH')
      const fromMs = epochMs + performance.now()
      await between()
      pausedFor.push({ fromMs, toMs: epochMs + performance.now() })
      await asked(url, other.key, { paused: false }, 'PATCH')
    }
    over.abort()
    await load
    for (const { sent_at: sentAt, answered_at: answeredAt, code } of all) {
      if (!pausedFor.some(({ fromMs, toMs }) => sentAt > fromMs + CLOCKS_MS && answeredAt < toMs)) continue
      calls++
      if (code === 'issued') issued++
    }
    const found: Pauses = { pauses: PAUSES, calls, issued }
    stage.facts['pauses'] = found
  },
}
