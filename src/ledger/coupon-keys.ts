// The keys by which a coupon is found again: short and of one width, because they stand in an index of every coupon.

import { hash } from 'node:crypto'

/** Of the request that a client's Idempotency-Key names. */
export function requestKeyOf(client: string, idempotencyKey: string): string {
  return keyOf([client, idempotencyKey])
}

/** @param recipient in its stored form */
export function recipientKeyOf(recipient: string): string {
  return keyOf([recipient])
}

/** 16 bytes of SHA-256 over the parts, each behind its length, so that ('a', 'bc') and ('ab', 'c') differ. As hex. */
function keyOf(parts: readonly string[]): string {
  return hash('sha256', parts.map((part) => `${part.length}:${part}`).join(''), 'hex').slice(0, 32)
}
