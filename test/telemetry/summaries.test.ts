// A line for each campaign and second while it is busy, and what is bounded about it.

import { expect, test } from 'vitest'
import { systemClock } from '../../src/host.ts'
import { Summaries } from '../../src/telemetry/summaries.ts'

type Line = Record<string, unknown> & {
  readonly refused: Record<string, number>
  readonly faults: Record<string, number>
}

/** Time stands until `pass` is called. */
function opened() {
  const lines: Line[] = []
  const due: { atMs: number; work: () => void }[] = []
  let nowMs = 0
  const clock = {
    ...systemClock,
    nowMs: () => nowMs,
    after(ms: number, work: () => void) {
      const timer = { atMs: nowMs + ms, work }
      due.push(timer)
      return () => void due.splice(due.indexOf(timer), 1)
    },
    soon: (work: () => void) => void due.push({ atMs: nowMs, work }),
  }
  const pass = (ms: number) => {
    nowMs += ms
    for (const { work } of due.splice(0, due.length).filter((timer) => timer.atMs <= nowMs || !due.push(timer))) work()
  }
  const log = { info: (fields: object, message: string) => void lines.push({ ...fields, message } as unknown as Line) }
  return { summaries: new Summaries(log, clock), lines, due, pass }
}

test('a busy second is one line, with all that was told in it', () => {
  const { summaries, lines, pass } = opened()
  for (let i = 1; i <= 100; i++) summaries.count('spring', 'issued', i)
  summaries.count('spring', 'replayed', 1)
  summaries.count('spring', 'sold_out', 1)
  summaries.count('spring', 'sold_out', 1)
  // As quick as it may be, or as slow: no latency of an answer.
  summaries.count('spring', 'overloaded', 0)
  summaries.count('spring', 'unavailable', 8_000)
  summaries.count('spring', 'invalid_request', 1)
  pass(1_003)
  expect(lines).toEqual([
    {
      campaign_id: 'spring',
      seconds: 1.003,
      issued: 100,
      replayed: 1,
      refused: { sold_out: 2 },
      faults: { overloaded: 1, unavailable: 1, invalid_request: 1 },
      p50_ms: expect.any(Number),
      p99_ms: expect.any(Number),
      message: 'a second of a campaign',
    },
  ])
  expect(lines[0]?.['p50_ms']).toBeCloseTo(49, -0.5)
  expect(lines[0]?.['p99_ms']).toBeCloseTo(99, -0.5)
})

test('a quiet second is no line, and no timer', () => {
  const { summaries, lines, due, pass } = opened()
  expect(due).toEqual([])
  summaries.count('spring', 'issued', 1)
  pass(1_000)
  pass(1_000)
  pass(1_000)
  expect([lines.length, due.length]).toEqual([1, 0])
  summaries.count('spring', 'issued', 1)
  pass(1_000)
  expect(lines.map(({ issued }) => issued)).toEqual([1, 1])
})

test('only faults: no latency is made up', () => {
  const { summaries, lines, pass } = opened()
  summaries.learn('spring')
  summaries.count('spring', 'unavailable', 8_000)
  pass(1_000)
  expect(lines).toEqual([
    {
      campaign_id: 'spring',
      seconds: 1,
      issued: 0,
      replayed: 0,
      refused: {},
      faults: { unavailable: 1 },
      message: 'a second of a campaign',
    },
  ])
})

test('of hundreds of campaigns the busiest have lines, the others one together, and nothing is lost', () => {
  const { summaries, lines, pass } = opened()
  let calls = 0
  for (let campaign = 0; campaign < 500; campaign++) {
    const times = campaign < 30 ? 2 + campaign : 1
    for (let i = 0; i < times; i++) summaries.count(`c-${campaign}`, i % 2 === 0 ? 'issued' : 'sold_out', 1)
    calls += times
  }
  pass(1_000)
  expect(lines).toHaveLength(21)
  expect(lines.slice(0, 20).map((line) => line['campaign_id'])).toEqual(
    Array.from({ length: 20 }, (_, index) => `c-${29 - index}`),
  )
  expect(lines[20]).toMatchObject({ others: true, message: 'a second of the others' })
  expect(lines[20]?.['p99_ms']).toBeDefined()
  const told = lines.reduce((sum, { issued, refused }) => sum + Number(issued) + (refused['sold_out'] ?? 0), 0)
  expect(told).toBe(calls)
})

test('what ends is written, also what is answered after the end', () => {
  const { summaries, lines, due, pass } = opened()
  summaries.count('spring', 'issued', 1)
  pass(400)
  summaries.close()
  expect(lines).toMatchObject([{ campaign_id: 'spring', seconds: 0.4, issued: 1 }])
  expect(due).toEqual([])
  summaries.count('spring', 'unavailable', 1)
  summaries.count('spring', 'unavailable', 1)
  pass(0)
  expect(lines).toHaveLength(2)
  expect(lines[1]).toMatchObject({ faults: { unavailable: 2 } })
  summaries.close()
  expect(lines).toHaveLength(2)
})

test('an id is written only when the ledger has confirmed it', () => {
  const { summaries, lines, pass } = opened()
  const RECIPIENT = 'somebody-in-the-wrong-place'
  summaries.count(RECIPIENT, 'campaign_not_found', 1)
  summaries.count(RECIPIENT, 'unavailable', 1)
  pass(1_000)
  expect(lines).toMatchObject([{ others: true, refused: { campaign_not_found: 1 }, faults: { unavailable: 1 } }])
  expect(JSON.stringify(lines)).not.toContain(RECIPIENT)
  // A campaign may have an id like a code.
  const LIKE_A_CODE = '7KQ2M9XD4R8TVW3A'
  summaries.count(LIKE_A_CODE, 'sold_out', 1)
  pass(1_000)
  expect(lines[1]).toMatchObject({ campaign_id: LIKE_A_CODE })
  // From then on, also in an outage, and when it was deleted.
  summaries.count(LIKE_A_CODE, 'unavailable', 1)
  summaries.count(LIKE_A_CODE, 'campaign_not_found', 1)
  pass(1_000)
  expect(lines[2]).toMatchObject({ campaign_id: LIKE_A_CODE, faults: { unavailable: 1 } })
})

test('ids are remembered by the thousand, not without end', () => {
  const { summaries } = opened()
  for (let campaign = 0; campaign <= 10_000; campaign++) {
    summaries.learn('spring')
    summaries.learn(`c-${campaign}`)
  }
  expect(summaries.knows('spring')).toBe(true)
  expect(summaries.knows('c-0')).toBe(false)
  expect(summaries.knows('c-10000')).toBe(true)
})

test('what takes longer than anything may is counted as the longest', () => {
  const { summaries, lines, pass } = opened()
  summaries.count('spring', 'issued', 1e9)
  summaries.count('spring', 'issued', -1)
  pass(1_000)
  expect(lines).toHaveLength(1)
})
