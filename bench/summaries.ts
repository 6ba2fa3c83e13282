// What it costs a call to be counted for the summary lines of the log.
//
//   node bench/summaries.ts

import { systemClock } from '../src/host.ts'
import { Summaries } from '../src/telemetry/summaries.ts'

const CALLS = 3_000_000
/** Ids are new texts, as they are in requests: the first look-up of one costs more than others. */
const CALLS_A_TURN = 100_000

let lines = 0
const open = () => new Summaries({ info: () => void lines++ }, systemClock)

for (const campaigns of [1, 20, 300]) {
  const summaries = open()
  let ms = 0
  for (let turn = 0; turn < CALLS / CALLS_A_TURN; turn++) {
    const ids = Array.from({ length: CALLS_A_TURN }, (_, call) =>
      Buffer.from(`campaign-${call % campaigns}`).toString(),
    )
    const beganMs = performance.now()
    for (const [call, id] of ids.entries()) {
      const arrivedAtMs = systemClock.nowMs()
      summaries.count(id, call % 3 === 0 ? 'sold_out' : 'issued', systemClock.nowMs() - arrivedAtMs)
    }
    ms += performance.now() - beganMs
    await new Promise((resolve) => setImmediate(resolve))
  }
  summaries.close()
  console.log(`${campaigns} campaigns: ${Math.round((ms / CALLS) * 1e6)} ns a call, two readings of the clock included`)
}

const summaries = open()
for (let campaign = 0; campaign < 500; campaign++) summaries.count(`campaign-${campaign}`, 'issued', 1)
const beganMs = performance.now()
summaries.close()
console.log(`the lines of a second with 500 campaigns: ${(performance.now() - beganMs).toFixed(1)} ms`)
