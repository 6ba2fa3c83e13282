// What a fault is, and the hands that deal them: one for each kind of victim, so that no two of them meet at the same
// victim, while a dying server, a silent database and a stale Redis do meet.

import { setTimeout as pause } from 'node:timers/promises'
import type { Dice } from './dice.ts'

export interface Fault {
  readonly name: string
  /** Does it, and undoes what does not heal by itself. @returns how often it really happened */
  strike(dice: Dice): Promise<number>
}

/** Between two faults of one hand: without a moment of peace, callers would only wait. */
const PAUSE_MS_MAX = 2_000

export class Hand {
  readonly faults: readonly Fault[]
  readonly #dice: Dice
  readonly #tally: Map<string, number>
  readonly #pauseMsMax: number
  #bag: Fault[] = []
  #strikes = 0

  constructor(faults: readonly Fault[], dice: Dice, tally: Map<string, number>, pauseMsMax = PAUSE_MS_MAX) {
    this.faults = faults
    this.#dice = dice
    this.#tally = tally
    this.#pauseMsMax = pauseMsMax
    for (const { name } of faults) tally.set(name, 0)
  }

  /** Resolves when the last fault is over. */
  async deal(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // A bag that is emptied before it is filled again: each kind comes up, however short the luck.
      if (this.#bag.length === 0) this.#bag = this.#dice.shuffled(this.faults)
      const fault = this.#bag.pop() as Fault
      // A stream for each: how much this one draws changes nothing for the next.
      const count = await fault.strike(this.#dice.of(`strike ${this.#strikes++}`))
      this.#tally.set(fault.name, (this.#tally.get(fault.name) ?? 0) + count)
      await pause(this.#dice.whole(0, this.#pauseMsMax), undefined, { signal }).catch(() => {})
    }
  }
}
