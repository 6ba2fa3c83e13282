// Chance that can be repeated: everything that a run decides by chance is drawn from one seed. Each part of it draws from a
// stream of its own, so that what one part draws does not depend on how fast the others were.

import { hash } from 'node:crypto'

export class Dice {
  readonly #seed: string
  #block: Buffer = Buffer.alloc(0)
  #blocks = 0
  #next = 0

  constructor(seed: string) {
    this.#seed = seed
  }

  /** The same name gives the same stream. */
  of(name: string): Dice {
    return new Dice(`${this.#seed}/${name}`)
  }

  /** 0 ≤ … < 1 */
  fraction(): number {
    if (this.#next >= this.#block.length) {
      this.#block = hash('sha512', `${this.#seed}#${this.#blocks++}`, 'buffer')
      this.#next = 0
    }
    const drawn = this.#block.readUInt32BE(this.#next)
    this.#next += 4
    return drawn / 2 ** 32
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
