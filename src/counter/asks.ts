// What may be asked of a counter. Every adapter checks all of a call with these before it does any of it.

import type { CampaignIdentity } from '../campaign/campaign.ts'
import type { ReserveAsk, ResyncAsk } from './counter.ts'
import { COUNTER_LIMITS } from './limits.ts'

/** @throws RangeError: a mistake of the caller's, never of the crowd's. */
export function checkReserveAsks(asks: readonly ReserveAsk[]): void {
  for (const { campaign, total, count } of asks) {
    checkCampaign(campaign)
    checkInteger('count', count, 1, COUNTER_LIMITS.reserveCountMax.value)
    checkInteger('total', total, 1, COUNTER_LIMITS.totalMax.value)
  }
}

/** @throws RangeError */
export function checkResyncAsks(asks: readonly ResyncAsk[]): void {
  for (const { campaign, maxSlot } of asks) {
    checkCampaign(campaign)
    checkInteger('maxSlot', maxSlot, 0, COUNTER_LIMITS.totalMax.value)
  }
}

/** @throws RangeError */
export function checkCampaign({ id, createdAtMs }: CampaignIdentity): void {
  if (id === '') throw new RangeError('campaign.id must not be empty')
  checkInteger('campaign.createdAtMs', createdAtMs, 0, Number.MAX_SAFE_INTEGER)
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new RangeError(`${name} must be an integer ${min}..${max}, not ${value}`)
}
