// What counting costs: one event in a cell of ours and in a bound child of the library, and what a call for a coupon adds up
// to. Then what a look at all numbers takes. Time of the processor, so that whoever shares the machine changes little.
//
//   node bench/telemetry.ts

import { Counter, Histogram, Registry } from '@prometheus-io/client'
import { systemClock } from '../src/host.ts'
import { STATIONS } from '../src/issue/meter.ts'
import { Count, Spread } from '../src/telemetry/cells.ts'
import { processMetrics } from '../src/telemetry/exposition.ts'
import { METRICS } from '../src/telemetry/metrics.ts'
import { Telemetry } from '../src/telemetry/telemetry.ts'

const EVENTS = 3_000_000
const BATCH = 100
const { bounds } = METRICS.firstcome_issue_duration_seconds
const seconds = Float64Array.from({ length: 1_024 }, () => Math.random() * 0.05)
const secondsOf = (event: number) => seconds[event & 1_023] as number

const registers = [new Registry()]
const counter = new Counter({ name: 'a_total', help: 'a', labelNames: ['code'], registers }).labels('issued')
const histogram = new Histogram({ name: 'b', help: 'b', labelNames: ['kind'], buckets: [...bounds], registers })
const child = histogram.labels('coupon')
const count = new Count()
const spread = new Spread(bounds)
const telemetry = new Telemetry({ version: '0.0.0', clock: systemClock, process: processMetrics() })
const requests = Array.from({ length: BATCH }, () => ({ companion: null }))

const rows = [
  ['library: counter', nanoseconds(() => counter.inc())],
  ['library: histogram', nanoseconds((event) => child.observe(secondsOf(event)))],
  ['ours: counter', nanoseconds(() => count.add())],
  ['ours: histogram', nanoseconds((event) => spread.add(secondsOf(event)))],
  [`a batch of ${BATCH} through three stations, a request of it`, await ofBatches()],
] as const
console.table(rows.map(([what, ns]) => ({ what, ns: Math.round(ns * 10) / 10 })))

const beganAtMs = processorMs()
const looks = 200
for (let look = 0; look < looks; look++) await telemetry.text()
const text = await telemetry.text()
const tookMs = (processorMs() - beganAtMs) / looks
console.log(
  `a look: ${tookMs.toFixed(2)} ms, ${text.split('\n').length} lines, ${(text.length / 1_024).toFixed(0)} KiB`,
)
process.exit()

/** The best of three: what disturbs only adds. */
function nanoseconds(event: (number: number) => void): number {
  const rounds = [1, 2, 3].map(() => {
    const beganAtMs = processorMs()
    for (let number = 0; number < EVENTS; number++) event(number)
    return ((processorMs() - beganAtMs) / EVENTS) * 1e6
  })
  return Math.min(...rounds)
}

async function ofBatches(): Promise<number> {
  const batches = 30_000
  const { issueMeter } = telemetry
  const nothing = () => Promise.resolve()
  const beganAtMs = processorMs()
  for (let batch = 0; batch < batches; batch++) {
    issueMeter.batch(BATCH, 0)
    for (const station of STATIONS.slice(0, 3)) await issueMeter.station(station, requests, nothing)
  }
  return ((processorMs() - beganAtMs) / batches / BATCH) * 1e6
}

function processorMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
