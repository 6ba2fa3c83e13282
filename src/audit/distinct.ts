// Does any value have two rows? Where a source has its values in order, equal ones are neighbours. Where it has not, a
// number is kept of each value; equal numbers are rare, and whether their values are equal a second reading shows.

import { createHash } from 'node:crypto'
import type { OrderedValue } from './source.ts'

/** → how many values there were. @param onTwin told of both rows */
export async function neighbours(
  pages: AsyncIterable<readonly OrderedValue[]>,
  onTwin: (one: OrderedValue, other: OrderedValue) => void,
  onPage: (values: number) => Promise<void>,
): Promise<number> {
  let count = 0
  let last: OrderedValue | null = null
  for await (const page of pages) {
    for (const value of page) {
      if (last?.value === value.value) onTwin(last, value)
      last = value
    }
    count += page.length
    await onPage(page.length)
  }
  return count
}

/** So that each is sorted in a few milliseconds: ten million values are 40,000 a bucket. */
const BUCKETS = 256
/** Numbers whose values are looked at again: a campaign with so many twins needs no exact count. */
const SUSPECTS_MAX = 10_000

/** Eight bytes a value, twice that while it grows. */
export class Numbers {
  readonly #buckets = Array.from({ length: BUCKETS }, () => new Bucket())

  add(value: string): void {
    const number = numberOf(value)
    this.#buckets[number % BUCKETS]?.add(number)
  }

  /** Those that came twice or oftener. Between two buckets, everybody else gets a turn. */
  async suspects(turn: () => Promise<void>): Promise<Set<number>> {
    const found = new Set<number>()
    for (const bucket of this.#buckets) {
      const numbers = bucket.sorted()
      for (let index = 1; index < numbers.length && found.size < SUSPECTS_MAX; index++) {
        const number = numbers[index] as number
        if (number === numbers[index - 1]) found.add(number)
      }
      await turn()
    }
    return found
  }
}

/** 48 bits: of ten million values two have one number by chance in every fifth audit. */
export function numberOf(value: string): number {
  return createHash('sha1').update(value, 'utf8').digest().readUIntLE(0, 6)
}

class Bucket {
  #numbers = new Float64Array(16)
  #length = 0

  add(number: number): void {
    if (this.#length === this.#numbers.length) {
      const wider = new Float64Array(this.#length * 2)
      wider.set(this.#numbers)
      this.#numbers = wider
    }
    this.#numbers[this.#length++] = number
  }

  sorted(): Float64Array {
    return this.#numbers.subarray(0, this.#length).sort()
  }
}
