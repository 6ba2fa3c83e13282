// The circuit breaker of the counter and what the log is told of it, on a clock that the test moves.

import { beforeEach, describe, expect, test } from 'vitest'
import { Absence } from '../../src/counter/absence.ts'
import { Lanes } from '../../src/counter/lanes.ts'
import { COUNTER_LIMITS } from '../../src/counter/limits.ts'
import { ManualClock } from '../manual-clock.ts'

const REPLY_MS_MAX = 300
const { awayMs, probeMs, refusalMs, stallMsMax } = COUNTER_LIMITS

let clock: ManualClock
beforeEach(() => {
  clock = new ManualClock()
})

describe('the breaker', () => {
  /** Of a server that answers after `replyMs`. */
  const open = () => {
    const state = { replyMs: 0, probes: 0, answers: 0 }
    const lanes = new Lanes(clock, REPLY_MS_MAX, () => state.answers++)
    const probe = () => {
      state.probes++
      return clock.sleep(state.replyMs)
    }
    return { state, lanes, probe }
  }

  test('shut from the first command that is overdue, until a probe is answered in time', async () => {
    const { state, lanes, probe } = open()
    expect(lanes.isShut('')).toBe(false)
    lanes.hold('', probe)
    expect(lanes.isShut('')).toBe(true)
    expect(lanes.isShut('another')).toBe(false)
    lanes.release('')
    expect(lanes.isShut('')).toBe(true)
    await clock.pass(1)
    expect({ isShut: lanes.isShut(''), ...state }).toMatchObject({ isShut: false, probes: 1, answers: 1 })
  })

  test('a server that answers late stays shut out, and is asked by nobody who waits', async () => {
    const { state, lanes, probe } = open()
    state.replyMs = 2_000
    lanes.hold('', probe)
    lanes.release('')
    for (let seconds = 0; seconds < 60; seconds++) {
      await clock.pass(1_000)
      expect(lanes.isShut('')).toBe(true)
    }
    // One at a time, with a pause.
    expect(state.probes).toBeLessThanOrEqual(1 + 60_000 / (state.replyMs + probeMs.value))
    expect(state.probes).toBeGreaterThan(20)
    expect(state.answers).toBe(0)
    state.replyMs = 0
    await clock.pass(2_000 + probeMs.value)
    expect(lanes.isShut('')).toBe(false)
  })

  test('several that are overdue: the last of them asks', async () => {
    const { state, lanes, probe } = open()
    lanes.hold('', probe)
    lanes.hold('', probe)
    lanes.release('')
    await clock.pass(1)
    expect([state.probes, lanes.isShut('')]).toEqual([0, true])
    lanes.release('')
    await clock.pass(1)
    expect([state.probes, lanes.isShut('')]).toEqual([1, false])
  })

  test('no connection is an answer that comes at once', async () => {
    const { state, lanes } = open()
    lanes.hold('', () => Promise.reject(new Error('offline')))
    lanes.release('')
    await clock.pass(1)
    expect([lanes.isShut(''), state.answers]).toEqual([false, 0])
  })

  test('a reply that never comes does not shut it for good', async () => {
    const { state, lanes, probe } = open()
    state.replyMs = Infinity
    lanes.hold('', probe)
    lanes.release('')
    await clock.pass(stallMsMax.value - 1)
    expect(lanes.isShut('')).toBe(true)
    await clock.pass(1)
    expect(lanes.isShut('')).toBe(false)
  })
})

describe('the log', () => {
  const open = () => {
    const lines: string[] = []
    return { lines, absence: new Absence(clock, (line) => lines.push(line)) }
  }

  test('a line when it is away, and one when it is back: for how long, and for how many', async () => {
    const { lines, absence } = open()
    for (let calls = 0; calls < 100; calls++) {
      absence.failed('no_connection', 'no connection (ECONNREFUSED)', 3)
      await clock.pass(100)
    }
    expect(lines).toEqual(['Redis is away: no connection (ECONNREFUSED). Coupons come from the database alone'])
    absence.answered()
    absence.answered()
    expect(lines.slice(1)).toEqual(['Redis answers again after 10.0 s: 300 requests took the ledger way'])
  })

  test('nothing of what is shorter, however often', async () => {
    const { lines, absence } = open()
    for (let times = 0; times < 20; times++) {
      absence.failed('no_reply', 'no reply', 1)
      await clock.pass(awayMs.value - 1)
      absence.answered()
    }
    expect(lines).toEqual([])
  })

  test('a connection that is lost is told of although nobody asks', async () => {
    const { lines, absence } = open()
    absence.failed('no_connection', 'no connection (ECONNRESET)', 0)
    await clock.pass(awayMs.value)
    expect(lines).toEqual([expect.stringContaining('ECONNRESET')])
    absence.reached()
    expect(lines).toEqual([lines[0], 'Redis answers again after 1.0 s: 0 requests took the ledger way'])
  })

  test('not before the reason is known; that earlier commands are overdue is none', async () => {
    const { lines, absence } = open()
    absence.failed('no_connection', null, 1)
    await clock.pass(awayMs.value)
    expect(lines).toEqual([])
    absence.failed('no_reply', 'no reply in 300 ms', 1)
    absence.failed('stalled', 'not answered earlier commands', 1)
    expect(lines).toEqual([expect.stringContaining('no reply in 300 ms')])
  })

  test('what is refused is no sign of life, and one that was refused once is not away', async () => {
    const { lines, absence } = open()
    absence.failed('refused', 'Redis refused: OOM', 1)
    expect(absence.isRefusing).toBe(true)
    await clock.pass(awayMs.value)
    absence.reached()
    expect(lines).toEqual([])
    absence.failed('refused', 'Redis refused: OOM', 1)
    expect(lines).toEqual([expect.stringContaining('OOM')])
    absence.reached()
    expect(lines).toHaveLength(1)
    absence.answered()
    expect(lines).toHaveLength(2)
    expect(absence.isRefusing).toBe(false)
  })

  test('when nobody asks any more, a PING is believed again', async () => {
    const { absence } = open()
    absence.failed('nonsense', 'no sense', 1)
    await clock.pass(refusalMs.value)
    expect(absence.isRefusing).toBe(false)
  })
})
