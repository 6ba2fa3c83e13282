// A name for each call, told in problems and in the log: the caller's own if it is harmless, else one of ours.

import type { IncomingHttpHeaders } from 'node:http'
import type { Randomness } from '../host.ts'

/** Safe in a log, in JSON and in a header as it is. */
const HARMLESS = /^[A-Za-z0-9._-]{1,64}$/
/** An API key, or a code of the usual form: whoever sends it as a name has mixed up two headers. */
const LIKE_A_SECRET = /^fc_|^(?:TEST)?[0-9A-HJKMNP-TV-Z]{16}$/

export interface RequestIds {
  of(headers: IncomingHttpHeaders): string
  make(): string
}

/** Random per process, then counted: different on every server without a draw for every request. */
export function requestIds(randomness: Randomness): RequestIds {
  const process = new Uint8Array(6)
  randomness.fill(process)
  const prefix = Buffer.from(process).toString('base64url').replaceAll('_', '.')
  let count = 0
  const make = () => `${prefix}-${(count++).toString(36)}`
  return {
    make,
    of({ 'x-request-id': name, 'idempotency-key': key }) {
      // Absent most of the time.
      if (typeof name !== 'string' || !HARMLESS.test(name) || LIKE_A_SECRET.test(name)) return make()
      return key === name || key === `"${name}"` ? make() : name
    },
  }
}
