// A name for each call, told in problems and in the log: the caller's own if it is harmless, else one of ours.

import type { Randomness } from '../host.ts'

/** Safe in a log, in JSON and in a header as it is. */
const HARMLESS = /^[A-Za-z0-9._-]{1,64}$/

export interface RequestIds {
  of(header: string | string[] | undefined): string
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
    of: (header) => (typeof header === 'string' && HARMLESS.test(header) ? header : make()),
  }
}
