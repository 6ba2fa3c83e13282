// What happens next. Everything that may happen now, on any server, in the database or on the wire, lies in one bag; chance
// takes one thing out, runs it, and lets its consequences spread before the next. Time is a number.

import type { Clock } from '../../src/host.ts'
import type { Chance } from './chance.ts'

/** Whose turn it is: what belongs to a dead process never happens, what belongs to a frozen one waits. */
export interface Owner {
  isDead: boolean
  isFrozen: boolean
}

interface Event {
  readonly owner: Owner
  readonly run: () => void
}

interface Timer extends Event {
  readonly atMs: number
  isCancelled: boolean
}

/** The world itself: never dead. */
export const WORLD: Owner = { isDead: false, isFrozen: false }

export interface Pace {
  /** Of each step, at most: how fast time goes beside what happens. */
  readonly stepMsMax: number
  /** How often time passes and nothing happens. */
  readonly stall: number
}

const STALL_MS_MAX = 100

export class Scheduler {
  readonly #chance: Chance
  readonly #pace: Pace
  readonly #ready: Event[] = []
  /** The earliest last. */
  readonly #timers: Timer[] = []
  #frozen: Event[] = []
  nowMs = 0
  steps = 0

  constructor(chance: Chance, pace: Pace) {
    this.#chance = chance
    this.#pace = pace
  }

  /** May happen from now on. */
  soon(owner: Owner, run: () => void): void {
    this.#ready.push({ owner, run })
  }

  /** Will happen at that time, or a little later. */
  after(ms: number, owner: Owner, run: () => void): () => void {
    const timer = { atMs: this.nowMs + ms, owner, run, isCancelled: false }
    let at = this.#timers.length
    while (at > 0 && (this.#timers[at - 1] as Timer).atMs <= timer.atMs) at--
    this.#timers.splice(at, 0, timer)
    return () => void (timer.isCancelled = true)
  }

  /** What waited for a frozen owner may happen again. */
  thaw(owner: Owner): void {
    owner.isFrozen = false
    this.#ready.push(...this.#frozen.filter((event) => event.owner === owner))
    this.#frozen = this.#frozen.filter((event) => event.owner !== owner)
  }

  /** Until `isOver`, asked after each step. → false: nothing more can happen, or it took too many steps */
  async run(isOver: () => boolean, stepsMax: number): Promise<boolean> {
    for (const last = this.steps + stepsMax; !isOver();) {
      if (this.steps >= last || !this.#step()) return false
      // Until every consequence has spread: Node empties its queue of promises before it takes the next tick.
      await new Promise<void>((resolve) => process.nextTick(resolve))
    }
    return true
  }

  #step(): boolean {
    this.steps++
    const timer = this.#nextTimer()
    if (this.#ready.length > 0 && this.#chance.is(this.#pace.stall))
      this.nowMs += this.#chance.fraction() * STALL_MS_MAX
    const isDue = timer !== undefined && timer.atMs <= this.nowMs
    if (timer !== undefined && (this.#ready.length === 0 || (isDue && this.#chance.is(0.5)))) {
      this.#timers.pop()
      this.nowMs = Math.max(this.nowMs, timer.atMs)
      this.#happen(timer)
      return true
    }
    const at = this.#chance.below(this.#ready.length)
    const event = this.#ready[at]
    if (event === undefined) return false
    this.#ready[at] = this.#ready.at(-1) as Event
    this.#ready.pop()
    this.nowMs += this.#chance.fraction() * this.#pace.stepMsMax
    this.#happen(event)
    return true
  }

  #nextTimer(): Timer | undefined {
    while (this.#timers.at(-1)?.isCancelled === true || this.#timers.at(-1)?.owner.isDead === true) this.#timers.pop()
    return this.#timers.at(-1)
  }

  #happen(event: Event): void {
    if (event.owner.isDead) return
    if (event.owner.isFrozen) this.#frozen.push(event)
    else event.run()
  }
}

/** Where all clocks begin. */
export const EPOCH_MS = Date.UTC(2027, 2, 2, 1)

/** Time as one server sees it. */
export function clockOf(scheduler: Scheduler, owner: Owner, skewMs: number): Clock {
  return {
    nowMs: () => scheduler.nowMs,
    wallMs: () => Math.floor(EPOCH_MS + scheduler.nowMs + skewMs),
    sleep: (ms) => new Promise((resolve) => void scheduler.after(ms, owner, resolve)),
    after: (ms, work) => scheduler.after(ms, owner, work),
    soon: (work) => scheduler.soon(owner, work),
  }
}
