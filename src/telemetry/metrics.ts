// Every metric of the service, in one table; docs/observing.md shows it, and a test compares them. Names as Prometheus
// wants them: base units, `_total` for what only grows. No label has values without bound: no campaign, no recipient, no
// client, no path.

import { COUNTER_FAULTS } from '../counter/counter.ts'
import { LEDGER_WAY_REASONS, OVERLOADS, PROOFS, RESYNC_REASONS, STATIONS } from '../issue/meter.ts'

export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** By name; null: values are met as time goes on, of a set that has an end. */
  readonly labels?: Readonly<Record<string, readonly string[] | null>>
  /** Of a histogram: the upper ends of its buckets. */
  readonly bounds?: readonly number[]
  /** What several processes of one server make of it together. Default: the sum. */
  readonly together?: 'sum' | 'max' | 'min' | 'first'
  readonly help: string
}

/** What an answer is, for its latency: the three differ for good reasons. */
export const ANSWER_KINDS = ['coupon', 'refusal', 'fault'] as const

/** How a process of a server stands. */
export const WORKER_STATES = ['starting', 'ready', 'ending'] as const
export type WorkerState = (typeof WORKER_STATES)[number]
/** Why a worker was begun after the first ones. */
export const WORKER_STARTS = ['died', 'replaced'] as const

/** From a millisecond to ten seconds, close enough that a quantile read between two of them is right within a third. */
const LATENCY_BOUNDS = [
  0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
  0.75, 1, 1.5, 2, 3, 5, 7.5, 10,
] as const
const STATION_BOUNDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10] as const
const HTTP_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60] as const
const REDIS_BOUNDS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5] as const
const SIZE_BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 300, 400, 500] as const

