// One worker of a crew, from its birth to its end.

import type { WorkerProcess } from './cluster.ts'

export class Member {
  /** Who follows it has the same. */
  readonly number: number
  readonly process: WorkerProcess
  readonly bornAtMs: number
  state: 'starting' | 'ready' | 'ending' = 'starting'
  /** It hears. */
  isOpened = false
  /** It ends as soon as another one is ready. */
  isLeaving = false
  readonly #ready = Promise.withResolvers<boolean>()
  readonly #gone = Promise.withResolvers<void>()

  constructor(number: number, process: WorkerProcess, bornAtMs: number) {
    this.number = number
    this.process = process
    this.bornAtMs = bornAtMs
  }

  /** false: it was gone before. */
  get ready(): Promise<boolean> {
    return this.#ready.promise
  }

  get gone(): Promise<void> {
    return this.#gone.promise
  }

  markReady(): void {
    if (this.state === 'starting') this.state = 'ready'
    this.#ready.resolve(true)
  }

  end(order: { readonly drains: boolean; readonly isReplaced: boolean }): void {
    this.state = 'ending'
    this.process.tell({ is: 'end', ...order })
  }

  bury(): void {
    this.#ready.resolve(false)
    this.#gone.resolve()
  }
}
