// Slots that were reserved and not used: the next batch of the same campaign uses them. Lost with the process, they are
// gaps and heal.

import { identityKey, type CampaignIdentity, type CampaignState } from '../campaign/campaign.ts'
import { ISSUE_LIMITS } from './limits.ts'

const SLOTS_MAX = ISSUE_LIMITS.spareSlotsMax.value
/** Campaigns with spare slots at once; the one that had some first loses them first. */
const CAMPAIGNS_MAX = 4_096

export class SpareSlots {
  readonly #slots = new Map<string, number[]>()

  keep(campaign: CampaignIdentity, slot: number): void {
    const key = identityKey(campaign)
    const slots = this.#slots.get(key)
    if (slots === undefined) this.#slots.set(key, [slot])
    else if (slots.length < SLOTS_MAX) slots.push(slot)
    if (this.#slots.size <= CAMPAIGNS_MAX) return
    for (const oldest of this.#slots.keys()) {
      this.#slots.delete(oldest)
      break
    }
  }

  /** Up to `count` of them, none above the total that the campaign has now. */
  take(campaign: CampaignState, count: number): number[] {
    const key = identityKey(campaign)
    const usable = (this.#slots.get(key) ?? []).filter((slot) => slot <= campaign.totalCoupons)
    const taken = usable.splice(0, count)
    if (usable.length > 0) this.#slots.set(key, usable)
    else this.#slots.delete(key)
    return taken
  }
}
