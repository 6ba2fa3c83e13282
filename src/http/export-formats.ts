// Coupons as files: CSV for people and their spreadsheets, NDJSON for machines.

import type { Coupon } from '../ledger/ledger.ts'
import { couponJson } from './representations.ts'
import { formatTime } from './times.ts'

export interface ExportFormat {
  readonly contentType: string
  readonly extension: string
  readonly head: string
  line(coupon: Coupon): string
  /** The end of a file that is whole. */
  foot(rows: number): string
}

/** Without it, spreadsheets take UTF-8 for something else. */
const BYTE_ORDER_MARK = '\ufeff'

export const CSV: ExportFormat = {
  contentType: 'text/csv; charset=utf-8; header=present',
  extension: 'csv',
  head: `${BYTE_ORDER_MARK}slot,coupon_code,recipient,issued_at\r\n`,
  line: ({ slot, couponCode, recipient, issuedAtMs }) =>
    `${slot},${cell(couponCode)},${cell(recipient ?? '')},${formatTime(issuedAtMs)}\r\n`,
  foot: () => '',
}

export const NDJSON: ExportFormat = {
  contentType: 'application/x-ndjson',
  extension: 'ndjson',
  head: '',
  line: (coupon) => `${JSON.stringify(couponJson(coupon))}\n`,
  foot: (rows) => `${JSON.stringify({ rows })}\n`,
}

/** Tabs and line breaks are in no cell of ours. */
const FORMULA = /^[=+\-@\t\r]/
/**
 * A number, an amount, a share, a date or a time, as LibreOffice and Excel read them: leading zeros would go, long ones be
 * rounded, 1-2 become a day of the year, and 50% a half.
 */
const NUMBER = /^[\d.($][\d.,:/()% eE+\-년월일시분초]*(?:[ap]m)?$/i
/** Dates that begin with their month, and what is true or false. */
const WORD =
  /^(?:true|false|(?:\d\d?[ -])?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ -]\d{1,6}(?:[ ,-]+\d+)?)$/i

/** With an apostrophe in front, text stays text. */
function cell(text: string): string {
  // Some spreadsheets calculate with full width as well.
  const narrow = text.normalize('NFKC')
  const harmless = FORMULA.test(narrow) || NUMBER.test(narrow) || WORD.test(narrow) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
