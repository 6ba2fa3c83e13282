// Where numbers are kept between two looks at them. Plain fields: counting one up costs a nanosecond or two, where a
// library's counter looks its labels up anew each time.

/** Only grows. */
export class Count {
  value = 0

  add(by = 1): void {
    this.value += by
  }
}

/** As it was at the last look. null: not known, and not shown. */
export class Level {
  value: number | null = null
}

/** How often which size was met. */
export class Spread {
  readonly bounds: readonly number[]
  /** One more than there are bounds: the last is for what is beyond them. Not summed up. */
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  add(value: number): void {
    const { bounds, counts } = this
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++
    counts[bucket] = (counts[bucket] as number) + 1
    this.sum += value
  }
}
