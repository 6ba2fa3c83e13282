// The shapes of what comes in: validated by these and nowhere else. The OpenAPI document is made of the same. A rule that
// JSON Schema cannot say is a refinement: its words go to the caller.

import { Type, type Static, type TSchema } from 'typebox'
import { CAMPAIGN_STATUSES, type CodeFormat } from '../campaign/campaign.ts'
import { ALPHABETS, CODE_LENGTH_MAX, CODE_PREFIX, CODE_PREFIX_LENGTH_MAX } from '../campaign/code-format.ts'
import { CHANGE_ACTIONS } from '../ledger/changes.ts'
import { CAMPAIGN_PAGE_DEFAULT, CAMPAIGN_PAGE_MAX, CHANGE_PAGE_DEFAULT, CHANGE_PAGE_MAX } from './limits.ts'
import { COUPON_PAGE_DEFAULT, COUPON_PAGE_MAX } from './limits.ts'
import { readMetadata, readText, type Read } from './texts.ts'
import { readTime } from './times.ts'

export const CAMPAIGN_ID = /^[A-Za-z0-9_-]{1,64}$/
/** What a total and a slot can be: a signed 32-bit integer in every database. */
const TOTAL_MAX = 2_147_483_647

const closed = { additionalProperties: false }

function text<V>(
  description: string,
  read: (text: string) => Read<V>,
  options: { examples?: string[]; minLength?: number } = {},
) {
  return refined(Type.String({ description, ...options }), read)
}

/** TypeBox asks a refinement also about values of a wrong type: those are the schema's own business. */
function refined<T extends TSchema, V>(schema: T, read: (value: never) => Read<V>) {
  const isOurs = (value: unknown) =>
    typeof value === ('type' in schema ? schema.type : 'string') && value !== null && !Array.isArray(value)
  const wrongOf = (value: unknown) => {
    const result = isOurs(value) ? read(value as never) : null
    return result !== null && 'wrong' in result ? result.wrong : null
  }
  return Type.Refine(
    schema,
    (value) => wrongOf(value) === null,
    (value) => wrongOf(value) ?? '',
  )
}

function isCampaignId(id: string): Read<string> {
  return CAMPAIGN_ID.test(id) ? { value: id } : { wrong: 'must be 1 to 64 of A–Z, a–z, 0–9, _ and -' }
}

function startTime(value: string): Read<number | 'now'> {
  if (value === 'now') return { value }
  const read = readTime(value)
  return 'wrong' in read && read.wrong.startsWith('must be a time of') ? { wrong: `${read.wrong}, or "now"` } : read
}

function codePrefix(prefix: string): Read<string> {
  if (CODE_PREFIX.test(prefix)) return { value: prefix }
  return {
    wrong: `must be at most ${CODE_PREFIX_LENGTH_MAX} of A–Z, 0–9 and hyphen, and not begin with a hyphen`,
  }
}

const Id = text(
  'Of your choice: then the call can be repeated safely. Without it the service makes one of 12 characters. 1–64 of `A–Z a–z 0–9 _ -`.',
  isCampaignId,
  { examples: ['spring-2027'] },
)
const Name = text('1–255 characters after trimming, no control characters.', readText, { minLength: 1 })
const StartTime = text(
  'RFC 3339 with an offset, at most milliseconds; or `now`, by the clock of the database.',
  startTime,
  {
    examples: ['2027-03-02T10:00:00+09:00', 'now'],
  },
)
const EndTime = Type.Union(
  [
    text('RFC 3339 with an offset, at most milliseconds. Later than `start_time`.', readTime, {
      examples: ['2027-03-03T00:00:00+09:00'],
    }),
    Type.Null(),
  ],
  { description: 'From this instant on nothing is issued any more. `null`: no end.' },
)
const TotalCoupons = Type.Integer({ minimum: 1, maximum: TOTAL_MAX, description: 'How many coupons there are.' })
const Paused = Type.Boolean({
  description: 'Nothing is issued while it is paused; coupons issued before are still replayed.',
})
const RecipientRequired = Type.Boolean({ description: 'Whether a call without `recipient` is refused.' })
const CodeFormatWish = Type.Object(
  {
    alphabet: Type.Optional(
      Type.Enum(Object.keys(ALPHABETS) as CodeFormat['alphabet'][], {
        description:
          '`base32`: Crockford’s, without I, L, O, U. `digits`. `hangul`: 28 syllables without a final consonant, and the digits.',
      }),
    ),
    length: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: CODE_LENGTH_MAX,
        description: 'Random characters, without the prefix. There must be a million possible codes for each coupon.',
      }),
    ),
    prefix: Type.Optional(
      text(
        'Stands in front of every code. At most 16 of `A–Z 0–9 -`. In a test campaign `TEST` comes before it, and in no other may it begin so.',
        codePrefix,
        { examples: ['SPRING-'] },
      ),
    ),
  },
  { ...closed, description: 'What codes look like. Usual lengths: base32 16, digits 12, hangul 10.' },
)
const Metadata = refined(
  Type.Record(Type.String(), Type.Unknown(), {
    description: 'Your own notes: a JSON object of at most 4 KiB and 5 levels. Integers beyond ±(2⁵³ − 1) as strings.',
  }),
  readMetadata,
)

