// All chance of one simulated run, from its seed: the same seed, the same run.

export class Chance {
  #state: number

  constructor(seed: number) {
    // Seeds follow each other; their runs must not.
    this.#state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) | 1
    for (let warm = 0; warm < 8; warm++) this.#next()
  }

  /** Source: G. Marsaglia, "Xorshift RNGs", 2003, with the shifts 13, 17, 5. */
  #next(): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return (Math.imul(state, 0x2c1b3c6d) ^ (state >>> 15)) >>> 0
  }

  /** 0 ≤ fraction < 1 */
  fraction(): number {
    return this.#next() / 4_294_967_296
  }

  /** 0 ≤ whole < below */
  below(below: number): number {
    return Math.floor(this.fraction() * below)
  }

  /** Both ends included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  is(probability: number): boolean {
    return probability > 0 && this.fraction() < probability
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }

  fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.#next() >>> 8
  }
}
