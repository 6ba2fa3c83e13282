// One campaign, one coupon, one of each answer: the examples of the OpenAPI document. Made by the same functions that
// make real answers, so that they cannot drift; a test holds them against their schemas.

import { GRACE_MS_DEFAULT } from '../audit/audit.ts'
import { type AuditReport, Findings } from '../audit/report.ts'
import type { Campaign } from '../campaign/campaign.ts'
import { campaignFacts } from '../campaign/facts.ts'
import type { Change } from '../ledger/changes.ts'
import type { Coupon } from '../ledger/ledger.ts'
import { FAULTS } from '../answers.ts'
import { METRICS } from '../telemetry/metrics.ts'
import { auditRunningJson } from './audit-handlers.ts'
import { issuedJson } from './coupon-handlers.ts'
import { campaignCursor, changeCursor, couponCursor } from './cursors.ts'
import { CSV, NDJSON } from './export-formats.ts'
import type { WrongField } from './invalid-request.ts'
import { problemJson, type ProblemCode, type ProblemExtras } from './problems.ts'
import { campaignJson, changeJson, couponJson } from './representations.ts'
import { problemPageJson, startJson } from './service-handlers.ts'
import { AUDIT_RETRY_MS } from './limits.ts'
import { formatTime } from './times.ts'

const CREATED_MS = Date.UTC(2027, 1, 26, 8, 30)
const START_MS = Date.UTC(2027, 2, 2, 1)
const END_MS = Date.UTC(2027, 2, 2, 15)
const NOW_MS = START_MS + 1_834
const REQUEST_ID = 'k3vQ9xTa-2f'

const campaign: Campaign = {
  id: 'spring-2027',
  createdAtMs: CREATED_MS,
  name: '봄맞이 선착순 쿠폰',
  startTimeMs: START_MS,
  endTimeMs: END_MS,
  totalCoupons: 10_000,
  paused: false,
  recipientRequired: true,
  test: false,
  codeFormat: { alphabet: 'base32', length: 16, prefix: '' },
  metadata: { owner: 'growth' },
  version: 1,
  soldOutTotal: null,
  updatedAtMs: CREATED_MS,
}

const coupon: Coupon = {
  campaignId: campaign.id,
  couponCode: '7KQ2M9XD4R8TVW3A',
  slot: 417,
  requestKey: '',
  recipient: 'user-20417',
  recipientKey: '',
  issuedAtMs: START_MS + 212,
}

const caller = { client: 'shop-admin', keyId: 'k7Qm2', operator: null, requestId: REQUEST_ID }
const operator = { client: null, keyId: null, operator: 'ops@db-1', requestId: null }
const changes: Change[] = [
  {
    id: 42,
    atMs: NOW_MS,
    by: caller,
    action: 'campaign.changed',
    campaignId: campaign.id,
    before: campaignFacts(campaign),
    after: campaignFacts({ ...campaign, paused: true, version: 2 }),
  },
  {
    id: 41,
    atMs: NOW_MS - 60_000,
    by: operator,
    action: 'recipient.erased',
    campaignId: null,
    before: null,
    after: { coupons: 2 },
  },
]

const scheduled = campaignJson({ campaign, issuedCount: 0, status: 'scheduled', nowMs: CREATED_MS })
const open = campaignJson({ campaign, issuedCount: 4_096, status: 'open', nowMs: NOW_MS })
const paused = campaignJson({
  campaign: { ...campaign, paused: true, version: 2, updatedAtMs: NOW_MS },
  issuedCount: 4_096,
  status: 'paused',
  nowMs: NOW_MS,
})

const noGaps = { count: 0, ranges: [] }
const audit: AuditReport = {
  campaign_id: campaign.id,
  verdict: 'exact',
  complete: false,
  as_of: formatTime(NOW_MS),
  total_coupons: campaign.totalCoupons,
  issued_count: 4_096,
  highest_slot: 4_098,
  through_slot: 4_090,
  checksum: '7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a',
  counter_next: 4_099,
  grace_ms: GRACE_MS_DEFAULT,
  gaps: noGaps,
  in_flight: { count: 2, ranges: [{ from: 4_091, to: 4_092 }] },
  violations: [],
  checks: new Findings().checks,
  history: null,
  took_ms: 61,
}

