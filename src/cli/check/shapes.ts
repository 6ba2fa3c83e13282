// Campaigns and coupons as docs/api.md shows them. Members that are not named here may come along.

import type { Json } from './api.ts'
import { sure } from './steps.ts'

export interface Campaign {
  readonly id: string
  readonly name: string
  readonly status: 'scheduled' | 'open' | 'paused' | 'sold_out' | 'ended'
  readonly start_time: string
  readonly end_time: string | null
  readonly total_coupons: number
  readonly issued_count: number
  readonly remaining_count: number
  readonly paused: boolean
  readonly recipient_required: boolean
  readonly test: boolean
  readonly code_format: { readonly alphabet: string; readonly length: number; readonly prefix: string }
  readonly metadata: Json
  readonly version: number
  readonly created_at: string
  readonly updated_at: string
  readonly server_time: string
}

export interface Coupon {
  readonly campaign_id: string
  readonly coupon_code: string
  readonly slot: number
  readonly recipient: string | null
  readonly issued_at: string
}

export interface IssuedCoupon extends Coupon {
  readonly replayed: null | 'request' | 'recipient'
}

type Shape<T> = { readonly [K in keyof T]: (value: unknown) => boolean }

const isText = (value: unknown) => typeof value === 'string'
const isTextOrNull = (value: unknown) => value === null || isText(value)
const isFlag = (value: unknown) => typeof value === 'boolean'
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)

const CODE_FORMAT: Shape<Campaign['code_format']> = { alphabet: isText, length: isCount, prefix: isText }
const CAMPAIGN: Shape<Campaign> = {
  id: isText,
  name: isText,
  status: (value) => ['scheduled', 'open', 'paused', 'sold_out', 'ended'].includes(String(value)),
  start_time: isText,
  end_time: isTextOrNull,
  total_coupons: isCount,
  issued_count: isCount,
  remaining_count: isCount,
  paused: isFlag,
  recipient_required: isFlag,
  test: isFlag,
  code_format: (value) => isObject(value) && flawsOf(CODE_FORMAT, value as Json).length === 0,
  metadata: isObject,
  version: isCount,
  created_at: isText,
  updated_at: isText,
  server_time: isText,
}
const COUPON: Shape<Coupon> = {
  campaign_id: isText,
  coupon_code: isText,
  slot: isCount,
  recipient: isTextOrNull,
  issued_at: isText,
}

/** @throws Mismatch */
export function campaignOf(what: string, json: Json): Campaign {
  const campaign = shaped(what, CAMPAIGN, json)
  const { total_coupons: total, issued_count: issued, remaining_count: remaining } = campaign
  sure(`${what}: remaining_count`, remaining === Math.max(0, total - issued), `${total} - ${issued}`, remaining)
  return campaign
}

/** @throws Mismatch */
export function couponOf(what: string, json: Json): Coupon {
  return shaped(what, COUPON, json)
}

/** @throws Mismatch */
export function issuedOf(what: string, json: Json): IssuedCoupon {
  const isReplayed = (value: unknown) => value === null || value === 'request' || value === 'recipient'
  const shape: Shape<IssuedCoupon> = { ...COUPON, replayed: isReplayed }
  return shaped(what, shape, json)
}

function shaped<T>(what: string, shape: Shape<T>, json: Json): T {
  const flaws = flawsOf(shape, json)
  sure(`${what}: ${flaws.join(', ')}`, flaws.length === 0, 'as documented', JSON.stringify(json))
  return json as T
}

function flawsOf<T>(shape: Shape<T>, json: Json): string[] {
  return Object.entries<(value: unknown) => boolean>(shape).flatMap(([name, fits]) => (fits(json[name]) ? [] : [name]))
}
