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

/** In full width, too: some spreadsheets calculate with these. Tabs and line breaks are in no cell of ours. */
const FORMULA = /^[=+\-@\t\r＝＋－＠]/
/** A number, a date or a time: a spreadsheet would take leading zeros away, round long ones, and make 1-2 a day of the year. */
const NUMBER = /^\d[\d.,:/ eE+-]*$/

/** With an apostrophe in front, text stays text. */
function cell(text: string): string {
  const harmless = FORMULA.test(text) || NUMBER.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
