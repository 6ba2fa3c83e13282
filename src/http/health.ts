// Whether this server is to be sent requests, and what it sees of database and counter.

import type { Counter } from '../counter/counter.ts'
import type { Clock } from '../host.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { HEALTH_FRESH_MS } from './limits.ts'

export interface HealthReport {
  readonly database: 'up' | 'down'
  readonly counter: 'up' | 'down' | 'off'
  readonly lock_scope: Ledger['lockScope']
}

export interface Health {
  /** Was the database reached once, with a schema that fits? Losing it later does not unmake it: all servers would leave together. */
  ready(): boolean
  /** Never rejects. */
  report(): Promise<HealthReport>
}

/** Set by who closes the process, never unset. */
export interface Lifecycle {
  /** Connections are asked to go, and /readyz says no. */
  isDraining: boolean
  /** Others serve at the same address, and go on: whoever asks there is told that it is ready, by whatever process. */
  isReplaced?: boolean
}

/** Are callers to be sent elsewhere? */
export function isClosing({ isDraining, isReplaced = false }: Lifecycle): boolean {
  return isDraining && !isReplaced
}

/** Of this process, whatever others say at the same address. */
export function stateOf(health: Pick<Health, 'ready'>, { isDraining }: Lifecycle): 'starting' | 'ready' | 'ending' {
  return isDraining ? 'ending' : health.ready() ? 'ready' : 'starting'
}

export class ServiceHealth implements Health {
  readonly #ledger: Ledger
  readonly #counter: Counter | null
  readonly #clock: Clock
  #isPrepared = false
  #report: Promise<HealthReport> | null = null
  #freshUntilMs = 0
  #clockOffsetMs: number | null = null

  constructor(ledger: Ledger, counter: Counter | null, clock: Clock) {
    this.#ledger = ledger
    this.#counter = counter
    this.#clock = clock
  }

  /** How far the database's clock was ahead of ours at the last look; null: it did not answer. */
  get clockOffsetMs(): number | null {
    return this.#clockOffsetMs
  }

  /** The database was reached, and its schema fits. */
  markPrepared(): void {
    this.#isPrepared = true
  }

  ready(): boolean {
    return this.#isPrepared
  }

  /** However many ask, one look a second. */
  report(): Promise<HealthReport> {
    const nowMs = this.#clock.nowMs()
    if (this.#report === null || nowMs >= this.#freshUntilMs) {
      this.#freshUntilMs = nowMs + HEALTH_FRESH_MS
      this.#report = this.#look()
    }
    return this.#report
  }

  async #look(): Promise<HealthReport> {
    const counter = this.#counter
    const [isDatabaseUp, isCounterUp] = await Promise.all([
      this.#inTime(this.#pingLedger()),
      counter === null ? false : this.#inTime(counter.ping()),
    ])
    return {
      database: isDatabaseUp ? 'up' : 'down',
      counter: counter === null ? 'off' : isCounterUp ? 'up' : 'down',
      lock_scope: this.#ledger.lockScope,
    }
  }

  async #pingLedger(): Promise<true> {
    const sentAtMs = this.#clock.wallMs()
    try {
      const { nowMs } = await this.#ledger.ping()
      // It was read somewhere between question and answer.
      this.#clockOffsetMs = nowMs - (sentAtMs + this.#clock.wallMs()) / 2
      return true
    } catch (error) {
      this.#clockOffsetMs = null
      throw error
    }
  }

  /** What does not answer in time counts as down. */
  #inTime(ping: Promise<boolean>): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(HEALTH_FRESH_MS, () => resolve(false))
      void ping
        .catch(() => false)
        .then((isUp) => {
          cancel()
          resolve(isUp)
        })
    })
  }
}
