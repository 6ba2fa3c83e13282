// The shapes of what goes out: for the OpenAPI document. Replies are built in representations.ts and problems.ts, and tests
// hold each of them against these.

import { Type, type TSchema } from 'typebox'
import { CAMPAIGN_STATUSES } from '../campaign/campaign.ts'
import { ALPHABETS, CODE_LENGTH_MAX } from '../campaign/code-format.ts'

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
  recipient: nullable(Type.String()),
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
})

export const OpenApiDocument = Type.Object({ openapi: Type.String() }, { additionalProperties: true })
