// Where a list goes on. Opaque to callers: base64url of a short text, taken back only exactly as it was given.

import { InvalidRequest } from './invalid-request.ts'

export interface CampaignPosition {
  readonly createdAtMs: number
  readonly id: string
}

const CAMPAIGN = /^c:(\d{1,15}):([A-Za-z0-9_-]{1,64})$/
const CHANGE = /^h:([1-9]\d{0,14})$/
const COUPON = /^s:(asc|desc):([1-9]\d{0,9})$/

export function campaignCursor({ createdAtMs, id }: CampaignPosition): string {
  return encode(`c:${createdAtMs}:${id}`)
}

export function readCampaignCursor(cursor: string): CampaignPosition {
  const match = CAMPAIGN.exec(decode(cursor))
  if (match === null) throw wrongCursor('must be next_cursor of another page of this list')
  return { createdAtMs: Number(match[1]), id: match[2] as string }
}

export function changeCursor(id: number): string {
  return encode(`h:${id}`)
}

/** @returns the id below which to go on */
export function readChangeCursor(cursor: string): number {
  const match = CHANGE.exec(decode(cursor))
  if (match === null) throw wrongCursor('must be next_cursor of another page of this list')
  return Number(match[1])
}

export function couponCursor(slot: number, order: 'asc' | 'desc'): string {
  return encode(`s:${order}:${slot}`)
}

/** @returns the slot after which to go on */
export function readCouponCursor(cursor: string, order: 'asc' | 'desc'): number {
  const match = COUPON.exec(decode(cursor))
  if (match === null) throw wrongCursor('must be next_cursor of another page of this list')
  if (match[1] !== order) throw wrongCursor(`belongs to order=${match[1]}: send the same order with it`)
  return Number(match[2])
}

function encode(position: string): string {
  return Buffer.from(position, 'latin1').toString('base64url')
}

function decode(cursor: string): string {
  const position = Buffer.from(cursor, 'base64url').toString('latin1')
  // Node skips what is not base64url: only the form that we would write ourselves counts.
  return encode(position) === cursor ? position : ''
}

function wrongCursor(detail: string): InvalidRequest {
  return new InvalidRequest([{ in: 'query', pointer: '/cursor', detail }])
}
