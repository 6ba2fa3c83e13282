// Everything a caller can be told, in order of precedence: one table for outcomes (answers: the service decided), one
// for faults (no answer: ask again, or ask differently). docs/api.md is compared with both by a test.

/** What titles are told in. */
export type Language = 'en' | 'ko'

export interface Answer {
  /** HTTP status. */
  readonly status: number
  /** A few words, the same for every occurrence. */
  readonly title: Readonly<Record<Language, string>>
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
    title: { en: 'No such campaign', ko: '캠페인이 없습니다' },
    meaning: 'There is no campaign with this id.',
  },
  idempotency_key_reused: {
    status: 422,
    title: { en: 'Idempotency key was used for another recipient', ko: '멱등 키가 다른 수령인에게 쓰였습니다' },
    meaning: 'The coupon of this `Idempotency-Key` has another recipient (none counts as one). Use a new key.',
  },
  replayed: {
    status: 200,
    title: { en: 'Coupon issued before', ko: '이미 발급된 쿠폰입니다' },
    meaning: "The key's own coupon, else the recipient's: also when the campaign is paused, ended or sold out.",
  },
  recipient_required: {
    status: 422,
    title: { en: 'Recipient required', ko: '수령인이 필요합니다' },
    meaning: 'This campaign gives one coupon per recipient: send `recipient`.',
  },
  campaign_paused: {
    status: 409,
    title: { en: 'Campaign is paused', ko: '캠페인이 일시 중지되었습니다' },
    meaning: 'Somebody paused it. It may go on later.',
  },
  campaign_not_started: {
    status: 409,
    title: { en: 'Campaign has not started', ko: '캠페인이 아직 시작되지 않았습니다' },
    meaning: 'Too early by the clock of the database: see `start_time`, `server_time` and `starts_in_ms`.',
  },
  campaign_ended: {
    status: 409,
    title: { en: 'Campaign has ended', ko: '캠페인이 종료되었습니다' },
    meaning: 'Its `end_time` has passed.',
  },
  sold_out: {
    status: 409,
    title: { en: 'Sold out', ko: '쿠폰이 모두 소진되었습니다' },
    meaning: 'All coupons are issued. Final while `total_coupons` stands.',
  },
  issued: {
    status: 201,
    title: { en: 'Coupon issued', ko: '쿠폰이 발급되었습니다' },
    meaning: 'A new coupon; its row is durable.',
  },
  campaign_exists: {
    status: 409,
    title: { en: 'Campaign id is taken', ko: '이미 쓰이는 캠페인 ID입니다' },
    meaning: 'A campaign with this id and other fields exists. The same fields again are answered 200.',
  },
  campaign_changed: {
    status: 412,
    title: { en: 'Campaign was changed meanwhile', ko: '그사이 캠페인이 변경되었습니다' },
    meaning: 'No ETag of `If-Match` is that of the campaign as it is now: see `campaign` and `ETag`.',
  },
  campaign_has_coupons: {
    status: 409,
    title: { en: 'Campaign has coupons', ko: '쿠폰이 발급된 캠페인입니다' },
    meaning: 'This can be changed, or the campaign deleted, only while no coupon has been issued.',
  },
  total_below_issued: {
    status: 409,
    title: { en: 'Total is below what is issued', ko: '총수량이 발급된 수량보다 적습니다' },
    meaning: '`total_coupons` can be lowered to `lowest_total` at the least: the highest slot that was issued.',
  },
  coupon_not_found: {
    status: 404,
    title: { en: 'No such coupon', ko: '쿠폰이 없습니다' },
    meaning: 'This campaign has no coupon with this code.',
  },
} as const satisfies Record<string, Answer>

export const FAULTS = {
  invalid_request: {
    status: 400,
    title: { en: 'Invalid request', ko: '잘못된 요청입니다' },
    meaning: '`errors` names each wrong field by JSON pointer and says what would be right. Nothing was done.',
    retryable: false,
  },
  unauthenticated: {
    status: 401,
    title: { en: 'No valid API key', ko: '유효한 API 키가 없습니다' },
    meaning:
      'Send `Authorization: Bearer` and a key: without one, or with one that is unknown, expired or revoked, nothing is done.',
    retryable: false,
  },
  forbidden: {
    status: 403,
    title: { en: 'Not allowed with this key', ko: '이 키로는 허용되지 않습니다' },
    meaning: 'The key lacks the scope that `scope` names. Nothing was done.',
    retryable: false,
  },
  not_found: {
    status: 404,
    title: { en: 'No such route', ko: '없는 경로입니다' },
    meaning: 'This path does not exist: see `/openapi.json`.',
    retryable: false,
  },
  method_not_allowed: {
    status: 405,
    title: { en: 'Method not allowed', ko: '허용되지 않는 메서드입니다' },
    meaning: 'The path exists, the method does not: see `Allow`.',
    retryable: false,
  },
  request_timeout: {
    status: 408,
    title: { en: 'Request not complete in time', ko: '요청이 제시간에 다 오지 않았습니다' },
    meaning:
      'The request did not come whole in time, or the server could not read it. Nothing was done: send it again.',
    retryable: true,
  },
  payload_too_large: {
    status: 413,
    title: { en: 'Payload too large', ko: '본문이 너무 큽니다' },
    meaning: 'The body is larger than the service reads.',
    retryable: false,
  },
  unsupported_media_type: {
    status: 415,
    title: { en: 'Unsupported media type', ko: '지원하지 않는 미디어 타입입니다' },
    meaning: 'Send `application/json`.',
    retryable: false,
  },
  busy: {
    status: 429,
    title: { en: 'Too many big reads at once', ko: '대량 조회 요청이 너무 많습니다' },
    meaning:
      'This server reads enough lists, exports or audits already: ask again after `Retry-After`. Issuing goes on.',
    retryable: true,
  },
  rate_limited: {
    status: 429,
    title: { en: 'Too many calls', ko: '요청이 너무 잦습니다' },
    meaning:
      'More calls a second for this recipient or this client than the server takes. Nothing was done: ask again after `Retry-After`.',
    retryable: true,
  },
  headers_too_large: {
    status: 431,
    title: { en: 'Request headers too large', ko: '요청 헤더가 너무 큽니다' },
    meaning: 'The headers are larger than the service reads.',
    retryable: false,
  },
  overloaded: {
    status: 503,
    title: { en: 'Overloaded', ko: '요청이 몰려 대기열이 가득 찼습니다' },
    meaning: 'The queue is longer than it may be. Nothing was done: ask again after `Retry-After`.',
    retryable: true,
  },
  unavailable: {
    status: 503,
    title: { en: 'Unavailable', ko: '지금은 응답할 수 없습니다' },
    meaning:
      'No answer in time. What was asked for may have been done: ask again, for a coupon with the same key or recipient.',
    retryable: true,
  },
  internal: {
    status: 500,
    title: { en: 'Internal error', ko: '내부 오류입니다' },
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
  /** For the caller, in place of what the table says. */
  readonly detail: string | null

  constructor(
    code: FaultCode,
    message: string,
    options: { retryAfterMs?: number; detail?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.detail = options.detail ?? null
    this.retryAfterMs = options.retryAfterMs ?? null
  }
}
