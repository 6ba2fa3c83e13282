// What a fault is, and the hands that deal them: one for each kind of victim, so that no two of them meet at the same
// victim, while a dying server, a silent database and a stale Redis do meet.

import { setTimeout as pause } from 'node:timers/promises'
import type { Dice } from './dice.ts'

export interface Fault {
  readonly name: string
  /** Does it, and undoes what does not heal by itself. @returns how often it really happened */
  strike(dice: Dice): Promise<number>
}

/** Between two faults of one hand. */
const PAUSE_MS = { min: 20, max: 800 } as const

export class Hand {
  readonly faults: readonly Fault[]
  readonly #dice: Dice
  readonly #tally: Map<string, number>
  #bag: Fault[] = []

  constructor(faults: readonly Fault[], dice: Dice, tally: Map<string, number>) {
    this.faults = faults
    this.#dice = dice
    this.#tally = tally
    for (const { name } of faults) tally.set(name, 0)
  }

  /** Resolves when the last fault is over. */
  async deal(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // A bag that is emptied before it is filled again: each kind comes up, however short the luck.
      if (this.#bag.length === 0) this.#bag = this.#dice.shuffled(this.faults)
      const fault = this.#bag.pop() as Fault
      // Whatever this one draws, the next ones draw the same.
      const count = await fault.strike(this.#dice.of(`${fault.name} ${this.#tally.get(fault.name)}`))
      this.#tally.set(fault.name, (this.#tally.get(fault.name) ?? 0) + count)
      await pause(this.#dice.whole(PAUSE_MS.min, PAUSE_MS.max), undefined, { signal }).catch(() => {})
    }
  }
}
