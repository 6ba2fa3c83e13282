// Coupons as people see them: codes in fours.

import type { couponJson } from '../../http/representations.ts'
import type { Campaign } from '../campaign/shown.ts'
import { path, type Api } from '../api.ts'
import { print } from '../caller.ts'
import { facts, shownTime } from '../table.ts'

export type Coupon = ReturnType<typeof couponJson>

const FOURS = /.{1,4}/gu

/** @param more facts about it */
export async function printCoupon(
  api: Api,
  coupon: Coupon,
  more: readonly (readonly [name: string, value: string])[] = [],
): Promise<void> {
  const shownCode = await codeShower(api, coupon.campaign_id)
  print(
    facts([
      ['code', shownCode(coupon.coupon_code)],
      ['slot', String(coupon.slot)],
      ['recipient', coupon.recipient ?? 'none'],
      ['issued', shownTime(coupon.issued_at)],
      ...more,
    ]),
  )
}

/** Hyphens where a reader needs them: behind the prefix, and then after every fourth. Look-ups do not mind them. */
export async function codeShower(api: Api, campaignId: string): Promise<(code: string) => string> {
  // Nobody loses sight of a coupon because its campaign could not be read.
  const answer = await api.get<Campaign>(path`/v1/campaigns/${campaignId}`).catch(() => null)
  if (answer === null) return (code) => code
  const { prefix } = answer.json.code_format
  const front = prefix === '' || prefix.endsWith('-') ? prefix : `${prefix}-`
  return (code) => front + (code.slice(prefix.length).match(FOURS) ?? []).join('-')
}
