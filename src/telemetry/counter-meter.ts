// The counter, with the time of its replies and its errors counted.

import { COUNTER_FAULTS, CounterUnavailable, type Counter } from '../counter/counter.ts'
import type { Clock } from '../host.ts'
import type { Meters } from './meters.ts'

export function meteredCounter(counter: Counter, meters: Meters, clock: Clock): Counter {
  const faults = new Map(
    COUNTER_FAULTS.map((reason) => [reason, meters.count('firstcome_redis_errors_total', { reason })]),
  )
  const timed = (command: 'reserve' | 'resync') => {
    const replies = meters.spread('firstcome_redis_reply_seconds', { command })
    return async <Answer>(call: () => Promise<(Answer | CounterUnavailable)[]>) => {
      const beganAtMs = clock.nowMs()
      const answers = await call()
      const errors = answers.filter((answer) => answer instanceof CounterUnavailable)
      for (const { fault } of errors) faults.get(fault)?.add()
      // How long it takes to learn that there is no answer says nothing about those that come.
      if (errors.length < answers.length) replies.add((clock.nowMs() - beganAtMs) / 1_000)
      return answers
    }
  }
  const reserving = timed('reserve')
  const resyncing = timed('resync')
  return {
    reserve: (asks) => reserving(() => counter.reserve(asks)),
    resync: (asks) => resyncing(() => counter.resync(asks)),
    peek: (campaigns) => counter.peek(campaigns),
    ping: () => counter.ping(),
    close: () => counter.close(),
  }
}
