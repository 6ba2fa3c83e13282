import { expect, test } from 'vitest'
import type { AuditReport } from '../../src/audit/report.ts'
import type { HistoryCall } from '../../src/load/history.ts'
import { auditFindings, toldFindings } from './verdict.ts'

const START_MS = 1_000_000

async function* history(calls: readonly Partial<HistoryCall>[]): AsyncGenerator<HistoryCall> {
  for (const [index, call] of calls.entries()) {
    yield {
      request: `r${index}`,
      call: 1,
      campaign_id: 'c',
      recipient: null,
      idempotency_key: `k${index}`,
      server: 'http://a',
      intended_at: START_MS + 500,
      sent_at: START_MS + 500,
      answered_at: START_MS + 600,
      answer: 'refused',
      status: 409,
      code: null,
      coupon: null,
      ...call,
    }
  }
}

/** Ten coupons, a millisecond after another; the total was raised to 20 and lowered to 10 again. */
async function told(...calls: Partial<HistoryCall>[]): Promise<string[]> {
  const findings = await toldFindings({
    campaignId: 'c',
    startMs: START_MS,
    totals: [
      { total: 10, fromMs: 0, untilMs: START_MS + 700 },
      { total: 20, fromMs: START_MS + 650, untilMs: START_MS + 900 },
      { total: 10, fromMs: START_MS + 850, untilMs: null },
    ],
    issuedMs: Array.from({ length: 10 }, (_, index) => START_MS + 400 + index),
    calls: history(calls),
    isCalm: (request) => request.startsWith('late'),
    unanswered: [],
  })
  return findings.map(({ promise, what }) => `${promise} ${/: ([^:]+)$/.exec(what)?.[1]}`)
}

const soldOut = (sent: number, answered: number) =>
  ({ code: 'sold_out', sent_at: START_MS + sent, answered_at: START_MS + answered }) as const

test.each([
  ['issued', 201],
  ['replayed', 200],
  ['campaign_paused', 409],
  ['campaign_ended', 409],
  ['unavailable', 503],
  ['overloaded', 503],
  [null, null],
] as const)('%s is what a caller may be told', async (code, status) => {
  expect(await told({ code, status })).toEqual([])
})

test.each([
  ['internal', 500],
  ['campaign_not_found', 404],
  ['idempotency_key_reused', 422],
  [null, 502],
  [null, 200],
] as const)('%s with %s is not', async (code, status) => {
  expect(await told({ code, status })).toEqual(['P6 nobody should be'])
})

test('sold out: when all of a total that may have held were issued', async () => {
  expect(await told(soldOut(500, 600))).toEqual([])
  // The one before may still have held when it was sent.
  expect(await told(soldOut(690, 800))).toEqual([])
  // The next one may have held when it was answered.
  expect(await told(soldOut(800, 860))).toEqual([])
  expect(await told(soldOut(390, 405))).toEqual(['P6 6 of 10 were issued'])
  expect(await told(soldOut(710, 800))).toEqual(['P6 10 of 20 were issued'])
})

test('a service that is well answers everybody', async () => {
  const unavailable = { answer: 'unknown', status: 503, code: 'unavailable' } as const
  expect(await told({ ...unavailable, request: 'r1' })).toEqual([])
  expect(await told({ ...unavailable, request: 'late-1' })).toEqual(['P6 all had healed'])
  expect(await told({ answer: 'unknown', request: 'late-1' })).toEqual(['P6 all had healed'])
})

test('too early: until the start', async () => {
  expect(await told({ code: 'campaign_not_started', sent_at: START_MS - 1 })).toEqual([])
  expect(await told({ code: 'campaign_not_started', sent_at: START_MS + 1 })).toEqual(['P6 it has started'])
})

test('who has no answer is found', async () => {
  const one = {
    campaignId: 'c',
    startMs: 0,
    totals: [],
    issuedMs: [],
    calls: history([]),
    isCalm: () => false,
    unanswered: ['r7'],
  }
  expect(await toldFindings(one)).toEqual([{ promise: 'P2', what: 'c: r7 was not answered after all had healed' }])
})

test('what the audit finds belongs to a promise; a gap is one too few, however young', () => {
  const report = {
    campaign_id: 'c',
    violations: [{ check: 'one_coupon_each', detail: 'Not so.', count: 2, examples: ['codes …A and …B'] }],
    issued_count: 9,
    total_coupons: 10,
    gaps: { count: 0, ranges: [] },
    in_flight: { count: 1, ranges: [{ from: 4, to: 4 }] },
  } as unknown as AuditReport
  expect(auditFindings(report)).toEqual([
    { promise: 'P4', what: 'c: one_coupon_each, 2 times: Not so. codes …A and …B' },
    { promise: 'P2', what: 'c: 9 of 10, gaps: 4-4' },
  ])
  const whole = { ...report, violations: [], issued_count: 10, in_flight: { count: 0, ranges: [] } }
  expect(auditFindings(whole)).toEqual([])
})
