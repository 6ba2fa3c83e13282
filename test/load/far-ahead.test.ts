// A start that is further ahead than one timer can wait.

import { expect, test } from 'vitest'
import { systemClock, systemRandomness, type Clock } from '../../src/host.ts'
import { runLoad } from '../../src/load/load.ts'
import { burst, type Plan } from '../../src/load/plan.ts'

const MONTH_MS = 31 * 24 * 3_600_000
/** A timer of more does not wait at all. */
const TIMER_MS_MAX = 2 ** 31 - 1

test.each<[string, (atMs: number) => Plan]>([
  ['open', (atMs) => burst(1, atMs)],
  ['closed', (fromMs) => ({ kind: 'closed', requests: 1, callers: 1, fromMs })],
])('%s: it is waited for in pieces, and nothing is sent', async (_kind, planOf) => {
  const over = new AbortController()
  let passedMs = 0
  const slept: number[] = []
  const clock: Clock = {
    ...systemClock,
    nowMs: () => passedMs,
    wallMs: () => passedMs,
    after(ms, work) {
      slept.push(ms)
      // The second time somebody has enough.
      if (slept.length === 2) queueMicrotask(() => over.abort())
      else {
        passedMs += ms
        queueMicrotask(work)
      }
      return () => {}
    },
  }
  const numbers = await runLoad({
    servers: ['http://127.0.0.1:9'],
    campaignId: 'spring',
    plan: planOf(MONTH_MS),
    want: (number) => ({ request: `r${number}`, recipient: 'user-1', idempotencyKey: null }),
    connections: 1,
    patienceMs: 1_000,
    onCall: () => {},
    signal: over.signal,
    clock,
    randomness: systemRandomness,
  })
  expect(slept).toEqual([TIMER_MS_MAX, MONTH_MS - TIMER_MS_MAX])
  expect(numbers).toMatchObject({ requests: 0, calls: 0, notSent: 1 })
})
