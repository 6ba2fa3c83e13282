// What can be asked of the service, for its readers: routes.ts mounts these, openapi.ts describes them.

import type { TObject, TSchema } from 'typebox'
import type { Scope } from '../access/caller.ts'
import type { Kind } from '../access/rates.ts'
import type { WrongField } from './invalid-request.ts'
import { COUPON_PAGE_MAX } from './limits.ts'
import type { ProblemCode } from './problems.ts'
import { REPLIES, REQUESTS } from './samples.ts'
import * as replies from './reply-schemas.ts'
import * as requests from './request-schemas.ts'

export interface Operation {
  readonly operationId: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** As OpenAPI writes it. */
  readonly path: string
  readonly tag: 'campaigns' | 'coupons' | 'changes' | 'service'
  /** What a caller must be allowed to do; null: anybody may. */
  readonly scope: Scope | null
  /** Which of a client's limits it counts for; else `reads`. */
  readonly limitedAs?: Kind
  readonly summary: string
  readonly description: string
  readonly takesIdempotencyKey?: true
  readonly takesIfMatch?: true
  readonly query?: TObject
  readonly body?: {
    readonly schema: SchemaName
    readonly isOptional: boolean
    readonly samples: Readonly<Record<string, object>>
  }
  /** Good answers by HTTP status. */
  readonly replies: Readonly<Record<number, Reply>>
  /** Others, in order of precedence, without those of the guard. */
  readonly problems: readonly ProblemCode[]
  /** What `invalid_request` may look like here. */
  readonly wrong?: readonly WrongField[]
}

export interface Reply {
  readonly description: string
  /** Of JSON. None: the reply has no body, or is a stream. */
  readonly schema?: SchemaName
  readonly samples?: Readonly<Record<string, object>>
  /** Of any length, in a format of its own. */
  readonly stream?: { readonly contentType: string; readonly sample: string }
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: object }>>
  /** Also drawn for people, when `Accept` asks for text/html. */
  readonly isPageToo?: true
}

/** By the names that the OpenAPI document gives them. */
export const SCHEMAS = {
  CreateCampaign: requests.CreateCampaignBody,
  ChangeCampaign: requests.ChangeCampaignBody,
  IssueCoupon: requests.IssueCouponBody,
  Campaign: replies.Campaign,
  CampaignPage: replies.CampaignPage,
  Coupon: replies.Coupon,
  CouponPage: replies.CouponPage,
  IssuedCoupon: replies.IssuedCoupon,
  Change: replies.Change,
  ChangePage: replies.ChangePage,
  Audit: replies.Audit,
  AuditRunning: replies.AuditRunning,
  Problem: replies.Problem,
  Alive: replies.Alive,
  Readiness: replies.Readiness,
  ProblemPage: replies.ProblemPage,
  Start: replies.Start,
  OpenApiDocument: replies.OpenApiDocument,
} as const satisfies Record<string, TSchema>
export type SchemaName = keyof typeof SCHEMAS

const etag = {
  ETag: { description: 'Names this state of the campaign: send it as `If-Match`.', schema: { type: 'string' } },
}
const location = { ...etag, Location: { description: 'The campaign’s own path.', schema: { type: 'string' } } }
const contentDisposition = {
  'Content-Disposition': { description: 'A name for the file.', schema: { type: 'string' } },
}
const unknownParameter: WrongField = { in: 'query', pointer: '/page', detail: 'is unknown: nothing is expected here' }
const noHost: WrongField = { in: 'header', pointer: '/Host', detail: 'is missing' }
const wrongLimit: WrongField = {
  in: 'query',
  pointer: '/limit',
  detail: `must be a whole number from 1 to ${COUPON_PAGE_MAX}`,
}

/** Others that it may answer, in order of precedence: what the guard says comes first. */
export function problemsOf({ scope, problems }: Operation): readonly ProblemCode[] {
  return scope === null ? problems : ['unauthenticated', 'forbidden', 'rate_limited', ...problems]
}

