// Which slots have no row, and how many have one, without reading what is known to be full. One way of counting gives
// the number on the campaign's page, the proof of "sold out" and the gaps.

import { identityKey, type CampaignState } from '../campaign/campaign.ts'
import type { Clock } from '../host.ts'
import { SEGMENT_SLOTS, type Ledger, type SegmentCount, type SlotRange, type SlotReader } from '../ledger/ledger.ts'
import { CampaignMemory, type Memories } from './memories.ts'

/** Segments counted in one statement: 262,144 rows of a narrow index, some 40 ms, far from the statement's time-out. */
const PAGE_SEGMENTS = 64
/** Statements at once of a count that somebody waits for: a database has more than one processor. */
const PAGES_AT_ONCE = 2
/** Slots that may be counted for the first time under the lock: everybody waits meanwhile. */
const UNCOUNTED_SLOTS_MAX = PAGE_SEGMENTS * SEGMENT_SLOTS

/** A proof is repeated in the background for at most a tenth of the time, and at most once in this time. */
const PROOF_PAUSE_MS_MIN = 1_000

interface CountedRange extends SlotRange {
  readonly count: number
}

/** That was asked for and has not begun. */
interface NextCount {
  readonly counted: Promise<number>
  /** One of each who asked. */
  readonly maxSlots: Promise<number>[]
}

export class Segments {
  readonly #ledger: Ledger
  readonly #memories: Memories
  readonly #clock: Clock
  /** Counts that were asked for and have not begun, and those under way: by campaign. */
  readonly #next = new Map<string, NextCount>()
  readonly #running = new Map<string, Promise<number>>()

  constructor(ledger: Ledger, memories: Memories, clock: Clock) {
    this.#ledger = ledger
    this.#memories = memories
    this.#clock = clock
  }

