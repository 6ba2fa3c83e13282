// The few sums that the bench does with what it measured.

/** Of an even number: between the two in the middle. */
export function median(numbers: readonly number[]): number {
  if (numbers.length === 0) return NaN
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] as number
  return Number.isInteger(middle) ? ((sorted[middle - 1] as number) + upper) / 2 : upper
}

/** The smallest that is not below `share` of them. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
}

/** Round by round: what disturbed one round, disturbed both of it. */
export function ratios(these: readonly number[], those: readonly number[]): number[] {
  if (these.length !== those.length) throw new Error(`${these.length} rounds against ${those.length}`)
  return these.map((one, round) => one / (those[round] as number))
}

/** Round by round. */
export function differences(these: readonly number[], those: readonly number[]): number[] {
  if (these.length !== those.length) throw new Error(`${these.length} rounds against ${those.length}`)
  return these.map((one, round) => one - (those[round] as number))
}
