// The committed coupons of one campaign, with the unique keys of the real table.

import type { Coupon, SegmentCount, SlotRange } from '../../src/ledger/ledger.ts'
import { SEGMENT_SLOTS } from '../../src/ledger/ledger.ts'

export const UNIQUE_KEYS = ['slot', 'couponCode', 'requestKey', 'recipientKey'] as const
export type UniqueKey = (typeof UNIQUE_KEYS)[number]

/** Rows that were there before the run: slots 1..upTo but for some, of nobody who asks. They cost no memory. */
export interface Filled {
  readonly upTo: number
  readonly holes: ReadonlySet<number>
}

export class CouponTable {
  readonly #campaignId: string
  readonly #filled: Filled
  readonly #rows: Readonly<Record<UniqueKey, Map<string | number, Coupon>>> = {
    slot: new Map(),
    couponCode: new Map(),
    requestKey: new Map(),
    recipientKey: new Map(),
  }

  constructor(campaignId: string, filled: Filled = { upTo: 0, holes: new Set() }) {
    this.#campaignId = campaignId
    this.#filled = filled
  }

  /** Then nothing of it can be deleted. */
  get isFilled(): boolean {
    return this.#filled.upTo > 0
  }

  get count(): number {
    return this.#filled.upTo - this.#filled.holes.size + this.#rows.slot.size
  }

  /** Those that are not filled. */
  rows(): Iterable<Coupon> {
    return this.#rows.slot.values()
  }

  find(key: UniqueKey, value: string | number | null): Coupon | undefined {
    if (value === null) return undefined
    const row = this.#rows[key].get(value)
    return row === undefined && key === 'slot' && this.#isFilledIn(value as number)
      ? this.#filledRow(value as number)
      : row
  }

  insert(row: Coupon): void {
    for (const key of UNIQUE_KEYS) {
      const value = row[key]
      if (value !== null) this.#rows[key].set(value, row)
    }
  }

  delete(row: Coupon): void {
    for (const key of UNIQUE_KEYS) {
      const value = row[key]
      if (value !== null) this.#rows[key].delete(value)
    }
  }

  maxSlot(): number {
    let max = this.#filled.upTo
    while (this.#filled.holes.has(max)) max--
    for (const slot of this.#rows.slot.keys()) max = Math.max(max, slot as number)
    return max
  }

  slotsIn({ from, to }: SlotRange): number[] {
    const slots = [...(this.#rows.slot.keys() as Iterable<number>)].filter((slot) => slot >= from && slot <= to)
    for (let slot = from; slot <= Math.min(to, this.#filled.upTo); slot++) if (this.#isFilledIn(slot)) slots.push(slot)
    return slots.sort((a, b) => a - b)
  }

  countIn(ranges: readonly SlotRange[]): Map<number, number> {
    const counts = new Map<number, number>()
    const add = (slot: number, count: number) => {
      const segment = Math.floor((slot - 1) / SEGMENT_SLOTS)
      counts.set(segment, (counts.get(segment) ?? 0) + count)
    }
    for (const { from, to } of ranges) {
      for (const slot of this.#rows.slot.keys() as Iterable<number>) if (slot >= from && slot <= to) add(slot, 1)
      const last = Math.min(to, this.#filled.upTo)
      for (let start = from; start <= last;) {
        const end = Math.min(last, Math.ceil(start / SEGMENT_SLOTS) * SEGMENT_SLOTS)
        add(start, end - start + 1)
        start = end + 1
      }
      for (const hole of this.#filled.holes) if (hole >= from && hole <= last) add(hole, -1)
    }
    return counts
  }

  #isFilledIn(slot: number): boolean {
    return slot >= 1 && slot <= this.#filled.upTo && !this.#filled.holes.has(slot)
  }

  #filledRow(slot: number): Coupon {
    return {
      campaignId: this.#campaignId,
      couponCode: `FILLED${slot}`,
      slot,
      requestKey: slot.toString(16).padStart(32, 'f'),
      recipient: null,
      recipientKey: null,
      issuedAtMs: 0,
    }
  }
}

export function segmentCounts(counts: ReadonlyMap<number, number>): SegmentCount[] {
  return [...counts]
    .filter(([, count]) => count > 0)
    .map(([segment, count]) => ({ segment, count }))
    .sort((a, b) => a.segment - b.segment)
}
