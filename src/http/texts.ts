// Free text and JSON from outside: what is taken, and in which form it is kept. Each rule says what would be right.

import { IDEMPOTENCY_KEY_LENGTH_MAX, METADATA_BYTES_MAX, METADATA_DEPTH_MAX, TEXT_CODE_POINTS_MAX } from './limits.ts'

/** `wrong` completes the sentence "<field> …". */
export type Read<T> = { readonly value: T } | { readonly wrong: string }

/** Nothing to trim, compose or count: most recipients are such ids, and this is all that they cost. */
const PLAIN = /^[\x21-\x7e]{1,255}$/
/** C0, DEL and C1. Format characters stay: emoji and right-to-left text need them. */
const CONTROL = /\p{Cc}/u

/** Names and recipients. Kept in NFC and trimmed, so that what looks alike, and is typed on another system, is one. */
export function readText(text: string): Read<string> {
  if (PLAIN.test(text)) return { value: text }
  if (!text.isWellFormed()) return { wrong: 'must be well-formed Unicode: it holds half of a surrogate pair' }
  const value = text.trim().normalize('NFC')
  // A code point is at most two units: what is longer than that need not be counted.
  const length = value.length > 2 * TEXT_CODE_POINTS_MAX ? Infinity : Array.from(value).length
  if (length < 1 || length > TEXT_CODE_POINTS_MAX) {
    return { wrong: `must have 1 to ${TEXT_CODE_POINTS_MAX} characters, not counting white space around it` }
  }
  if (CONTROL.test(value)) return { wrong: 'must not hold control characters, such as line breaks, tabs or NUL' }
  return { value }
}

/** @returns the metadata as every ledger gives it back */
export function readMetadata(metadata: Record<string, unknown>): Read<Record<string, unknown>> {
  const wrong = flawOf(metadata, 1)
  if (wrong !== null) return { wrong }
  const json = JSON.stringify(metadata)
  const bytes = Buffer.byteLength(json)
  if (bytes > METADATA_BYTES_MAX)
    return { wrong: `must be at most ${METADATA_BYTES_MAX} bytes as JSON, and is ${bytes}` }
  return { value: JSON.parse(json) as Record<string, unknown> }
}

function flawOf(value: unknown, depth: number): string | null {
  if (typeof value === 'string')
    return value.isWellFormed()
      ? null
      : 'must be well-formed Unicode: a string or key in it holds half of a surrogate pair'
  // Silently becoming another number would be worse than a refusal.
  if (typeof value === 'number')
    return isKept(value) ? null : 'holds a number that does not survive as a double: send it as a string'
  if (typeof value !== 'object' || value === null) return null
  if (depth > METADATA_DEPTH_MAX) return `must be at most ${METADATA_DEPTH_MAX} levels deep`
  for (const [key, child] of Object.entries(value)) {
    const flaw = flawOf(key, depth) ?? flawOf(child, depth + 1)
    if (flaw !== null) return flaw
  }
  return null
}

function isKept(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
}

const VISIBLE = /^[\x21-\x7e]+$/
/** A string of RFC 8941 (structured fields), as the Idempotency-Key draft has it. */
const QUOTED = /^"((?:[^"\\]|\\["\\])*)"$/

/** Bare or quoted, the same key. null: none was sent. */
export function readIdempotencyKey(header: string | string[] | undefined): Read<string | null> {
  if (header === undefined) return { value: null }
  const text = String(header)
  const quoted = QUOTED.exec(text)
  const key = quoted === null ? text : (quoted[1] as string).replace(/\\(.)/g, '$1')
  const isBroken = quoted === null && text.startsWith('"')
  if (isBroken || key.length > IDEMPOTENCY_KEY_LENGTH_MAX || !VISIBLE.test(key)) {
    return {
      wrong: `must be 1 to ${IDEMPOTENCY_KEY_LENGTH_MAX} visible ASCII characters without spaces, in double quotes or bare`,
    }
  }
  return { value: key }
}