  /** The highest slot that has a row, from the ledger. */
  async highestSlot(campaignId: string): Promise<number> {
    return highestSlot(this.#ledger, campaignId)
  }

  /**
   * Exactly how many coupons have been issued. One count serves all who asked before it began.
   * @param maxSlot highestSlot of it, from whoever asked for it already: as of some moment after their own call began
   */
  issuedCount(campaign: CampaignState, maxSlot = this.highestSlot(campaign.id)): Promise<number> {
    // Looked at when the count begins.
    maxSlot.catch(() => {})
    const key = identityKey(campaign)
    const next = this.#next.get(key)
    if (next !== undefined) {
      next.maxSlots.push(maxSlot)
      return next.counted
    }
    const maxSlots = [maxSlot]
    const before = this.#running.get(key)?.catch(() => {}) ?? Promise.resolve()
    const counted = before.then(async () => {
      this.#next.delete(key)
      this.#running.set(key, counted)
      try {
        const highest = Math.max(...(await Promise.all(maxSlots)))
        return await this.#count(campaign, this.#memories.of(campaign), highest, PAGES_AT_ONCE)
      } finally {
        if (this.#running.get(key) === counted) this.#running.delete(key)
      }
    })
    this.#next.set(key, { counted, maxSlots })
    return counted
  }

  /** As issuedCount, for many at once: what was seen whole costs one look at all their highest slots together. */
  async issuedCounts(campaigns: readonly CampaignState[]): Promise<number[]> {
    const memories = campaigns.map((campaign) => this.#memories.of(campaign))
    const maxSlots = await this.#ledger.maxSlots(campaigns.map(({ id }) => id))
    const counts: number[] = []
    // One after another: a list must not take all the connections that others count with.
    for (const [index, campaign] of campaigns.entries()) {
      const maxSlot = maxSlots[index] as number
      const isWhole = maxSlot === 0 || maxSlot === memories[index]?.gaplessUpTo
      counts.push(isWhole ? maxSlot : await this.issuedCount(campaign))
    }
    return counts
  }

  /** Counts what this process has not seen of a campaign. To be done before it is locked: it may take seconds. */
  async learn(campaign: CampaignState, memory: CampaignMemory): Promise<void> {
    await this.#count(campaign, memory, await this.highestSlot(campaign.id), PAGES_AT_ONCE)
  }

  /**
   * Up to `wanted` slots without a row, lowest first; `gaps` of them lie below one that has a row. Fewer: with these, all of
   * 1..total have one. null: too much of the campaign is unknown to be counted under a lock, learn() it first.
   * @param locked the ledger under this campaign's lock: elsewhere a slot without a row may be on its way into one
   * @param proposed a run that the counter gave to the caller and to nobody else: it is taken instead if it is free
   */
  async free(
    locked: SlotReader,
    campaign: CampaignState,
    memory: CampaignMemory,
    wanted: number,
    proposed: SlotRange | null,
  ): Promise<{ slots: number[]; gaps: number } | null> {
    if (proposed !== null && proposed.to <= campaign.totalCoupons) {
      const taken = new Set(await locked.takenSlots(campaign.id, proposed))
      const slots: number[] = []
      for (let slot = proposed.from; slot <= proposed.to; slot++) if (!taken.has(slot)) slots.push(slot)
      if (slots.length >= wanted) return { slots: slots.slice(0, wanted), gaps: 0 }
    }
    const slots: number[] = []
    // Rows above the total are there only if somebody lowered it by hand; they are nobody's gap.
    const maxSlot = Math.min(await highestSlot(locked, campaign.id), campaign.totalCoupons)
    if (maxSlot - memory.countedUpTo > UNCOUNTED_SLOTS_MAX) return null
    for await (const range of this.#counts(locked, campaign, memory, maxSlot, 1)) {
      if (range.count === range.to - range.from + 1) continue
      const taken = new Set(await locked.takenSlots(campaign.id, range))
      for (let slot = range.from; slot <= range.to; slot++) {
        if (taken.has(slot)) continue
        slots.push(slot)
        if (slots.length === wanted) return { slots, gaps: wanted }
      }
    }
    const gaps = slots.length
    for (let slot = maxSlot + 1; slot <= campaign.totalCoupons && slots.length < wanted; slot++) slots.push(slot)
    return { slots, gaps }
  }

  /** All of 1..total have rows. @param memory as it was taken before the first row was read */
  rememberSoldOut(campaign: CampaignState, memory: CampaignMemory): void {
    memory.soldOutTotal = campaign.totalCoupons
    memory.provedAt = this.#memories.tick()
    memory.nextProofAtMs = this.#clock.nowMs() + PROOF_PAUSE_MS_MIN
  }

  /**
   * Proves a remembered "sold out" anew, from nothing, in the background: behind a proxy a database can lose rows without
   * a connection being lost. Without a lock: all slots having a row is a thing that stays true.
   *   → null  not proved: it is not its time, or the ledger did not answer
   */
  async proveAgain(campaign: CampaignState): Promise<'confirmed' | 'withdrawn' | null> {
    const memory = this.#memories.of(campaign)
    if (memory.isProving || this.#clock.nowMs() < memory.nextProofAtMs) return null
    memory.isProving = true
    const beganAtMs = this.#clock.nowMs()
    try {
      const count = await this.#count(campaign, new CampaignMemory(), await this.highestSlot(campaign.id), 1)
      if (count >= campaign.totalCoupons) return 'confirmed'
      this.#memories.forget(campaign)
      return 'withdrawn'
    } catch {
      // Nobody waits for it. A lost connection has made all memories void; anything else shows on the path itself.
      return null
    } finally {
      const endedAtMs = this.#clock.nowMs()
      memory.nextProofAtMs = endedAtMs + Math.max(PROOF_PAUSE_MS_MIN, 9 * (endedAtMs - beganAtMs))
      memory.isProving = false
    }
  }

  /** Up to `maxSlot`. */
  async #count(campaign: CampaignState, memory: CampaignMemory, maxSlot: number, pagesAtOnce: number): Promise<number> {
    // Taken together with the ranges that #counts is about to compute: nothing is awaited between.
    let count = memory.full.count * SEGMENT_SLOTS
    let isGapless = true
    for await (const range of this.#counts(this.#ledger, campaign, memory, maxSlot, pagesAtOnce)) {
      count += range.count
      if (range.count <= range.to - range.from) isGapless = false
    }
    if (isGapless) memory.gaplessUpTo = maxSlot
    memory.countedUpTo = Math.max(memory.countedUpTo, maxSlot)
    return count
  }

  /** Every segment below `maxSlot` that is not known full, with its rows. Full ones are remembered on the way. */
  async *#counts(
    reader: SlotReader,
    campaign: CampaignState,
    memory: CampaignMemory,
    maxSlot: number,
    pagesAtOnce: number,
  ): AsyncGenerator<CountedRange> {
    const pages = pagesOf(memory.full.gaps(maxSlot))
    const ahead: Promise<SegmentCount[]>[] = []
    for (const [index, page] of pages.entries()) {
      for (const next of pages.slice(index + ahead.length, index + pagesAtOnce)) {
        const asked = reader.countSegments(campaign.id, next)
        // Awaited in its turn; should the one before it fail, nobody does.
        asked.catch(() => {})
        ahead.push(asked)
      }
      const counts = await (ahead.shift() as Promise<SegmentCount[]>)
      const countOf = new Map(counts.map(({ segment, count }) => [segment, count]))
      for (const range of page) {
        for (let from = range.from; from <= range.to; from += SEGMENT_SLOTS) {
          const segment = (from - 1) / SEGMENT_SLOTS
          const count = countOf.get(segment) ?? 0
          // The last segment of a total that is not a multiple never becomes full by this: the total may be raised.
          if (count === SEGMENT_SLOTS) memory.full.add(segment)
          yield { from, to: Math.min(from + SEGMENT_SLOTS - 1, range.to), count }
        }
      }
    }
  }
}

async function highestSlot(reader: SlotReader, campaignId: string): Promise<number> {
  const [maxSlot] = await reader.maxSlots([campaignId])
  return maxSlot ?? 0
}

/** Cuts ranges, which begin with a segment each, into pages of at most PAGE_SEGMENTS segments. */
function pagesOf(ranges: readonly SlotRange[]): SlotRange[][] {
  const pages: SlotRange[][] = []
  let page: SlotRange[] = []
  let room = PAGE_SEGMENTS
  for (const range of ranges) {
    for (let from = range.from; from <= range.to;) {
      const to = Math.min(range.to, from + room * SEGMENT_SLOTS - 1)
      page.push({ from, to })
      room -= Math.ceil((to - from + 1) / SEGMENT_SLOTS)
      from = to + 1
      if (room > 0) continue
      pages.push(page)
      page = []
      room = PAGE_SEGMENTS
    }
  }
  if (page.length > 0) pages.push(page)
  return pages
}