/** Bodies that are sent. */
export const REQUESTS = {
  createCampaign: {
    withOwnId: {
      id: campaign.id,
      name: campaign.name,
      start_time: '2027-03-02T10:00:00+09:00',
      end_time: '2027-03-03T00:00:00+09:00',
      total_coupons: campaign.totalCoupons,
      recipient_required: true,
      metadata: campaign.metadata,
    },
    startingNow: { name: 'Try it', start_time: 'now', total_coupons: 100 },
    hangulCodes: {
      name: '한글 코드',
      start_time: '2027-03-02T10:00:00+09:00',
      total_coupons: 500,
      code_format: { alphabet: 'hangul', length: 10, prefix: 'SPRING-' },
    },
  },
  changeCampaign: {
    pause: { paused: true },
    resume: { paused: false },
    moreCoupons: { total_coupons: 20_000 },
    endEarlier: { end_time: '2027-03-02T18:00:00+09:00' },
  },
  issueCoupon: { forRecipient: { recipient: 'user-20417' }, forNobodyInParticular: {} },
} as const

/** Answers that are good. */
export const REPLIES = {
  campaignScheduled: scheduled,
  campaignOpen: open,
  campaignPaused: paused,
  campaignPage: { data: [open], next_cursor: campaignCursor(campaign) },
  coupon: couponJson(coupon),
  couponPage: { data: [couponJson(coupon)], next_cursor: couponCursor(coupon.slot, 'asc') },
  changePage: { data: changes.map(changeJson), next_cursor: changeCursor(41) },
  csv: CSV.head + CSV.line(coupon),
  ndjson: NDJSON.line(coupon) + NDJSON.foot(1),
  issued: issuedJson(coupon, null),
  replayedByRequest: issuedJson(coupon, 'request'),
  replayedByRecipient: issuedJson(coupon, 'recipient'),
  auditExact: audit,
  auditHealing: {
    ...audit,
    verdict: 'healing',
    gaps: { count: 2, ranges: [{ from: 4_091, to: 4_092 }] },
    in_flight: noGaps,
  },
  auditRunning: auditRunningJson(campaign.id, { step: 'rows', done: 1_220_000, expected: 10_000_000 }, AUDIT_RETRY_MS),
  alive: { status: 'ok' },
  ready: { status: 'ready', database: 'up', counter: 'up', lock_scope: 'campaign' },
  readyWithoutCounter: { status: 'ready', database: 'up', counter: 'down', lock_scope: 'campaign' },
  starting: { status: 'starting', database: 'down', counter: 'off', lock_scope: 'campaign' },
  closing: { status: 'closing', database: 'up', counter: 'up', lock_scope: 'campaign' },
  start: startJson('0.1.0'),
  metrics: `# HELP firstcome_ready ${METRICS.firstcome_ready.help}\n# TYPE firstcome_ready gauge\nfirstcome_ready 1\n`,
  problemPage: problemPageJson('sold_out'),
} as const

/** The members that some problems carry besides the usual ones. */
const EXTRAS: Partial<Record<ProblemCode, ProblemExtras>> = {
  campaign_not_started: {
    start_time: formatTime(START_MS),
    server_time: formatTime(START_MS - 2_345),
    starts_in_ms: 2_345,
  },
  campaign_ended: { end_time: formatTime(END_MS) },
  campaign_has_coupons: { fields: ['start_time'] },
  total_below_issued: { lowest_total: 417 },
  campaign_changed: { campaign: paused },
  forbidden: { scope: 'admin' },
}

export function sampleProblem(code: ProblemCode, errors: readonly WrongField[]) {
  const isRetryable = code in FAULTS && FAULTS[code as keyof typeof FAULTS].retryable
  return problemJson(code, REQUEST_ID, {
    ...EXTRAS[code],
    ...(code === 'invalid_request' && { errors }),
    ...(isRetryable && { retry_after_ms: 1_240 }),
  })
}
