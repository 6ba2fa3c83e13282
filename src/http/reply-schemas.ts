// The shapes of what goes out: for the OpenAPI document. Replies are built in representations.ts and problems.ts, and tests
// hold each of them against these.

import { Type, type TSchema } from 'typebox'
import { CHECKS } from '../audit/report.ts'
import { CAMPAIGN_STATUSES } from '../campaign/campaign.ts'
import { ALPHABETS, CODE_LENGTH_MAX } from '../campaign/code-format.ts'
import { CHANGE_ACTIONS } from '../ledger/changes.ts'

const time = (description: string) => Type.String({ format: 'date-time', description })
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const Campaign = Type.Object({
  id: Type.String(),
  name: Type.String(),
  status: Type.Enum([...CAMPAIGN_STATUSES], {
    description: 'What a new request would be told at `server_time`.',
  }),
  start_time: time('Nothing is issued before it, by the clock of the database.'),
  end_time: nullable(time('Nothing is issued from it on.')),
  total_coupons: Type.Integer(),
  issued_count: Type.Integer({ description: 'Exact.' }),
  remaining_count: Type.Integer(),
  paused: Type.Boolean(),
  recipient_required: Type.Boolean(),
  test: Type.Boolean(),
  code_format: Type.Object({
    alphabet: Type.Enum(Object.keys(ALPHABETS)),
    length: Type.Integer(),
    prefix: Type.String(),
  }),
  metadata: Type.Record(Type.String(), Type.Unknown()),
  version: Type.Integer({ description: 'Counts changes, from 1.' }),
  created_at: time('By the clock of the database.'),
  updated_at: time('By the clock of the database.'),
  server_time: time('The clock of the database when this was read.'),
})

export const Coupon = Type.Object({
  campaign_id: Type.String(),
  coupon_code: Type.String({ maxLength: CODE_LENGTH_MAX }),
  slot: Type.Integer({
    minimum: 1,
    description: 'Its number in the campaign, 1 to `total_coupons`. Not the order of arrival.',
  }),
  recipient: nullable(Type.String({ description: '`null`: none was named, or it was erased.' })),
  issued_at: time('By the clock of the database: the same in every answer about this coupon.'),
})

export const IssuedCoupon = Type.Object({
  ...Coupon.properties,
  replayed: Type.Unsafe<'request' | 'recipient' | null>({
    enum: [null, 'request', 'recipient'],
    description:
      '`null`: issued now. Else it was issued before, and found by the `Idempotency-Key` (`request`) or by the recipient.',
  }),
})

const page = (item: TSchema) =>
  Type.Object({
    data: Type.Array(item),
    next_cursor: nullable(Type.String({ description: 'For the next page. `null`: this is the last one, for now.' })),
  })
export const CampaignPage = page(Type.Ref('#/components/schemas/Campaign'))
export const CouponPage = page(Type.Ref('#/components/schemas/Coupon'))

const noted = (description: string) => nullable(Type.Record(Type.String(), Type.Unknown(), { description }))

export const Change = Type.Object({
  id: Type.Integer(),
  at: time('By the clock of the database.'),
  client: nullable(Type.String({ description: 'Whose key it was. `null`: without a key, or at the database.' })),
  key_id: nullable(Type.String({ description: 'The public half of that key.' })),
  operator: nullable(
    Type.String({ description: '`user@host` that ran a command at the database. `null`: it came over HTTP.' }),
  ),
  action: Type.Enum([...CHANGE_ACTIONS]),
  campaign_id: nullable(Type.String({ description: '`null`: it is not about one campaign.' })),
  before: noted('As it was: of a campaign what somebody decided, no counts. `null`: there was nothing.'),
  after: noted(
    'As it is since. `null`: there is nothing left. Of a purge and an erasure: how many coupons it was about, and of a purge their checksum.',
  ),
  request_id: nullable(Type.String({ description: 'Of the call: the answer to it has the same.' })),
})
export const ChangePage = page(Type.Ref('#/components/schemas/Change'))

const gaps = (description: string) =>
  Type.Object(
    {
      count: Type.Integer({ description: 'Slots.' }),
      ranges: Type.Array(Type.Object({ from: Type.Integer(), to: Type.Integer() }), {
        description: 'The first of them, both ends included.',
      }),
    },
    { description },
  )
const check = Type.Enum(Object.keys(CHECKS))

