// The load engine as the crowd: open loops, where latency counts from when a request should have been sent, and crowds whose
// every answer is looked at. It is a process of Node: its own share of a core is noted beside what it measured.

import { systemClock, systemRandomness } from '../src/host.ts'
import type { HistoryCall } from '../src/load/history.ts'
import { runLoad, type Want } from '../src/load/load.ts'
import type { LoadNumbers } from '../src/load/numbers.ts'
import type { Plan } from '../src/load/plan.ts'
import type { Subject } from './subjects.ts'

export interface EngineOptions {
  readonly plan: Plan
  /** Tells its recipients from those of other runs. */
  readonly run: string
  readonly connections: number
  /** 0: each request is sent once, whatever it is told. */
  readonly patienceMs: number
  readonly onCall?: (call: HistoryCall) => void
  readonly signal?: AbortSignal
}

export interface EngineLoad {
  readonly numbers: LoadNumbers
  /** Of one core. */
  readonly driverShare: number
}

/** A recipient each. @param subjects servers of one kind on the same stores: by turns */
export async function engineLoad(
  subjects: readonly Subject[],
  campaignId: string,
  { plan, run, connections, patienceMs, onCall = () => {}, signal }: EngineOptions,
): Promise<EngineLoad> {
  const cpu = process.cpuUsage()
  const beganAt = performance.now()
  const want = (number: number): Want => ({
    request: String(number),
    recipient: `${run}-${number}`,
    idempotencyKey: null,
  })
  const numbers = await runLoad({
    servers: subjects.map(({ url }) => url),
    campaignId,
    apiKey: subjects[0]?.key ?? null,
    plan,
    want,
    connections,
    patienceMs,
    onCall,
    signal: signal ?? new AbortController().signal,
    clock: systemClock,
    randomness: systemRandomness,
  })
  const { user, system } = process.cpuUsage(cpu)
  return { numbers, driverShare: (user + system) / 1_000 / (performance.now() - beganAt) }
}
