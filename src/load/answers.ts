// What a reply says to a caller: its coupon, a refusal, or nothing that could be relied on; and whether to ask again.

import type { HistoryCall, HistoryCoupon } from './history.ts'
import type { Reply } from './servers.ts'

export interface Answer extends Pick<HistoryCall, 'answer' | 'status' | 'code' | 'coupon'> {
  /** As the service asks; null: it did not say. */
  readonly retryAfterMs: number | null
  /** Too early: until the start, by the service's clock. Then the same is asked again. null: it is not that. */
  readonly startsInMs: number | null
}

const NONE = { status: null, code: null, coupon: null, retryAfterMs: null, startsInMs: null } as const

/** It came too slowly, or there were too many: the same may be asked again. */
const NOT_DECIDED: readonly number[] = [408, 429]

export function answerOf(reply: Reply | null): Answer {
  if (reply === null) return { ...NONE, answer: 'unknown' }
  const { status } = reply
  const body = objectOf(reply.text)
  const coupon = status === 200 || status === 201 ? couponOf(body) : null
  if (coupon !== null) {
    const code = body['replayed'] === null ? 'issued' : 'replayed'
    return { ...NONE, answer: 'ok', status, code, coupon }
  }
  const code = typeof body['code'] === 'string' ? body['code'] : null
  // Whatever else stands in a reply without a code, a proxy's page perhaps, nobody decided.
  const isRefused = code !== null && status >= 400 && status < 500 && !NOT_DECIDED.includes(status)
  if (isRefused) return { ...NONE, answer: 'refused', status, code, startsInMs: numberOf(body['starts_in_ms']) }
  const seconds = reply.retryAfter !== null && /^\d{1,5}$/.test(reply.retryAfter) ? Number(reply.retryAfter) : null
  const retryAfterMs = numberOf(body['retry_after_ms']) ?? (seconds === null ? null : seconds * 1_000)
  return { ...NONE, answer: 'unknown', status, code, retryAfterMs }
}

function couponOf(body: Record<string, unknown>): HistoryCoupon | null {
  const { coupon_code, slot, recipient, issued_at } = body
  if (typeof coupon_code !== 'string' || typeof slot !== 'number' || typeof issued_at !== 'string') return null
  return { coupon_code, slot, recipient: typeof recipient === 'string' ? recipient : null, issued_at }
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 ? value : null
}
