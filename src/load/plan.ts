// When requests are sent. In an open loop a clock decides and waits for nobody, as a crowd does; in a closed one each caller
// waits for an answer before the next request, and so is as slow as the servers.

export type Plan = OpenPlan | ClosedPlan

export interface OpenPlan {
  readonly kind: 'open'
  readonly requests: number
  /** When the request with this number, from 0, is to be sent: milliseconds since 1970 by the caller's clock. Ascending. */
  readonly atMs: (number: number) => number
  /** So many are sent in one instant: connections for them are opened before. */
  readonly atOnce: number
}

export interface ClosedPlan {
  readonly kind: 'closed'
  readonly requests: number
  /** Of them at most so many are under way at once. */
  readonly callers: number
  readonly fromMs: number
}

/** All in the same instant. */
export function burst(requests: number, atMs: number): OpenPlan {
  return { kind: 'open', requests, atMs: () => atMs, atOnce: requests }
}

export function steady(perSecond: number, seconds: number, fromMs: number): OpenPlan {
  const requests = Math.round(perSecond * seconds)
  return { kind: 'open', requests, atMs: (number) => fromMs + (number * 1_000) / perSecond, atOnce: 1 }
}

/** The first ones come too early: what they are told belongs to what is to be shown. */
export function withEarly(plan: OpenPlan, early: number, byMs: number): OpenPlan {
  const firstMs = plan.atMs(0) - byMs
  return { ...plan, atMs: (number) => (number < early ? firstMs : plan.atMs(number)) }
}