export const CreateCampaignBody = Type.Object(
  {
    id: Type.Optional(Id),
    name: Name,
    start_time: StartTime,
    end_time: Type.Optional(EndTime),
    total_coupons: TotalCoupons,
    paused: Type.Optional(Paused),
    recipient_required: Type.Optional(RecipientRequired),
    test: Type.Optional(
      Type.Boolean({
        description:
          'A campaign for trying things out: its codes begin with `TEST`, lists leave it out unless asked, and it can be deleted with its coupons. Cannot be changed later.',
      }),
    ),
    code_format: Type.Optional(CodeFormatWish),
    metadata: Type.Optional(Metadata),
  },
  closed,
)
export type CreateCampaignBody = Static<typeof CreateCampaignBody>

export const ChangeCampaignBody = Type.Object(
  {
    name: Type.Optional(Name),
    start_time: Type.Optional(StartTime),
    end_time: Type.Optional(EndTime),
    total_coupons: Type.Optional(TotalCoupons),
    paused: Type.Optional(Paused),
    recipient_required: Type.Optional(RecipientRequired),
    code_format: Type.Optional(CodeFormatWish),
    metadata: Type.Optional(Metadata),
  },
  closed,
)
export type ChangeCampaignBody = Static<typeof ChangeCampaignBody>

export const IssueCouponBody = Type.Object(
  {
    recipient: Type.Optional(
      Type.Union(
        [
          text('1–255 characters after trimming, no control characters; kept in NFC.', readText, { minLength: 1 }),
          Type.Null(),
        ],
        {
          description:
            'Whom the coupon is for: an id of your own, best not a name or an address. One recipient gets one coupon of a campaign.',
        },
      ),
    ),
  },
  closed,
)
export type IssueCouponBody = Static<typeof IssueCouponBody>

const Cursor = Type.Optional(Type.String({ description: '`next_cursor` of the page before, as it is.' }))

export const NoQuery = Type.Object({}, closed)

export const ListCampaignsQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: CAMPAIGN_PAGE_MAX,
        default: CAMPAIGN_PAGE_DEFAULT,
        description: 'Campaigns on a page.',
      }),
    ),
    cursor: Cursor,
    status: Type.Optional(Type.Enum([...CAMPAIGN_STATUSES], { description: 'Only those of this status.' })),
    q: Type.Optional(
      text('Only those with this in name or id; upper and lower case are one.', readText, { minLength: 1 }),
    ),
    test: Type.Optional(
      Type.Enum(['false', 'true', 'all'], {
        default: 'false',
        description: 'Test campaigns: `false` leaves them out, `true` shows only them.',
      }),
    ),
  },
  closed,
)

export const ListChangesQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: CHANGE_PAGE_MAX,
        default: CHANGE_PAGE_DEFAULT,
        description: 'Changes on a page.',
      }),
    ),
    cursor: Cursor,
    campaign: Type.Optional(
      text('Only those of the campaign with this id, be it there or not.', isCampaignId, { examples: ['spring-2027'] }),
    ),
    client: Type.Optional(text('Only those that this client made.', readText, { minLength: 1 })),
    action: Type.Optional(Type.Enum([...CHANGE_ACTIONS], { description: 'Only those.' })),
  },
  closed,
)

export const ListCouponsQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: COUPON_PAGE_MAX,
        default: COUPON_PAGE_DEFAULT,
        description: 'Coupons on a page.',
      }),
    ),
    cursor: Cursor,
    order: Type.Optional(Type.Enum(['asc', 'desc'], { default: 'asc', description: 'By `slot`.' })),
    recipient: Type.Optional(
      text('Only the coupon of this recipient, in the form in which it was sent to be issued.', readText, {
        minLength: 1,
      }),
    ),
  },
  closed,
)
