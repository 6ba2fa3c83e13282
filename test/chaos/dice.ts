// Chance that can be repeated: everything that a run decides by chance is drawn from one seed. Each part of it draws from a
// stream of its own, so that what one part draws does not depend on how fast the others were.

import { createHash } from 'node:crypto'

export class Dice {
  readonly #seed: string
  #drawn = 0

  constructor(seed: string) {
    this.#seed = seed
  }

  /** The same name gives the same stream. */
  of(name: string): Dice {
    return new Dice(`${this.#seed}/${name}`)
  }

  /** 0 ≤ … < 1 */
  fraction(): number {
    return (
      createHash('sha256')
        .update(`${this.#seed}#${this.#drawn++}`)
        .digest()
        .readUInt32BE(0) /
      2 ** 32
    )
  }

  /** min ≤ … ≤ max */
  whole(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1))
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)] as T
  }

  shuffled<T>(choices: readonly T[]): T[] {
    return choices
      .map((choice) => ({ choice, place: this.fraction() }))
      .sort((a, b) => a.place - b.place)
      .map(({ choice }) => choice)
  }
}
