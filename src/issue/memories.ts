// What a process remembers of campaigns: which segments are full, and that one is sold out. Hints that save work; a
// campaign's state (paused, started, its total) is never among them.

import { identityKey, type CampaignIdentity, type CampaignState } from '../campaign/campaign.ts'
import { SEGMENT_SLOTS, type SlotRange } from '../ledger/ledger.ts'

/** Campaigns remembered at once; the least recently used goes first. One of ten million coupons takes some 300 bytes. */
const CAMPAIGNS_MAX = 4_096

/** Segments that hold all their rows. Rows are never deleted singly, so a full one stays full. */
export class FullSegments {
  #bits = new Uint8Array(0)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(segment: number): void {
    const at = segment >> 3
    if (at >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(at + 1, this.#bits.length * 2))
      grown.set(this.#bits)
      this.#bits = grown
    }
    const bit = 1 << (segment & 7)
    if (((this.#bits[at] as number) & bit) !== 0) return
    this.#bits[at] = (this.#bits[at] as number) | bit
    this.#count++
  }

  has(segment: number): boolean {
    return ((this.#bits[segment >> 3] ?? 0) & (1 << (segment & 7))) !== 0
  }

  /** What is not known full of the slots 1..`lastSlot`: ascending, neighbours merged. */
  gaps(lastSlot: number): SlotRange[] {
    const ranges: SlotRange[] = []
    let from = 0
    for (let first = 1; first <= lastSlot; first += SEGMENT_SLOTS) {
      const isFull = this.has((first - 1) / SEGMENT_SLOTS)
      if (!isFull && from === 0) from = first
      if (isFull && from !== 0) {
        ranges.push({ from, to: first - 1 })
        from = 0
      }
    }
    if (from !== 0) ranges.push({ from, to: lastSlot })
    return ranges
  }
}

export class CampaignMemory {
  readonly full = new FullSegments()
  /** All segments up to this slot were counted at some time: those of them that are not in `full` have gaps. */
  countedUpTo = 0
  /** Every slot up to this one had a row when the highest was this one. */
  gaplessUpTo = 0
  /** The total at which all slots were found to have rows. */
  soldOutTotal: number | null = null
  /** When that was proved, in the order of events of this process. */
  provedAt = 0
  /** Not before this time of the clock is the proof repeated. */
  nextProofAtMs = 0
  isProving = false
}

export class Memories {
  readonly #ledger: { readonly generation: number }
  #generation: number
  #now = 0
  readonly #campaigns = new Map<string, CampaignMemory>()
  /** Whom the requests of a batch ask for one after another, and what there is: at the end of the order, as if just asked for. */
  #last: { readonly campaign: CampaignIdentity; readonly memory: CampaignMemory } | null = null

  constructor(ledger: { readonly generation: number }) {
    this.#ledger = ledger
    this.#generation = ledger.generation
  }

  /** The next event in this process's order: of two ticks the greater one was later. */
  tick(): number {
    return ++this.#now
  }

  /**
   * The memory of a campaign, an empty one if there is none. Take it *before* reading what is to be remembered: when a
   * connection is lost meanwhile, all memories are dropped, and what is written into this one is written into the wind.
   */
  of(campaign: CampaignIdentity): CampaignMemory {
    if (this.#generation !== this.#ledger.generation) {
      this.#generation = this.#ledger.generation
      this.#campaigns.clear()
      this.#last = null
    }
    if (this.#last?.campaign === campaign) return this.#last.memory
    const key = identityKey(campaign)
    const memory = this.#campaigns.get(key) ?? new CampaignMemory()
    this.#campaigns.delete(key)
    this.#campaigns.set(key, memory)
    if (this.#campaigns.size > CAMPAIGNS_MAX) {
      for (const oldest of this.#campaigns.keys()) {
        this.#campaigns.delete(oldest)
        break
      }
    }
    this.#last = { campaign, memory }
    return memory
  }

  /** Was it proved sold out, at the total it has now, before the look-up that began at `lookedUpAt`? */
  isSoldOut(campaign: CampaignState, lookedUpAt: number): boolean {
    const memory = this.of(campaign)
    return memory.soldOutTotal === campaign.totalCoupons && memory.provedAt < lookedUpAt
  }

  /** Was it proved sold out only after that look-up had begun? Then the look-up must be made again. */
  wasProvedSince(campaign: CampaignState, lookedUpAt: number): boolean {
    const memory = this.of(campaign)
    return memory.soldOutTotal === campaign.totalCoupons && memory.provedAt > lookedUpAt
  }

  forget(campaign: CampaignIdentity): void {
    this.#campaigns.delete(identityKey(campaign))
    this.#last = null
  }
}