export const METRICS = {
  firstcome_issue_answers_total: {
    type: 'counter',
    labels: { code: null },
    help: 'Calls for a coupon, by the code of what they were told.',
  },
  firstcome_issue_duration_seconds: {
    type: 'histogram',
    labels: { kind: ANSWER_KINDS },
    bounds: LATENCY_BOUNDS,
    help: 'From the head of a call for a coupon to its reply: a coupon, a refusal or a fault.',
  },
  firstcome_issue_hung_up_total: {
    type: 'counter',
    help: 'Calls for a coupon whose caller was gone before there was a reply; not among the answers.',
  },
  firstcome_issue_waiting_requests: { type: 'gauge', help: 'Requests that wait for a batch or for the ledger way.' },
  firstcome_issue_unanswered_requests: { type: 'gauge', help: 'Requests on the path that have no answer yet.' },
  firstcome_issue_held_bytes: { type: 'gauge', help: 'About what those hold.' },
  firstcome_issue_expected_wait_seconds: {
    type: 'gauge',
    together: 'max',
    help: 'How long a new request would wait, in the campaign where that is longest.',
  },
  firstcome_issue_wait_limit_seconds: {
    type: 'gauge',
    together: 'first',
    help: 'Beyond it a request is told `overloaded`: WAIT_MS_MAX.',
  },
  firstcome_issue_overloaded_total: {
    type: 'counter',
    labels: { limit: OVERLOADS },
    help: 'Requests that were told `overloaded`, by what was over its limit.',
  },
  firstcome_issue_batches_under_way: { type: 'gauge', help: 'Batches on their way.' },
  firstcome_issue_batch_requests: { type: 'histogram', bounds: SIZE_BOUNDS, help: 'Requests in a batch.' },
  firstcome_issue_followers_total: {
    type: 'counter',
    help: 'Times that a request was left waiting for another call of the same request or recipient.',
  },
  firstcome_issue_station_duration_seconds: {
    type: 'histogram',
    labels: { station: STATIONS },
    bounds: STATION_BOUNDS,
    help: 'How long a station worked for a batch, what was sent again included.',
  },
  firstcome_issue_retries_total: {
    type: 'counter',
    labels: { station: STATIONS },
    help: 'Statements that got no answer and were sent again.',
  },
  firstcome_issue_collisions_total: {
    type: 'counter',
    help: 'Requests that met a row of somebody else, or whose row was passed over, and went round again.',
  },
  firstcome_issue_resyncs_total: {
    type: 'counter',
    labels: { reason: RESYNC_REASONS },
    help: 'Campaigns whose highest slot was told to the counter.',
  },
  firstcome_issue_ledger_way_requests_total: {
    type: 'counter',
    labels: { reason: LEDGER_WAY_REASONS },
    help: 'Requests that came to the ledger way.',
  },
  firstcome_issue_ledger_way_batches_total: {
    type: 'counter',
    labels: { reason: LEDGER_WAY_REASONS },
    help: 'Transactions of the ledger way, by the reason of the request that came first.',
  },
  firstcome_issue_gaps_filled_total: {
    type: 'counter',
    help: 'Coupons issued on slots that had been passed over.',
  },
  firstcome_issue_sold_out_proofs_total: {
    type: 'counter',
    labels: { result: PROOFS },
    help: 'Proofs that a campaign is sold out; `withdrawn`: rows have vanished since.',
  },
  firstcome_http_requests_total: {
    type: 'counter',
    labels: { operation: null, status: null },
    help: 'Requests by operation, as the OpenAPI document names it, and HTTP status.',
  },
  firstcome_http_request_duration_seconds: {
    type: 'histogram',
    labels: { operation: null },
    bounds: HTTP_BOUNDS,
    help: 'From the head of a request to its reply; of an export, to its beginning.',
  },
  firstcome_http_requests_under_way: { type: 'gauge', help: 'Requests without a reply yet.' },
  firstcome_http_connections: { type: 'gauge', help: 'Open connections of callers.' },
  firstcome_database_up: { type: 'gauge', together: 'min', help: '1: the database answered within a second.' },
  firstcome_database_clock_offset_seconds: {
    type: 'gauge',
    together: 'max',
    help: 'How far the clock of the database is ahead of that of this machine.',
  },
  firstcome_database_connections: {
    type: 'gauge',
    labels: { pool: null, state: ['busy', 'idle', 'opening'] },
    help: 'Connections to the database; embedded there is one, which writes.',
  },
  firstcome_database_connections_max: {
    type: 'gauge',
    labels: { pool: null },
    help: 'How many there may be.',
  },
  firstcome_database_connections_waiting: {
    type: 'gauge',
    labels: { pool: null },
    help: 'Statements that wait for a connection.',
  },
  firstcome_database_connections_lost_total: {
    type: 'counter',
    labels: { pool: null },
    help: 'Connections that broke. The first of them makes all be opened anew.',
  },
  firstcome_database_generation: {
    type: 'gauge',
    together: 'max',
    help: 'Counts up when connections broke or another server answers: memories of campaigns end.',
  },
  firstcome_redis_up: {
    type: 'gauge',
    together: 'min',
    help: '1: Redis answered within a second. Absent without Redis.',
  },
  firstcome_redis_reply_seconds: {
    type: 'histogram',
    labels: { command: ['reserve', 'resync'] },
    bounds: REDIS_BOUNDS,
    help: 'From a call of the counter to its last reply.',
  },
  firstcome_redis_errors_total: {
    type: 'counter',
    labels: { reason: COUNTER_FAULTS },
    help: 'Commands of the counter that got no reply that makes sense.',
  },
  firstcome_ready: { type: 'gauge', together: 'max', help: '1: /readyz says 200.' },
  firstcome_workers: {
    type: 'gauge',
    labels: { state: WORKER_STATES },
    help: 'Processes of this server that answer when asked for their numbers; without workers there is one.',
  },
  firstcome_workers_configured: { type: 'gauge', together: 'first', help: 'How many are to be ready: WORKERS.' },
  firstcome_worker_starts_total: {
    type: 'counter',
    labels: { reason: WORKER_STARTS },
    help: 'Workers that were begun in place of another.',
  },
  firstcome_build_info: {
    type: 'gauge',
    labels: { version: null, node: null },
    together: 'first',
    help: 'Always 1: which program runs on which Node.',
  },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof METRICS
export type NameOf<Type extends Metric['type']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never
}[MetricName]
type RowOf<Name extends MetricName> = (typeof METRICS)[Name]
/** What its labels may be; of those that are met as time goes on, any text. */
export type LabelsOf<Name extends MetricName> =
  RowOf<Name> extends { readonly labels: infer Labels }
    ? { readonly [Label in keyof Labels]: Labels[Label] extends readonly (infer Value)[] ? Value : string }
    : { readonly [none: string]: never }
