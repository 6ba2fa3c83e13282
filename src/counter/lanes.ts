// The circuit breaker of the counter: behind a command that is overdue nothing is sent, and after it not before Redis has
// answered a question in time that no request waits for.

import type { Clock } from '../host.ts'
import { COUNTER_LIMITS } from './limits.ts'

/** Asks the lane's server something that changes nothing. */
export type Probe = () => Promise<unknown>

interface Held {
  /** Beyond their deadline, and their fate unknown. */
  commands: number
  sinceMs: number
  probe: Probe
}

export class Lanes {
  readonly #clock: Clock
  readonly #replyMsMax: number
  readonly #onAnswer: () => void
  readonly #held = new Map<string, Held>()

  /** @param onAnswer a probe was answered in time */
  constructor(clock: Clock, replyMsMax: number, onAnswer: () => void) {
    this.#clock = clock
    this.#replyMsMax = replyMsMax
    this.#onAnswer = onAnswer
  }

  /**
   * Whatever were sent would be executed when the server wakes up, for nobody: ten minutes of it could take every slot of a
   * campaign. And whoever sent it would wait in vain.
   */
  isShut(lane: string): boolean {
    const held = this.#held.get(lane)
    return held !== undefined && this.#clock.nowMs() - held.sinceMs < COUNTER_LIMITS.stallMsMax.value
  }

  /** A command was given up. */
  hold(lane: string, probe: Probe): void {
    const commands = (this.#held.get(lane)?.commands ?? 0) + 1
    this.#held.set(lane, { commands, sinceMs: this.#clock.nowMs(), probe })
  }

  /** A command that was given up was answered after all, or never will be. */
  release(lane: string): void {
    const held = this.#held.get(lane)
    if (held !== undefined && --held.commands === 0) this.#ask(lane, held)
  }

  /** A server that answers late answers, too: what counts is how soon. */
  #ask(lane: string, held: Held): void {
    const askedAtMs = this.#clock.nowMs()
    held.sinceMs = askedAtMs
    const heard = (isAnswer: boolean) => {
      // Others came to be overdue meanwhile: the last of them asks.
      if (this.#held.get(lane) !== held || held.commands > 0) return
      if (this.#clock.nowMs() - askedAtMs > this.#replyMsMax) {
        this.#clock.after(COUNTER_LIMITS.probeMs.value, () => this.#held.get(lane) === held && this.#ask(lane, held))
        return
      }
      // Without a connection, too: what is sent then fails at once.
      this.#held.delete(lane)
      if (isAnswer) this.#onAnswer()
    }
    held.probe().then(
      () => heard(true),
      () => heard(false),
    )
  }
}
