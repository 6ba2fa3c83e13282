// A statement without an answer is sent again: the same one, with the same slots, codes, keys and times. What it did the
// first time it then finds done; a changed one would do it twice.

import type { Clock, Randomness } from '../host.ts'
import { LedgerUnavailable } from '../ledger/ledger.ts'
import type { IssueMeter, Station } from './meter.ts'
import type { IssueRequest } from './request.ts'

/** The first pause; it doubles up to the second. Each is drawn from half to all of it, so that servers spread out. */
const PAUSE_MS = 4
const PAUSE_MS_MAX = 250

/**
 * Resolves with the answer, or with null when nobody waits for it any more: each request has its own deadline.
 * @param onUnavailable told of each failure before the next attempt
 */
export function untilAnswered<T>(
  station: Station,
  requests: readonly IssueRequest[],
  statement: () => Promise<T>,
  { clock, randomness, meter }: { clock: Clock; randomness: Randomness; meter: IssueMeter },
  onUnavailable: (error: LedgerUnavailable) => void = () => {},
): Promise<T | null> {
  return meter.station(station, requests, async () => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await statement()
      } catch (error) {
        if (!(error instanceof LedgerUnavailable)) throw error
        onUnavailable(error)
      }
      meter.retried(station)
      await clock.sleep(pauseMs(attempt, randomness))
      if (requests.every((request) => request.isAnswered)) return null
    }
  })
}

export function pauseMs(attempt: number, randomness: Randomness): number {
  return Math.min(PAUSE_MS * 2 ** Math.min(attempt, 10), PAUSE_MS_MAX) * (0.5 + 0.5 * randomness.fraction())
}