export const OPERATIONS = {
  createCampaign: {
    operationId: 'createCampaign',
    method: 'POST',
    path: '/v1/campaigns',
    tag: 'campaigns',
    scope: 'admin',
    summary: 'Create a campaign',
    description:
      'With an `id` of your own the call is safe to repeat: the same id and fields again are answered 200. One row is written, however many coupons there are.',
    body: { schema: 'CreateCampaign', isOptional: false, samples: REQUESTS.createCampaign },
    replies: {
      201: {
        description: 'Created.',
        schema: 'Campaign',
        headers: location,
        samples: { created: REPLIES.campaignScheduled },
      },
      200: {
        description: 'It was there already, with the same fields.',
        schema: 'Campaign',
        headers: location,
        samples: { existing: REPLIES.campaignOpen },
      },
    },
    problems: [
      'invalid_request',
      'campaign_exists',
      'payload_too_large',
      'unsupported_media_type',
      'unavailable',
      'internal',
    ],
    wrong: [
      { in: 'body', pointer: '/total_coupons', detail: 'must be a whole number from 1 to 2147483647' },
      {
        in: 'body',
        pointer: '/start_time',
        detail:
          'must carry an offset. Meant in Seoul, send 2027-03-02T10:00:00+09:00, which is 2027-03-02T01:00:00.000Z; ' +
          'meant in UTC, send 2027-03-02T10:00:00Z, which is 2027-03-02T19:00:00.000+09:00',
      },
    ],
  },
  listCampaigns: {
    operationId: 'listCampaigns',
    method: 'GET',
    path: '/v1/campaigns',
    tag: 'campaigns',
    scope: 'read',
    summary: 'List campaigns, newest first',
    description:
      'A page may have fewer than `limit` and still have a next one. Of the filter `sold_out` a campaign may be missing until somebody has asked for it after its last coupon.',
    query: requests.ListCampaignsQuery,
    replies: { 200: { description: 'A page.', schema: 'CampaignPage', samples: { page: REPLIES.campaignPage } } },
    problems: ['invalid_request', 'busy', 'unavailable', 'internal'],
    wrong: [{ in: 'query', pointer: '/cursor', detail: 'must be next_cursor of another page of this list' }],
  },
  readCampaign: {
    operationId: 'readCampaign',
    method: 'GET',
    path: '/v1/campaigns/{id}',
    tag: 'campaigns',
    scope: 'read',
    summary: 'Read a campaign',
    description: 'With its exact count of issued coupons, and in `status` what a new request would be told.',
    replies: {
      200: {
        description: 'The campaign.',
        schema: 'Campaign',
        headers: etag,
        samples: { scheduled: REPLIES.campaignScheduled, open: REPLIES.campaignOpen, paused: REPLIES.campaignPaused },
      },
    },
    problems: ['invalid_request', 'campaign_not_found', 'unavailable', 'internal'],
    wrong: [unknownParameter],
  },
  changeCampaign: {
    operationId: 'changeCampaign',
    method: 'PATCH',
    path: '/v1/campaigns/{id}',
    tag: 'campaigns',
    scope: 'admin',
    summary: 'Change, pause or resume a campaign',
    description:
      'What is left out stays. With `If-Match` only while nobody changed it since. At any time: `name`, `end_time`, `paused`, `metadata` (replaced whole), and `total_coupons` up, or down to the highest slot issued. Only while there is no coupon: `start_time`, `recipient_required`, `code_format`. Every server obeys from its next batch on.',
    takesIfMatch: true,
    body: { schema: 'ChangeCampaign', isOptional: true, samples: REQUESTS.changeCampaign },
    replies: {
      200: {
        description: 'As it is now.',
        schema: 'Campaign',
        headers: etag,
        samples: { changed: REPLIES.campaignPaused },
      },
    },
    problems: [
      'invalid_request',
      'campaign_not_found',
      'campaign_changed',
      'campaign_has_coupons',
      'total_below_issued',
      'payload_too_large',
      'unsupported_media_type',
      'unavailable',
      'internal',
    ],
    wrong: [{ in: 'body', pointer: '/end_time', detail: 'end_time must be later than start_time' }],
  },
  deleteCampaign: {
    operationId: 'deleteCampaign',
    method: 'DELETE',
    path: '/v1/campaigns/{id}',
    tag: 'campaigns',
    scope: 'admin',
    summary: 'Delete a campaign',
    description:
      'A test campaign with all its coupons; another one only while it has none. Some seconds for each hundred thousand coupons: a call that was broken off is simply made again, and meanwhile the campaign is paused.',
    takesIfMatch: true,
    replies: { 204: { description: 'It is gone.' } },
    problems: [
      'invalid_request',
      'campaign_not_found',
      'campaign_changed',
      'campaign_has_coupons',
      'payload_too_large',
      'unsupported_media_type',
      'unavailable',
      'internal',
    ],
    wrong: [{ in: 'header', pointer: '/If-Match', detail: 'must be the ETag of an answer about this campaign' }],
  },
  issueCoupon: {
    operationId: 'issueCoupon',
    method: 'POST',
    path: '/v1/campaigns/{id}/coupons',
    tag: 'coupons',
    scope: 'issue',
    limitedAs: 'issues',
    summary: 'Issue a coupon',
    description:
      'No body is `{}`. An answer is a durable row. Send an `Idempotency-Key`, a `recipient` or both: then the call can be repeated and gives the same coupon. Without either, an answer that is lost on its way is a coupon lost to its caller. With `Prefer: server-timing` every answer says in `Server-Timing` where the time went.',
    takesIdempotencyKey: true,
    body: { schema: 'IssueCoupon', isOptional: true, samples: REQUESTS.issueCoupon },
    replies: {
      201: { description: 'A new coupon.', schema: 'IssuedCoupon', samples: { issued: REPLIES.issued } },
      200: {
        description: 'A coupon that was issued before: also when the campaign is paused, ended or sold out.',
        schema: 'IssuedCoupon',
        headers: {
          'Idempotent-Replayed': { description: 'Always `true`.', schema: { type: 'string', enum: ['true'] } },
        },
        samples: { replayedByRequest: REPLIES.replayedByRequest, replayedByRecipient: REPLIES.replayedByRecipient },
      },
    },
    problems: [
      'invalid_request',
      'campaign_not_found',
      'idempotency_key_reused',
      'recipient_required',
      'campaign_paused',
      'campaign_not_started',
      'campaign_ended',
      'sold_out',
      'payload_too_large',
      'unsupported_media_type',
      'overloaded',
      'unavailable',
      'internal',
    ],
    wrong: [{ in: 'body', pointer: '/recipient', detail: 'must be a string or null' }],
  },
  listCoupons: {
    operationId: 'listCoupons',
    method: 'GET',
    path: '/v1/campaigns/{id}/coupons',
    tag: 'coupons',
    scope: 'read',
    summary: 'List issued coupons by slot',
    description:
      'A page that is read during a rush may lack a slot which is filled later; nothing comes twice. With `recipient`: the coupon of that recipient, or none. Without the scope `codes`, of each code the last four characters are shown at most.',
    query: requests.ListCouponsQuery,
    replies: { 200: { description: 'A page.', schema: 'CouponPage', samples: { page: REPLIES.couponPage } } },
    problems: ['invalid_request', 'campaign_not_found', 'busy', 'unavailable', 'internal'],
    wrong: [wrongLimit],
  },
  exportCouponsCsv: {
    operationId: 'exportCouponsCsv',
    method: 'GET',
    path: '/v1/campaigns/{id}/coupons.csv',
    tag: 'coupons',
    scope: 'codes',
    summary: 'Export all coupons for a spreadsheet',
    description:
      'By slot, as they were at one moment. UTF-8 with a byte order mark. An apostrophe stands before text that a spreadsheet would take for a formula, a number or a date. An export that cannot be completed is cut: the connection breaks.',
    replies: {
      200: {
        description: 'All coupons.',
        headers: contentDisposition,
        stream: { contentType: 'text/csv', sample: REPLIES.csv },
      },
    },
    problems: ['invalid_request', 'campaign_not_found', 'busy', 'unavailable', 'internal'],
    wrong: [unknownParameter],
  },
  exportCouponsNdjson: {
    operationId: 'exportCouponsNdjson',
    method: 'GET',
    path: '/v1/campaigns/{id}/coupons.ndjson',
    tag: 'coupons',
    scope: 'codes',
    summary: 'Export all coupons for a program',
    description:
      'By slot, as they were at one moment: a coupon a line, as lists have it, and at last `{"rows": n}`. Without that line it is not whole.',
    replies: {
      200: {
        description: 'All coupons.',
        headers: contentDisposition,
        stream: { contentType: 'application/x-ndjson', sample: REPLIES.ndjson },
      },
    },
    problems: ['invalid_request', 'campaign_not_found', 'busy', 'unavailable', 'internal'],
    wrong: [unknownParameter],
  },
  readCoupon: {
    operationId: 'readCoupon',
    method: 'GET',
    path: '/v1/campaigns/{id}/coupons/{code}',
    tag: 'coupons',
    scope: 'codes',
    limitedAs: 'lookUps',
    summary: 'Find a coupon by its code',
    description:
      'As people type it: any case, spaces and hyphens anywhere, full width, the Korean keyboard left on or off, and with `base32` O for 0 and I or L for 1.',
    replies: { 200: { description: 'The coupon.', schema: 'Coupon', samples: { found: REPLIES.coupon } } },
    problems: ['invalid_request', 'campaign_not_found', 'coupon_not_found', 'unavailable', 'internal'],
    wrong: [unknownParameter],
  },
  auditCampaign: {
    operationId: 'auditCampaign',
    method: 'GET',
    path: '/v1/campaigns/{id}/audit',
    tag: 'campaigns',
    scope: 'read',
    summary: 'Is every coupon as promised?',
    description:
      'Reads every row of the campaign, by code that shares nothing with what wrote them, and trusts no unique key. A big campaign takes minutes, longer while coupons are being issued: until then 202. A report is kept for 5 s, or for as long as it took.',
    replies: {
      200: {
        description: 'The report.',
        schema: 'Audit',
        samples: { exact: REPLIES.auditExact, healing: REPLIES.auditHealing },
      },
      202: {
        description: 'It is under way: ask again.',
        schema: 'AuditRunning',
        headers: {
          'Retry-After': {
            description: 'Seconds: `retry_after_ms`, rounded up.',
            schema: { type: 'integer', minimum: 1 },
          },
        },
        samples: { running: REPLIES.auditRunning },
      },
    },
    problems: ['invalid_request', 'campaign_not_found', 'busy', 'unavailable', 'internal'],
    wrong: [unknownParameter],
  },
  listChanges: {
    operationId: 'listChanges',
    method: 'GET',
    path: '/v1/changes',
    tag: 'changes',
    scope: 'admin',
    summary: 'Who changed what, newest first',
    description:
      'Each is noted in the transaction that makes it. What was refused, or made no difference, is no change; nor is a coupon. What somebody does to the rows by hand is not seen.',
    query: requests.ListChangesQuery,
    replies: { 200: { description: 'A page.', schema: 'ChangePage', samples: { page: REPLIES.changePage } } },
    problems: ['invalid_request', 'busy', 'unavailable', 'internal'],
    wrong: [{ in: 'query', pointer: '/cursor', detail: 'must be next_cursor of another page of this list' }],
  },
  alive: {
    operationId: 'alive',
    method: 'GET',
    path: '/livez',
    tag: 'service',
    scope: null,
    summary: 'Is the process alive?',
    description: 'Asks neither database nor counter.',
    replies: { 200: { description: 'It is.', schema: 'Alive', samples: { alive: REPLIES.alive } } },
    problems: ['invalid_request', 'internal'],
    wrong: [noHost],
  },
  ready: {
    operationId: 'ready',
    method: 'GET',
    path: '/readyz',
    tag: 'service',
    scope: null,
    summary: 'Should requests be sent here?',
    description:
      'Not before the database was reached once, and not while closing. A database or counter that is lost later is reported and does not take the server out: all servers share it.',
    replies: {
      200: {
        description: 'Yes.',
        schema: 'Readiness',
        samples: { ready: REPLIES.ready, readyWithoutCounter: REPLIES.readyWithoutCounter },
      },
      503: {
        description: 'Not yet, or no longer.',
        schema: 'Readiness',
        samples: { starting: REPLIES.starting, closing: REPLIES.closing },
      },
    },
    problems: ['invalid_request', 'internal'],
    wrong: [noHost],
  },
  start: {
    operationId: 'start',
    method: 'GET',
    path: '/',
    tag: 'service',
    scope: null,
    summary: 'Where is what?',
    description: 'JSON, or a page for people.',
    replies: { 200: { description: 'Paths.', schema: 'Start', samples: { start: REPLIES.start }, isPageToo: true } },
    problems: ['invalid_request', 'internal'],
    wrong: [noHost],
  },
  problem: {
    operationId: 'problem',
    method: 'GET',
    path: '/problems/{code}',
    tag: 'service',
    scope: null,
    summary: 'What does a problem mean?',
    description: 'Every problem’s `type` leads here. JSON, or a page for people.',
    replies: {
      200: {
        description: 'Its meaning.',
        schema: 'ProblemPage',
        headers: {
          'Content-Language': { description: 'Of `title`.', schema: { type: 'string', enum: ['en', 'ko'] } },
        },
        samples: { soldOut: REPLIES.problemPage },
        isPageToo: true,
      },
    },
    problems: ['invalid_request', 'not_found', 'internal'],
    wrong: [noHost],
  },
  document: {
    operationId: 'document',
    method: 'GET',
    path: '/openapi.json',
    tag: 'service',
    scope: null,
    summary: 'This document',
    description: 'OpenAPI 3.1.',
    replies: { 200: { description: 'The document.', schema: 'OpenApiDocument', samples: {} } },
    problems: ['invalid_request', 'internal'],
    wrong: [noHost],
  },
  metrics: {
    operationId: 'metrics',
    method: 'GET',
    path: '/metrics',
    tag: 'service',
    scope: 'read',
    summary: 'Numbers, for Prometheus',
    description: 'Of this server: what it was asked and what it answered, how long that took, and how its stores are.',
    replies: {
      200: { description: 'The metrics.', stream: { contentType: 'text/plain', sample: REPLIES.metrics } },
    },
    problems: ['invalid_request', 'internal'],
    wrong: [noHost],
  },
} as const satisfies Record<string, Operation>
