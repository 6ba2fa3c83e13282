// What is not counted as it happens but looked at when somebody asks: how the queue, the stores and the server stand.

import type { IssueLoad } from '../issue/meter.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Meters } from './meters.ts'
import { WORKER_STATES, type WorkerState } from './metrics.ts'

export interface Watched {
  readonly issuer: { load(): IssueLoad }
  readonly waitMsMax: number
  readonly ledger: Pick<Ledger, 'connections' | 'generation'>
  readonly health: {
    readonly clockOffsetMs: number | null
    /** Never rejects, and is quick. */
    report(): Promise<{ readonly database: 'up' | 'down'; readonly counter: 'up' | 'down' | 'off' }>
  }
  /** How many are to be ready. */
  readonly workers: number
  /** Of this process: when it is ready, /readyz says so. */
  readonly state: () => WorkerState
}

export function watch(meters: Meters, { issuer, waitMsMax, ledger, health, workers, state }: Watched): void {
  const level = {
    waiting: meters.level('firstcome_issue_waiting_requests', {}),
    unanswered: meters.level('firstcome_issue_unanswered_requests', {}),
    heldBytes: meters.level('firstcome_issue_held_bytes', {}),
    expectedWait: meters.level('firstcome_issue_expected_wait_seconds', {}),
    batches: meters.level('firstcome_issue_batches_under_way', {}),
    generation: meters.level('firstcome_database_generation', {}),
    databaseUp: meters.level('firstcome_database_up', {}),
    clockOffset: meters.level('firstcome_database_clock_offset_seconds', {}),
    redisUp: meters.level('firstcome_redis_up', {}),
    ready: meters.level('firstcome_ready', {}),
  }
  meters.level('firstcome_issue_wait_limit_seconds', {}).value = waitMsMax / 1_000
  meters.level('firstcome_workers_configured', {}).value = workers
  const states = WORKER_STATES.map((word) => [word, meters.level('firstcome_workers', { state: word })] as const)

  meters.onLook(async () => {
    const load = issuer.load()
    level.waiting.value = load.waiting
    level.unanswered.value = load.unanswered
    level.heldBytes.value = load.bytesHeld
    level.expectedWait.value = load.expectedWaitMs / 1_000
    level.batches.value = load.batchesUnderWay
    level.generation.value = ledger.generation
    level.ready.value = Number(state() === 'ready')
    for (const [word, cell] of states) cell.value = Number(word === state())
    for (const { pool, max, busy, idle, opening, waiting, lost } of ledger.connections()) {
      for (const [state, count] of Object.entries({ busy, idle, opening }) as ['busy' | 'idle' | 'opening', number][]) {
        meters.level('firstcome_database_connections', { pool, state }).value = count
      }
      meters.level('firstcome_database_connections_max', { pool }).value = max
      meters.level('firstcome_database_connections_waiting', { pool }).value = waiting
      meters.count('firstcome_database_connections_lost_total', { pool }).value = lost
    }
  })
  meters.onLook(async () => {
    const { database, counter } = await health.report()
    level.databaseUp.value = Number(database === 'up')
    level.clockOffset.value = health.clockOffsetMs === null ? null : health.clockOffsetMs / 1_000
    level.redisUp.value = counter === 'off' ? null : Number(counter === 'up')
  })
}
