// What a load makes of how many coupons there are afterwards, also when somebody changed the total meanwhile.

import { expect, test } from 'vitest'
import type { AuditReport } from '../../src/audit/report.ts'
import { prove, type Run } from '../../src/cli/load/proof.ts'

const numbers: Run['numbers'] = {
  elapsedMs: 1_000,
  requests: 80,
  outstanding: 0,
  notSent: 0,
  unknownLeft: 0,
  calls: 80,
  issued: 0,
  replayed: 0,
  refused: {},
  unknown: {},
  latency: { count: 80, p50Ms: 1, p90Ms: 1, p99Ms: 1, p999Ms: 1, maxMs: 1 },
}

function provenWith(run: Partial<Run>, rows: number) {
  const whole: Run = {
    numbers,
    total: 50,
    totalBefore: 50,
    issuedBefore: 0,
    demand: 80,
    isAlone: false,
    isEachItsOwn: true,
    ...run,
  }
  const gaps = { count: 0, ranges: [] }
  const report: AuditReport = {
    campaign_id: 'spring',
    verdict: 'exact',
    complete: rows === whole.total,
    as_of: '2027-03-02T01:00:00.000Z',
    total_coupons: whole.total,
    issued_count: rows,
    highest_slot: rows,
    through_slot: rows,
    checksum: '',
    counter_next: null,
    grace_ms: 1,
    gaps,
    in_flight: gaps,
    violations: [],
    checks: [],
    history: null,
    took_ms: 1,
  }
  return prove(whole, report)
}

test.each<[what: string, run: Partial<Run>, rows: number, verdict: string]>([
  ['all of them', {}, 50, 'good'],
  ['one too few', {}, 49, 'bad'],
  ['fewer came, and so many got one', { demand: 20 }, 20, 'good'],
  ['fewer came, and others too', { demand: 20 }, 30, 'good'],
  ['raised, and all came after it', { total: 70 }, 70, 'good'],
  ['raised, and some were told sold out before it', { total: 70 }, 50, 'good'],
  ['raised, and fewer than there were before', { total: 70 }, 49, 'bad'],
  ['raised, and more than there may be', { total: 70 }, 71, 'bad'],
  ['lowered to what was issued', { total: 40 }, 40, 'good'],
  ['lowered, and fewer than that', { total: 40 }, 39, 'bad'],
])('a campaign that there is: %s', (_what, run, rows, verdict) => {
  expect(provenWith(run, rows).verdict).toBe(verdict)
})

test('of a changed total it is said, and exactly is not', () => {
  const { summary, claims } = provenWith({ total: 70 }, 60)
  expect(summary).toBe(
    'Good: 60 coupons for 80 requests, with a total that was changed meanwhile, and every answer is true.',
  )
  expect(claims.find(({ name }) => name === 'exactly')?.says).toContain('the total was 50 and is 70')
})
