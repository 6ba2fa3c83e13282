// Everything a caller can be told, in order of precedence: one table for outcomes (answers: the service decided), one
// for faults (no answer: ask again, or ask differently). docs/api.md is compared with both by a test.

export interface Answer {
  /** HTTP status. */
  readonly status: number
  /** A few words, the same for every occurrence. */
  readonly title: string
  /** When it is given, and what the caller does about it. */
  readonly meaning: string
}

export interface FaultRow extends Answer {
  /** Asking the same again later may succeed: such a fault says how much later. */
  readonly retryable: boolean
}

export const OUTCOMES = {
  campaign_not_found: {
    status: 404,
    title: 'No such campaign',
    meaning: 'There is no campaign with this id.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency key was used for another recipient',
    meaning: 'The coupon of this `Idempotency-Key` has another recipient (none counts as one). Use a new key.',
  },
  replayed: {
    status: 200,
    title: 'Coupon issued before',
    meaning: "The key's own coupon, else the recipient's: also when the campaign is paused, ended or sold out.",
  },
  recipient_required: {
    status: 422,
    title: 'Recipient required',
    meaning: 'This campaign gives one coupon per recipient: send `recipient`.',
  },
  campaign_paused: {
    status: 409,
    title: 'Campaign is paused',
    meaning: 'Somebody paused it. It may go on later.',
  },
  campaign_not_started: {
    status: 409,
    title: 'Campaign has not started',
    meaning: 'Too early by the clock of the database: see `start_time`, `server_time` and `starts_in_ms`.',
  },
  campaign_ended: {
    status: 409,
    title: 'Campaign has ended',
    meaning: 'Its `end_time` has passed.',
  },
  sold_out: {
    status: 409,
    title: 'Sold out',
    meaning: 'All coupons are issued. Final while `total_coupons` stands.',
  },
  issued: {
    status: 201,
    title: 'Coupon issued',
    meaning: 'A new coupon; its row is durable.',
  },
  campaign_exists: {
    status: 409,
    title: 'Campaign id is taken',
    meaning: 'A campaign with this id and other fields exists. The same fields again are answered 200.',
  },
  campaign_has_coupons: {
    status: 409,
    title: 'Campaign has coupons',
    meaning: 'This can be changed, or the campaign deleted, only while no coupon has been issued.',
  },
  total_below_issued: {
    status: 409,
    title: 'Total is below what is issued',
    meaning: '`total_coupons` can be lowered to `lowest_total` at the least: the highest slot that was issued.',
  },
  coupon_not_found: {
    status: 404,
    title: 'No such coupon',
    meaning: 'This campaign has no coupon with this code.',
  },
} as const satisfies Record<string, Answer>

export const FAULTS = {
  invalid_request: {
    status: 400,
    title: 'Invalid request',
    meaning: '`errors` names each wrong field by JSON pointer and says what would be right. Nothing was done.',
    retryable: false,
  },
  not_found: {
    status: 404,
    title: 'No such route',
    meaning: 'This path does not exist: see `/openapi.json`.',
    retryable: false,
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists, the method does not: see `Allow`.',
    retryable: false,
  },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    meaning: 'The body is larger than the service reads.',
    retryable: false,
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'Send `application/json`.',
    retryable: false,
  },
  headers_too_large: {
    status: 431,
    title: 'Request headers too large',
    meaning: 'The headers are larger than the service reads.',
    retryable: false,
  },
  overloaded: {
    status: 503,
    title: 'Overloaded',
    meaning: 'The queue is longer than it may be. Nothing was done: ask again after `Retry-After`.',
    retryable: true,
  },
  unavailable: {
    status: 503,
    title: 'Unavailable',
    meaning:
      'No answer in time. What was asked for may have been done: ask again, for a coupon with the same key or recipient.',
    retryable: true,
  },
  internal: {
    status: 500,
    title: 'Internal error',
    meaning: 'A mistake of the service. It was logged with the `request_id`.',
    retryable: false,
  },
} as const satisfies Record<string, FaultRow>

export type OutcomeCode = keyof typeof OUTCOMES
export type FaultCode = keyof typeof FAULTS

/** No answer. `message` is for logs and must not hold what a caller sent. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode
  /** When asking again makes sense; null where it never does. */
  readonly retryAfterMs: number | null

  constructor(code: FaultCode, message: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryAfterMs = options.retryAfterMs ?? null
  }
}
