// The primary's part: as many workers as there should be. Whoever dies is followed by another, and whoever is replaced ends only
// when the new one is ready. It opens no store and takes no request: there is little that could end it.

import type { Clock } from '../host.ts'
import type { Log } from '../telemetry/log.ts'
import type { Numbers } from '../telemetry/together.ts'
import type { Exit, WorkerProcess } from './cluster.ts'
import { Gathering } from './gathering.ts'
import { RESTART_PAUSE_MS, RESTART_PAUSE_MS_MAX, YOUNG_MS } from './limits.ts'
import { Member } from './member.ts'
import type { ToPrimary } from './messages.ts'

export interface CrewParts {
  readonly count: number
  readonly fork: () => WorkerProcess
  readonly clock: Clock
  readonly log: Log
  /** Of the primary itself. */
  readonly numbers: () => Promise<Numbers>
  /** One was begun in place of another. */
  readonly onStart: (reason: 'died' | 'replaced') => void
  /** The first of them can be reached, ready or not. */
  readonly onListening: (url: string) => void
}

/** It has said itself why. */
export class WorkerUnusable extends Error {
  override readonly name = 'WorkerUnusable'
}

export class Crew {
  readonly #parts: CrewParts
  readonly #members = new Set<Member>()
  readonly #gathering: Gathering
  readonly #firstReady = new Map<number, PromiseWithResolvers<{ isOpen: boolean }>>()
  readonly #unusable = Promise.withResolvers<never>()
  readonly #ended = Promise.withResolvers<void>()
  /** Of each number: how often in a row it died young. */
  readonly #youngDeaths = new Map<number, number>()
  #isUp = false
  #isEnding = false
  #isClean = true
  #hasListened = false
  #replacing: 'no' | 'once' | 'again' = 'no'

  constructor(parts: CrewParts) {
    this.#parts = parts
    this.#gathering = new Gathering(parts.clock, parts.numbers)
    for (let number = 1; number <= parts.count; number++) this.#firstReady.set(number, Promise.withResolvers())
    this.#unusable.promise.catch(() => {})
  }

  /** Resolves when all are ready. Rejects with WorkerUnusable when one cannot be before a person has done something. */
  async start(): Promise<{ isOpen: boolean }> {
    // One alone: it migrates, and what keeps it from starting is said once.
    this.#begin(1)
    const ready = [...this.#firstReady.values()].map(({ promise }) => promise)
    await Promise.race([ready[0], this.#unusable.promise])
    for (let number = 2; number <= this.#parts.count; number++) if (!this.#isEnding) this.#begin(number)
    const [{ isOpen }] = (await Promise.race([Promise.all(ready), this.#unusable.promise])) as [{ isOpen: boolean }]
    this.#isUp = true
    return { isOpen }
  }

  /** One after the other, so that there is one more of them than usual at most. If a new one does not get ready, the rest stay. */
  async replaceAll(): Promise<void> {
    if (!this.#isUp || this.#isEnding) return
    if (this.#replacing !== 'no') return void (this.#replacing = 'again')
    do {
      this.#replacing = 'once'
      for (let number = 1; number <= this.#parts.count; number++) {
        const member = this.#serving(number)
        if (member === undefined || (await this.#replace(member))) continue
        if (!this.#isEnding)
          this.#parts.log.error({ worker: number }, 'a new worker could not start: the others stay as they are')
        break
      }
      // It may change between two looks.
    } while ((this.#replacing as 'once' | 'again') === 'again' && !this.#isEnding)
    this.#replacing = 'no'
  }

  /** All, in order. @returns did each of them end well? */
  async end({ drains }: { drains: boolean }): Promise<boolean> {
    this.#isEnding = true
    for (const member of this.#members) member.end({ drains, isReplaced: false })
    if (this.#members.size > 0) await this.#ended.promise
    return this.#isClean
  }

  /** At once. */
  kill(): void {
    this.#isEnding = true
    for (const { process } of this.#members) process.kill()
  }

  #begin(number: number): Member {
    const { clock, fork } = this.#parts
    const listensFirst = ![...this.#members].some(({ state }) => state === 'ready')
    const member = new Member(number, fork(), clock.nowMs())
    this.#members.add(member)
    member.process.attend(
      (message) => this.#hear(member, message),
      (exit) => this.#bury(member, exit),
    )
    member.process.tell({ is: 'begin', number, listensFirst })
    return member
  }

  #hear(member: Member, message: ToPrimary): void {
    switch (message.is) {
      case 'opened':
        member.isOpened = true
        return
      case 'listening':
        if (!this.#hasListened) this.#parts.onListening(message.url)
        this.#hasListened = true
        return
      case 'ready':
        member.markReady()
        this.#firstReady.get(member.number)?.resolve(message)
        return
      case 'leaves':
        // Messages keep their order, so that this comes behind the last connection that it was dealt.
        return member.process.tell({ is: 'has left' })
      case 'asked to end':
        if (!this.#isEnding && !member.isLeaving) void this.#replace(member)
        return
      case 'numbers':
        return this.#gathering.hear(member, message.id, message.numbers)
      case 'ask text':
        void this.#gathering.text([...this.#members]).then(
          (text) => member.process.tell({ is: 'text', id: message.id, text }),
          () => member.process.tell({ is: 'text', id: message.id, text: null }),
        )
    }
  }

  /** @returns is there a new one, and the old one gone? */
  async #replace(member: Member): Promise<boolean> {
    member.isLeaving = true
    const next = this.#begin(member.number)
    this.#parts.onStart('replaced')
    const isReady = await next.ready
    if (!isReady || this.#isEnding) {
      member.isLeaving = false
      return false
    }
    member.end({ drains: true, isReplaced: true })
    await member.gone
    return true
  }

  #bury(member: Member, exit: Exit): void {
    this.#members.delete(member)
    this.#gathering.bury(member)
    member.bury()
    const { number, state, process } = member
    if (this.#isEnding) {
      if (exit.code !== 0) this.#isClean = false
      if (this.#members.size === 0) this.#ended.resolve()
      return
    }
    const livedMs = Math.round(this.#parts.clock.nowMs() - member.bornAtMs)
    const about = { worker: number, worker_pid: process.pid, ...exit, lived_ms: livedMs }
    if (state === 'ending') return this.#parts.log.info(about, 'a worker was replaced')
    // It could not be run, and has said what a person must do.
    if (!this.#isUp && exit.code === 3) return this.#unusable.reject(new WorkerUnusable())
    const pauseMs = this.#pauseMs(number, livedMs)
    this.#parts.log.warn({ ...about, pause_ms: pauseMs }, 'a worker died: another comes')
    void this.#follow(number, pauseMs)
  }

  async #follow(number: number, pauseMs: number): Promise<void> {
    if (pauseMs > 0) await this.#parts.clock.sleep(pauseMs)
    if (this.#isEnding || this.#serving(number) !== undefined) return
    this.#begin(number)
    this.#parts.onStart('died')
  }

  #pauseMs(number: number, livedMs: number): number {
    const deaths = livedMs < YOUNG_MS ? (this.#youngDeaths.get(number) ?? 0) + 1 : 0
    this.#youngDeaths.set(number, deaths)
    return deaths === 0 ? 0 : Math.min(RESTART_PAUSE_MS * 2 ** (deaths - 1), RESTART_PAUSE_MS_MAX)
  }

  /** The one that has that number and stays: it is ready, or will be. */
  #serving(number: number): Member | undefined {
    return [...this.#members].find((member) => member.number === number && member.state !== 'ending')
  }
}
