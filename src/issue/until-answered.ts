// A statement without an answer is sent again: the same one, with the same slots, codes, keys and times. What it did the
// first time it then finds done; a changed one would do it twice.

import type { Clock, Randomness } from '../host.ts'
import { LedgerUnavailable } from '../ledger/ledger.ts'
import type { IssueRequest } from './request.ts'

/** The first pause; it doubles up to the second. Each is drawn from half to all of it, so that servers spread out. */
const PAUSE_MS = 4
const PAUSE_MS_MAX = 250

/**
 * Resolves with the answer, or with null when nobody waits for it any more: each request has its own deadline.
 * @param onUnavailable told of each failure before the next attempt
 */
export async function untilAnswered<T>(
  requests: readonly IssueRequest[],
  statement: () => Promise<T>,
  host: { clock: Clock; randomness: Randomness },
  onUnavailable: (error: LedgerUnavailable) => void = () => {},
): Promise<T | null> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await statement()
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error
      onUnavailable(error)
    }
    await host.clock.sleep(pauseMs(attempt, host.randomness))
    if (requests.every((request) => request.isAnswered)) return null
  }
}

export function pauseMs(attempt: number, randomness: Randomness): number {
  return Math.min(PAUSE_MS * 2 ** Math.min(attempt, 10), PAUSE_MS_MAX) * (0.5 + 0.5 * randomness.fraction())
}
