// Times come in as RFC 3339 with an offset and go out in UTC with milliseconds.

import type { Read } from './texts.ts'

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|([+-])(\d\d):(\d\d))?$/
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const SEOUL_OFFSET_MS = 9 * 3_600_000

const EXPECTED = 'must be a time of RFC 3339 with an offset, such as 2027-03-02T10:00:00+09:00 or 2027-03-02T01:00:00Z'

/** The coupons of a batch have one time. */
let last = { ms: 0, text: new Date(0).toISOString() }

export function formatTime(ms: number): string {
  if (ms !== last.ms) last = { ms, text: new Date(ms).toISOString() }
  return last.text
}

/** @returns milliseconds since 1970, UTC */
export function readTime(text: string): Read<number> {
  const match = RFC3339.exec(text)
  if (match === null) return { wrong: EXPECTED }
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const [fraction = '.0', zone, sign, offsetHours = '0', offsetMinutes = '0'] = match.slice(7)

  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
  // Date.UTC takes 30 February for 2 March, and the years 0 to 99 for those of the 20th century.
  const isReal = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1
  if (!isReal || hour > 23 || minute > 59 || second > 59 || Number(offsetHours) > 23 || Number(offsetMinutes) > 59) {
    return { wrong: 'must be a time that exists: this date, time of day or offset does not' }
  }
  if (fraction.length > 4)
    return { wrong: 'must have at most three digits after the second: times are kept in milliseconds' }
  const localMs = date.getTime() + Math.round(Number(`0${fraction}`) * 1_000)
  if (zone === undefined) return { wrong: bothReadings(text, localMs) }

  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000 * (sign === '-' ? -1 : 1)
  const ms = localMs - offsetMs
  if (ms < 0 || ms > LAST_MS) return { wrong: 'must lie in the years 1970 to 9999' }
  return { value: ms }
}

/** Ten o'clock in Seoul and ten o'clock UTC are nine hours apart: which is meant is not ours to guess. */
function bothReadings(text: string, localMs: number): string {
  const asSeoul = formatTime(localMs - SEOUL_OFFSET_MS)
  const inSeoul = formatTime(localMs + SEOUL_OFFSET_MS).replace('Z', '+09:00')
  return (
    `must carry an offset. Meant in Seoul, send ${text}+09:00, which is ${asSeoul}; ` +
    `meant in UTC, send ${text}Z, which is ${inSeoul}`
  )
}
