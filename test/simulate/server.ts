// One server: the path as it serves, on ports and a clock that are held.

import { Campaigns } from '../../src/campaign/campaigns.ts'
import type { Randomness } from '../../src/host.ts'
import { IssuePath } from '../../src/issue/issue.ts'
import { Memories } from '../../src/issue/memories.ts'
import { NO_METER } from '../../src/issue/meter.ts'
import { Segments } from '../../src/issue/segments.ts'
import type { MemoryCounterStore } from '../counter/memory-counter.ts'
import type { Chance } from './chance.ts'
import { SimCounter } from './counter.ts'
import type { SimDatabase } from './database.ts'
import { SimLedger } from './ledger.ts'
import { clockOf, type Owner, type Scheduler } from './scheduler.ts'
import type { Sometimes } from './sometimes.ts'
import { FaultyWire, NO_FAULTS, type Blockage, type WireFaults } from './wire.ts'

export interface ServerParts {
  readonly name: string
  readonly chance: Chance
  readonly scheduler: Scheduler
  readonly database: SimDatabase
  readonly blockage: Blockage
  readonly redis: MemoryCounterStore | null
  readonly lockScope: 'campaign' | 'database'
  readonly saw: Sometimes
  readonly ledgerFaults: () => WireFaults
  readonly counterFaults: () => WireFaults
  readonly onMistake: (error: unknown) => void
}

export class SimServer {
  readonly name: string
  readonly owner: Owner = { isDead: false, isFrozen: false }
  readonly issuer: IssuePath
  readonly campaigns: Campaigns
  readonly ledger: SimLedger
  readonly counter: SimCounter | null
  /** Nothing that it sends there arrives. */
  isLedgerAway = false
  /** Redis does what it is asked, after its caller has given up. */
  isCounterSlow = false
  readonly #ledgerWire: FaultyWire
  readonly #database: SimDatabase
  readonly #callsThatBreak = new Set<() => void>()

  constructor({ name, chance, scheduler, database, blockage, redis, saw, ...parts }: ServerParts) {
    this.name = name
    this.#database = database
    const wire = { scheduler, chance, owner: this.owner, blockage, saw }
    const ledgerFaults = () => (this.isLedgerAway ? { ...NO_FAULTS, requestLost: 1 } : parts.ledgerFaults())
    const counterFaults = () => (this.isCounterSlow ? { ...NO_FAULTS, late: 1 } : parts.counterFaults())
    this.#ledgerWire = new FaultyWire({ ...wire, name: 'ledger', faults: ledgerFaults })
    this.ledger = new SimLedger(database, this.#ledgerWire, parts.lockScope, saw)
    const counterWire = new FaultyWire({ ...wire, name: 'counter', faults: counterFaults })
    this.counter = redis === null ? null : new SimCounter(redis, counterWire, saw)
    // Clocks differ by seconds: only the database's may decide.
    const clock = clockOf(scheduler, this.owner, chance.between(-5_000, 5_000))
    const randomness: Randomness = { fill: (bytes) => chance.fill(bytes), fraction: () => chance.fraction() }
    const { ledger, counter } = this
    const memories = new Memories(ledger)
    const segments = new Segments(ledger, memories, clock)
    const { onMistake } = parts
    this.campaigns = new Campaigns(ledger, segments, randomness)
    const stores = { ledger, counter, memories, segments }
    this.issuer = new IssuePath({ ...stores, clock, randomness, waitMsMax: 3_000, meter: NO_METER, onMistake })
  }

  /** Its connections break; it notices before it hears of anything else. */
  disconnect(): void {
    this.ledger.generation++
    this.#ledgerWire.breakAll()
  }

  /** kill -9: nothing of it happens any more, but for what the database has begun. */
  die(): void {
    this.owner.isDead = true
    for (const onBroken of this.#callsThatBreak) onBroken()
  }

  /** The database ends what a server holds that it hears nothing of. */
  endTransactions(): void {
    for (const transaction of this.ledger.transactions) this.#database.rollback(transaction)
  }

  /** `onBroken` when the server dies. */
  watchCall(onBroken: () => void): () => void {
    this.#callsThatBreak.add(onBroken)
    return () => void this.#callsThatBreak.delete(onBroken)
  }
}
