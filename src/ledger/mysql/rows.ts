// What goes into the statements and what comes back, made out of what the port speaks of and into it.

import type { Campaign, CampaignState, CodeFormat } from '../../campaign/campaign.ts'
import type { Coupon, NewCoupon, ReadAnswer } from '../ledger.ts'
import type { Row, SqlValue } from './connection.ts'

export function isId(id: string): boolean {
  // Printable ASCII without spaces: `ascii_bin` takes a trailing space for nothing.
  return /^[!-~]{1,64}$/.test(id)
}

export function isKey(key: string): boolean {
  return /^[0-9a-f]{32}$/.test(key)
}

export function isSlot(slot: number): boolean {
  return Number.isInteger(slot) && slot >= 1 && slot <= 2_147_483_647
}

/** The one value of record.sql; null when a row could not be told in SQL without being changed. */
export function recordValue(rows: readonly NewCoupon[]): string | null {
  const sorted = [...rows].sort(
    (a, b) => compare(a.campaignId, b.campaignId) || compare(a.recipientKey ?? '', b.recipientKey ?? ''),
  )
  const told: SqlValue[][] = []
  const createdAtOf = remembering(sqlTime)
  const issuedAtOf = remembering(sqlTime)
  for (const row of sorted) {
    const createdAt = createdAtOf(row.campaignCreatedAtMs)
    const issuedAt = issuedAtOf(row.issuedAtMs)
    const keysFit = isKey(row.requestKey) && (row.recipientKey === null || isKey(row.recipientKey))
    if (createdAt === null || issuedAt === null || !keysFit || !Number.isSafeInteger(row.slot)) return null
    // Nobody's campaign: the guard leaves it out.
    if (!isId(row.campaignId)) continue
    told.push([
      row.campaignId,
      createdAt,
      issuedAt,
      row.slot,
      row.couponCode,
      row.requestKey,
      row.recipient,
      row.recipientKey,
      row.campaignVersion,
    ])
  }
  return JSON.stringify(told)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** As `format`, whose last answer is kept: a batch has many rows and few times. */
function remembering<T>(format: (ms: number) => T): (ms: number) => T {
  let last: { readonly ms: number; readonly told: T } | null = null
  return (ms) => {
    if (last?.ms !== ms) last = { ms, told: format(ms) }
    return last.told
  }
}

/** null for what DATETIME cannot hold. */
export function sqlTime(ms: number): string | null {
  const time = new Date(ms)
  if (!(time.getUTCFullYear() >= 1000 && time.getUTCFullYear() <= 9999)) return null
  return time.toISOString().replace('T', ' ').slice(0, 23)
}

/** Whole numbers come as numbers, or something is wrong: MariaDB makes DECIMAL of some, and those come as strings. */
export function int(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new TypeError(`MySQL: ${column} is ${typeof value}, expected a whole number`)
  }
  return value
}

export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`MySQL: ${column} is ${typeof value}, expected a string`)
  return value
}

export function nullable<T>(row: Row, column: string, read: (row: Row, column: string) => T): T | null {
  return row[column] === null ? null : read(row, column)
}

export function toCampaign(row: Row): Campaign {
  return {
    id: text(row, 'id'),
    name: text(row, 'name'),
    startTimeMs: int(row, 'start_time'),
    endTimeMs: nullable(row, 'end_time', int),
    totalCoupons: int(row, 'total_coupons'),
    paused: int(row, 'paused') !== 0,
    recipientRequired: int(row, 'recipient_required') !== 0,
    test: int(row, 'test') !== 0,
    codeFormat: toCodeFormat(text(row, 'code_format')),
    metadata: toMetadata(text(row, 'metadata')),
    version: int(row, 'version'),
    soldOutTotal: nullable(row, 'sold_out_total', int),
    createdAtMs: int(row, 'created_at'),
    updatedAtMs: int(row, 'updated_at'),
  }
}

export function toCoupon(row: Row): Coupon {
  return {
    campaignId: text(row, 'campaign_id'),
    couponCode: text(row, 'coupon_code'),
    slot: int(row, 'number'),
    requestKey: text(row, 'request_key'),
    recipient: nullable(row, 'recipient', text),
    recipientKey: nullable(row, 'recipient_key', text),
    issuedAtMs: int(row, 'time_a'),
  }
}

export function toReadAnswer(rows: readonly Row[]): ReadAnswer {
  let nowMs: number | null = null
  const campaigns = new Map<string, CampaignState>()
  const coupons: Coupon[] = []
  for (const row of rows) {
    switch (row['kind']) {
      case 0:
        nowMs = int(row, 'time_a')
        break
      case 1:
        campaigns.set(text(row, 'campaign_id'), toCampaignState(row))
        break
      case 2:
        coupons.push(toCoupon(row))
        break
      default:
        throw new TypeError('MySQL: a read answered with an unknown kind of row')
    }
  }
  if (nowMs === null) throw new TypeError('MySQL: a read answered without the clock')
  return { nowMs, campaigns, coupons }
}

function toCampaignState(row: Row): CampaignState {
  return {
    id: text(row, 'campaign_id'),
    createdAtMs: int(row, 'time_a'),
    startTimeMs: int(row, 'time_b'),
    endTimeMs: nullable(row, 'time_c', int),
    totalCoupons: int(row, 'number'),
    paused: int(row, 'paused') !== 0,
    recipientRequired: int(row, 'recipient_required') !== 0,
    codeFormat: toCodeFormat(text(row, 'code_format')),
    version: int(row, 'version'),
  }
}

function toCodeFormat(json: string): CodeFormat {
  const { alphabet, length, prefix } = JSON.parse(json) as Partial<Record<keyof CodeFormat, unknown>>
  const known = alphabet === 'base32' || alphabet === 'digits' || alphabet === 'hangul'
  if (!known || typeof length !== 'number' || !Number.isInteger(length) || typeof prefix !== 'string') {
    throw new TypeError('MySQL: a campaign has an unknown code_format')
  }
  return { alphabet, length, prefix }
}

function toMetadata(json: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('MySQL: the metadata of a campaign are not an object')
  }
  return value as Record<string, unknown>
}
