// What a worker hears from its primary, and what it asks it.

import type { Clock } from '../host.ts'
import type { Numbers } from '../telemetry/together.ts'
import type { PrimaryLink } from './cluster.ts'
import { FAREWELL_MS_MAX, LEAVE_MS_MAX, TEXT_MS_MAX } from './limits.ts'
import type { ToWorker } from './messages.ts'

export interface Beginning {
  readonly number: number
  readonly listensFirst: boolean
}

export interface Orders {
  end(order: { readonly drains: boolean; readonly isReplaced: boolean }): void
  /** The primary is gone: nobody will say any more that it is to end. */
  lost(): void
  numbers(): Promise<Numbers>
}

export class Channel {
  readonly #link: PrimaryLink
  readonly #clock: Clock
  readonly #begun = Promise.withResolvers<Beginning>()
  readonly #orders = Promise.withResolvers<Orders>()
  readonly #hasLeft = Promise.withResolvers<void>()
  readonly #asked = new Map<number, (text: string | null) => void>()
  #lastId = 0

  constructor(link: PrimaryLink, clock: Clock) {
    this.#link = link
    this.#clock = clock
    link.attend(
      (message) => void this.#hear(message),
      () => void this.#orders.promise.then((orders) => orders.lost()),
    )
  }

  /** What the primary says first. */
  get begun(): Promise<Beginning> {
    return this.#begun.promise
  }

  /** What was ordered before is obeyed now. */
  obey(orders: Orders): void {
    this.#orders.resolve(orders)
    void this.#link.tell({ is: 'opened' })
  }

  listening(url: string): void {
    void this.#link.tell({ is: 'listening', url })
  }

  ready(isOpen: boolean): void {
    void this.#link.tell({ is: 'ready', isOpen })
  }

  askedToEnd(): void {
    void this.#link.tell({ is: 'asked to end' })
  }

  /** After it has stopped listening: resolves when no connection is on its way to it any more. */
  async leave(): Promise<void> {
    void this.#link.tell({ is: 'leaves' })
    await Promise.race([this.#hasLeft.promise, this.#clock.sleep(LEAVE_MS_MAX)])
  }

  /** The numbers of all workers, as Prometheus reads them; null: the primary has not made it in time. */
  textOfAll(): Promise<string | null> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      const cancel = this.#clock.after(TEXT_MS_MAX, () => answer(null))
      const answer = (text: string | null) => {
        cancel()
        this.#asked.delete(id)
        resolve(text)
      }
      this.#asked.set(id, answer)
      void this.#link.tell({ is: 'ask text', id })
    })
  }

  /** All that was counted, before the process ends. */
  async farewell(numbers: Numbers): Promise<void> {
    await Promise.race([this.#link.tell({ is: 'numbers', id: 0, numbers }), this.#clock.sleep(FAREWELL_MS_MAX)])
  }

  close(): void {
    this.#link.close()
  }

  async #hear(message: ToWorker): Promise<void> {
    switch (message.is) {
      case 'begin':
        return this.#begun.resolve(message)
      case 'has left':
        return this.#hasLeft.resolve()
      case 'text':
        return this.#asked.get(message.id)?.(message.text)
      case 'end':
        return (await this.#orders.promise).end(message)
      case 'tell numbers': {
        const numbers = await (await this.#orders.promise).numbers()
        return this.#link.tell({ is: 'numbers', id: message.id, numbers })
      }
    }
  }
}