export const Audit = Type.Object({
  campaign_id: Type.String(),
  verdict: Type.Enum(['exact', 'healing', 'violated'], {
    description:
      '`violated`: something is not as promised. `healing`: nothing is wrong, but there are `gaps`. Else `exact`.',
  }),
  complete: Type.Boolean({ description: 'All coupons are issued.' }),
  as_of: time('The moment that the rows show, by the clock of the database.'),
  total_coupons: Type.Integer(),
  issued_count: Type.Integer({ description: 'Rows.' }),
  highest_slot: Type.Integer({ description: '0: there is no coupon.' }),
  through_slot: Type.Integer({
    description: 'Every slot up to this one has its coupon: nothing below it will change.',
  }),
  checksum: Type.String({
    pattern: '^[0-9a-f]{64}$',
    description:
      'SHA-256 over the coupons up to `through_slot`: equal in every audit with that `through_slot`, here and by `firstcome audit`, until a recipient of one of them is erased.',
  }),
  counter_next: nullable(
    Type.Integer({
      description: 'The slot that the counter in Redis would propose next. A hint that may be anything; `null`: none.',
    }),
  ),
  grace_ms: Type.Integer(),
  gaps: gaps('Slots that were passed over more than `grace_ms` ago and are free. Whoever asks next gets one.'),
  in_flight: gaps('The same, but younger: somebody may be getting them.'),
  violations: Type.Array(
    Type.Object({
      check,
      detail: Type.String(),
      count: Type.Integer(),
      examples: Type.Array(Type.String(), { description: 'The first of them. No recipients, and the end of codes.' }),
    }),
  ),
  checks: Type.Array(
    Type.Object({
      check,
      checked: Type.Boolean(),
      detail: Type.String({
        description: 'What holds when it is not among the violations; or why it was not checked.',
      }),
    }),
  ),
  history: Type.Null({ description: 'Only `firstcome audit` knows what callers were told.' }),
  took_ms: Type.Integer(),
})

export const AuditRunning = Type.Object({
  campaign_id: Type.String(),
  status: Type.Enum(['running']),
  step: Type.Enum(['rows', 'coupon_code', 'request_key', 'recipient_key'], { description: 'One after the other.' }),
  done: Type.Integer({ description: 'Rows of this step.' }),
  expected: nullable(Type.Integer({ description: 'About so many it will be.' })),
  retry_after_ms: Type.Integer(),
})

export const Problem = Type.Object({
  type: Type.String({ format: 'uri-reference', description: 'A page about this code, on this server.' }),
  title: Type.String({ description: 'In the language that `Accept-Language` prefers: English or Korean.' }),
  status: Type.Integer(),
  code: Type.String({ description: 'Stable: branch on this.' }),
  detail: Type.String({ description: 'For people. May change.' }),
  request_id: Type.String({ description: 'Quote it when you ask about this answer: the log has it.' }),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        in: Type.Enum(['body', 'query', 'header']),
        pointer: Type.String({ description: 'JSON pointer; `/name` for a query parameter or a header.' }),
        detail: Type.String({ description: 'What would be right.' }),
      }),
      { description: 'With `invalid_request`.' },
    ),
  ),
  scope: Type.Optional(Type.String({ description: 'With `forbidden`: what the key would need.' })),
  retry_after_ms: Type.Optional(
    Type.Integer({
      description: 'When to ask again. Differs from call to call, so that callers do not come back together.',
    }),
  ),
  start_time: Type.Optional(time('With `campaign_not_started`.')),
  server_time: Type.Optional(time('With `campaign_not_started`: the clock of the database.')),
  starts_in_ms: Type.Optional(Type.Integer({ description: 'With `campaign_not_started`.' })),
  end_time: Type.Optional(time('With `campaign_ended`.')),
  fields: Type.Optional(
    Type.Array(Type.String(), { description: 'With `campaign_has_coupons`: what cannot be changed any more.' }),
  ),
  lowest_total: Type.Optional(Type.Integer({ description: 'With `total_below_issued`.' })),
  campaign: Type.Optional({ ...Type.Ref('#/components/schemas/Campaign'), description: 'With `campaign_changed`.' }),
})

export const Alive = Type.Object({ status: Type.Enum(['ok']) })

export const Readiness = Type.Object({
  status: Type.Enum(['ready', 'starting', 'closing']),
  database: Type.Enum(['up', 'down']),
  counter: Type.Enum(['up', 'down', 'off'], { description: '`off`: none is configured.' }),
  lock_scope: Type.Enum(['campaign', 'database'], { description: '`database`: the embedded one.' }),
})

export const ProblemPage = Type.Object({
  code: Type.String(),
  status: Type.Integer(),
  title: Type.String(),
  meaning: Type.String(),
  retryable: Type.Boolean({ description: 'Asking the same again later may succeed.' }),
})

export const Start = Type.Object({
  name: Type.String(),
  version: Type.String(),
  documentation: Type.String(),
  openapi: Type.String(),
  campaigns: Type.String(),
  health: Type.String(),
  readiness: Type.String(),
  metrics: Type.String(),
})

export const OpenApiDocument = Type.Object({ openapi: Type.String() }, { additionalProperties: true })
