// What lies between a server and a store: requests and replies, each of which may be late or lost. One wire for each server
// and store.

import type { Owner, Scheduler } from './scheduler.ts'
import { WORLD } from './scheduler.ts'
import type { Chance } from './chance.ts'
import { BLOCKED, type Blocked } from './database.ts'
import type { Sometimes } from './sometimes.ts'

/** How likely each is, for one request. */
export interface WireFaults {
  readonly requestLost: number
  readonly replyLost: number
  /** The store goes on with it after its caller was told that the connection is lost. */
  readonly late: number
  /** The store refuses: a deadlock, a lock wait that took too long. Nothing was done. */
  readonly refused: number
}

export const NO_FAULTS: WireFaults = { requestLost: 0, replyLost: 0, late: 0, refused: 0 }

export interface Statement<T> {
  readonly name: string
  /** In the store, in one step. BLOCKED: again when somebody's transaction has ended. */
  readonly run: () => T | Blocked
  /** A second step, for what is not durable before it. */
  readonly finish?: (result: T) => void
  /** In the store, when the reply or the request was lost: nobody is there any more. */
  readonly onOrphaned?: (result: T | null) => void
}

/** 'refused': not done, the connection stands. 'lost': the connection broke, whatever became of it. */
export class WireError extends Error {
  readonly kind: 'refused' | 'lost'

  constructor(kind: 'refused' | 'lost') {
    super(kind)
    this.kind = kind
  }
}

export interface Wire {
  send<T>(statement: Statement<T>): Promise<T>
}

/** Everything at once, in order, nothing lost. */
export function directWire(): Wire {
  return {
    async send<T>(statement: Statement<T>): Promise<T> {
      for (;;) {
        await new Promise(setImmediate)
        const result = statement.run()
        if (result === BLOCKED) continue
        statement.finish?.(result)
        return result
      }
    },
  }
}

/** Of all servers: who is blocked in the database tries again when a transaction ends. */
export class Blockage {
  #waiting: (() => void)[] = []

  add(retry: () => void): void {
    this.#waiting.push(retry)
  }

  release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const retry of waiting) retry()
  }
}

/** Of requests and of replies, on every wire. */
const SLOW = 0.08
const SLOW_MS_MAX = 40

export interface WireOptions {
  readonly scheduler: Scheduler
  readonly chance: Chance
  /** The server. */
  readonly owner: Owner
  readonly blockage: Blockage
  readonly saw: Sometimes
  /** Asked for each request: faults stop at some time. */
  readonly faults: () => WireFaults
  readonly name: string
}

export class FaultyWire implements Wire {
  readonly #options: WireOptions
  /** Rejects what is under way: the connections broke. Of each: was it answered already, and only its reply is on the way? */
  readonly #open = new Set<{ break: () => void }>()

  constructor(options: WireOptions) {
    this.#options = options
  }

  /** All connections of this server to the store break, now. What the store has begun it may still do. */
  breakAll(): void {
    for (const request of this.#open) request.break()
  }

  send<T>(statement: Statement<T>): Promise<T> {
    const { scheduler, chance, owner, blockage, saw, name } = this.#options
    const faults = this.#options.faults()
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    /** Most are quick; some are overtaken by much that happens meanwhile. */
    const travel = (to: Owner, arrive: () => void) => {
      if (chance.is(SLOW)) scheduler.after(chance.below(SLOW_MS_MAX), to, arrive)
      else scheduler.soon(to, arrive)
    }
    /** What the caller will hear. It travels: until it has arrived, it may yet be lost. */
    let reply: (() => void) | null = null
    let isOrphaned = false
    const answer = (settle: () => void) => {
      if (reply !== null) return
      reply = settle
      travel(owner, () => {
        this.#open.delete(request)
        reply?.()
      })
    }
    const lose = () => {
      isOrphaned = true
      const settle = () => reject(new WireError('lost'))
      if (reply === null) answer(settle)
      else reply = settle
    }
    const request = {
      break: () => {
        if (reply !== null) saw.count(`${name}: a reply on its way when the connection broke`)
        // It may still come, or not.
        if (reply === null || chance.is(0.5)) lose()
      },
    }
    this.#open.add(request)

    const orphaned = (result: T | null) => scheduler.soon(WORLD, () => statement.onOrphaned?.(result))
    const work = () => {
      if (reply === null && chance.is(faults.refused)) {
        saw.count(`${name}: refused`)
        orphaned(null)
        answer(() => reject(new WireError('refused')))
        return
      }
      if (owner.isDead && chance.is(0.5)) return orphaned(null)
      let result: T | Blocked
      try {
        result = statement.run()
      } catch (error) {
        return answer(() => reject(error))
      }
      if (result === BLOCKED) {
        saw.count(`${name}: blocked`)
        return blockage.add(() => scheduler.soon(WORLD, work))
      }
      const finish = () => {
        if (isOrphaned) saw.count(`${name}: done after the connection was lost`)
        try {
          statement.finish?.(result)
        } catch (error) {
          return answer(() => reject(error))
        }
        if (owner.isDead || isOrphaned) return orphaned(result)
        if (chance.is(faults.replyLost)) {
          saw.count(`${name}: reply lost`)
          lose()
          return orphaned(result)
        }
        answer(() => resolve(result))
      }
      if (statement.finish === undefined || chance.is(0.5)) finish()
      else scheduler.soon(WORLD, finish)
    }
    if (chance.is(faults.requestLost)) {
      saw.count(`${name}: request lost`)
      lose()
      orphaned(null)
    } else {
      if (chance.is(faults.late)) lose()
      travel(WORLD, work)
    }
    return promise
  }
}
