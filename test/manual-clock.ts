// A clock that a test moves.

import type { Clock } from '../src/host.ts'

export class ManualClock implements Clock {
  #nowMs = 1_000
  readonly #timers = new Set<{ readonly atMs: number; readonly work: () => void }>()

  nowMs = () => this.#nowMs
  wallMs = () => this.#nowMs
  sleep = (ms: number) => new Promise<void>((resolve) => void this.after(ms, resolve))
  soon = (work: () => void) => void setImmediate(work)
  after = (ms: number, work: () => void) => {
    const timer = { atMs: this.#nowMs + ms, work }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Timer by timer, each with all that follows from it. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    for (;;) {
      await new Promise<void>((resolve) => void setImmediate(resolve))
      const [next] = [...this.#timers].sort((a, b) => a.atMs - b.atMs)
      if (next === undefined || next.atMs > untilMs) break
      this.#timers.delete(next)
      this.#nowMs = next.atMs
      next.work()
    }
    this.#nowMs = untilMs
  }
}
