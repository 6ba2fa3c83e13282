// What the path tells, counted: each event finds its cell made.

import type { Clock } from '../host.ts'
import {
  LEDGER_WAY_REASONS,
  OVERLOADS,
  PROOFS,
  RESYNC_REASONS,
  STATIONS,
  type Accompanied,
  type IssueMeter,
  type LedgerWayReason,
  type Overload,
  type Proof,
  type ResyncReason,
  type Station,
} from '../issue/meter.ts'
import type { Meters } from './meters.ts'
import type { Traces } from './traces.ts'

export function issueMeter(meters: Meters, traces: Traces | null, clock: Clock): IssueMeter {
  const durations = by(STATIONS, (station) => meters.spread('firstcome_issue_station_duration_seconds', { station }))
  const retries = by(STATIONS, (station) => meters.count('firstcome_issue_retries_total', { station }))
  const resyncs = by(RESYNC_REASONS, (reason) => meters.count('firstcome_issue_resyncs_total', { reason }))
  const slowRequests = by(LEDGER_WAY_REASONS, (reason) =>
    meters.count('firstcome_issue_ledger_way_requests_total', { reason }),
  )
  const slowBatches = by(LEDGER_WAY_REASONS, (reason) =>
    meters.count('firstcome_issue_ledger_way_batches_total', { reason }),
  )
  const proofs = by(PROOFS, (result) => meters.count('firstcome_issue_sold_out_proofs_total', { result }))
  const overloads = by(OVERLOADS, (limit) => meters.count('firstcome_issue_overloaded_total', { limit }))
  const batches = meters.spread('firstcome_issue_batch_requests', {})
  const followers = meters.count('firstcome_issue_followers_total', {})
  const collisions = meters.count('firstcome_issue_collisions_total', {})
  const gaps = meters.count('firstcome_issue_gaps_filled_total', {})

  return {
    async station<T>(station: Station, requests: readonly Accompanied[], work: () => Promise<T>): Promise<T> {
      const beganAtMs = clock.nowMs()
      try {
        return await (traces === null ? work() : traces.station(station, requests, work))
      } finally {
        const tookMs = clock.nowMs() - beganAtMs
        durations[station].add(tookMs / 1_000)
        for (const { companion } of requests) companion?.passed(station, tookMs)
      }
    },
    batch(size: number, following: number) {
      batches.add(size)
      followers.add(following)
    },
    retried: (station: Station) => retries[station].add(),
    collided: (requests: number) => collisions.add(requests),
    resynced: (reason: ResyncReason, campaigns: number) => resyncs[reason].add(campaigns),
    toLedgerWay: (reason: LedgerWayReason) => slowRequests[reason].add(),
    ledgerWayBatch: (reason: LedgerWayReason) => slowBatches[reason].add(),
    filledGaps: (count: number) => gaps.add(count),
    soldOut: (proof: Proof) => proofs[proof].add(),
    overloaded: (limit: Overload) => overloads[limit].add(),
  }
}

function by<Word extends string, Cell>(words: readonly Word[], make: (word: Word) => Cell): Record<Word, Cell> {
  return Object.fromEntries(words.map((word) => [word, make(word)])) as Record<Word, Cell>
}
