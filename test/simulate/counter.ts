// The counter port over a wire to a simulated Redis. One for each server; which Redis it leads to may change.

import type { CampaignIdentity } from '../../src/campaign/campaign.ts'
import { CounterUnavailable, type Counter } from '../../src/counter/counter.ts'
import type { Reservation, ReserveAsk, ResyncAsk } from '../../src/counter/counter.ts'
import { reserveIn, resyncIn, type MemoryCounterStore } from '../counter/memory-counter.ts'
import type { Sometimes } from './sometimes.ts'
import type { Wire } from './wire.ts'

export class SimCounter implements Counter {
  /** Another one after a failover, or while the network is split. */
  store: MemoryCounterStore
  /** Of this server only: the others reach it. */
  isCutOff = false
  readonly #wire: Wire
  readonly #saw: Sometimes

  constructor(store: MemoryCounterStore, wire: Wire, saw: Sometimes) {
    this.store = store
    this.#wire = wire
    this.#saw = saw
  }

  reserve(asks: readonly ReserveAsk[]): Promise<(Reservation | CounterUnavailable)[]> {
    return this.#each('reserve', asks, (ask) => {
      const reservation = reserveIn(this.store, ask)
      if (reservation.status === 'cold') this.#saw.count('reserve: cold')
      else if (reservation.count < ask.count) this.#saw.count('reserve: fewer than asked for')
      return reservation
    })
  }

  resync(asks: readonly ResyncAsk[]): Promise<(undefined | CounterUnavailable)[]> {
    return this.#each('resync', asks, (ask) => resyncIn(this.store, ask))
  }

  /** For audits only: the path does not look. */
  async peek(campaigns: readonly CampaignIdentity[]): Promise<(number | null)[]> {
    return campaigns.map(() => null)
  }

  async ping(): Promise<boolean> {
    return !this.#isAway
  }

  async close(): Promise<void> {}

  get #isAway(): boolean {
    return this.store.away || this.isCutOff
  }

  /** A cluster answers for each campaign by itself. */
  #each<Ask, Answer>(
    name: string,
    asks: readonly Ask[],
    answer: (ask: Ask) => Answer,
  ): Promise<(Answer | CounterUnavailable)[]> {
    return Promise.all(
      asks.map((ask) =>
        this.#wire
          .send({ name, run: () => (this.#isAway ? new CounterUnavailable('away') : answer(ask)) })
          .catch(() => new CounterUnavailable('no reply')),
      ),
    )
  }
}
