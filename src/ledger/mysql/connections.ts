// The pools. The driver's has no time-out for getting a connection, and one lost connection must empty all of them:
// after a failover the others still lead to a server whose memory of the coupons may be another.

import { LedgerUnavailable, type PoolLoad } from '../ledger.ts'
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts'
import { AWAY_AFTER_MS, AWAY_PROBE_MS } from './limits.ts'

export interface PoolLimits {
  readonly connectionsMax: number
  /** An idle connection is closed by us after so long; null: it stays open. */
  readonly idleMsMax: number | null
}

export interface Connections {
  /** Counts up with every connection that was lost, and when another server answers. */
  readonly generation: number
  /** No answer for a while. Callers who would have to wait for a connection are refused at once; it is probed meanwhile. */
  readonly isAway: boolean
  use<T>(pool: 'path' | 'lock' | 'side' | 'list' | 'export', work: (connection: Connection) => Promise<T>): Promise<T>
  load(): PoolLoad[]
  close(): Promise<void>
}

export interface ConnectionsOptions {
  readonly connection: Omit<ConnectionOptions, 'transactions'>
  /** Reading and recording for requests. */
  readonly path: PoolLimits
  readonly lock: PoolLimits & { readonly serverIdleSMax: number }
  /** Look-ups, counts and changes: they cannot starve the path. */
  readonly side: PoolLimits
  /** Lists cannot starve the look-ups. */
  readonly list: PoolLimits
  readonly export: PoolLimits & { readonly serverIdleSMax: number }
  readonly acquireMsMax: number
  /** Lost, or suddenly another server: for the log. */
  warn(what: string): void
}

export function openConnections(options: ConnectionsOptions): Connections {
  const { clock } = options.connection
  let generation = 0
  let identity: string | null = null
  let isClosed = false
  let isProbing = false
  /** Since the first failure after the last answer. null: it answers, as far as is known. */
  let failingSinceMs: number | null = null
  /** For those who are refused at once: why it could not be reached the last time. */
  let reason = ''

  const isAway = () => failingSinceMs !== null && clock.nowMs() - failingSinceMs >= AWAY_AFTER_MS
  const noteAnswer = () => {
    if (failingSinceMs === null) return
    const seconds = ((clock.nowMs() - failingSinceMs) / 1_000).toFixed(1)
    if (isAway()) options.warn(`MySQL answers again after ${seconds} s`)
    failingSinceMs = null
  }
  const noteFailure = () => {
    if (failingSinceMs !== null || isClosed) return
    failingSinceMs = clock.nowMs()
    if (!isProbing) void probe()
  }
  /** Callers who are refused at once reach nobody: somebody has to find out when it is back. */
  const probe = async () => {
    isProbing = true
    try {
      await untilReached()
    } finally {
      isProbing = false
    }
  }
  const untilReached = async () => {
    let isTold = false
    for (;;) {
      await clock.sleep(AWAY_PROBE_MS)
      if (failingSinceMs === null || isClosed) return
      if (isAway() && !isTold) {
        isTold = true
        options.warn('MySQL is away: callers are told so at once')
      }
      try {
        const connection = await openConnection({ ...options.connection, transactions: null }, () => {})
        noteAnswer()
        return void connection.end()
      } catch (error) {
        reason = (error as Error).message
      }
    }
  }

  const opener = (transactions: ConnectionOptions['transactions']) => async (lost: () => void) => {
    let connection: Connection
    try {
      connection = await openConnection({ ...options.connection, transactions }, lost)
    } catch (error) {
      noteFailure()
      throw error
    }
    noteAnswer()
    if (identity !== null && identity !== connection.identity) {
      generation += 1
      options.warn('another MySQL server answers at the same address')
    }
    identity = connection.identity
    return connection
  }
  const lost = (current: boolean) => {
    generation += 1
    noteFailure()
    // Those of an older round break one after the other: they must not take the new ones with them.
    if (!current) return
    options.warn('a connection to MySQL was lost: all are opened anew')
    for (const pool of Object.values(pools)) pool.renew()
  }
  const pool = (limits: PoolLimits, transactions: ConnectionOptions['transactions']) =>
    new Pool(limits, options.acquireMsMax, clock, {
      open: opener(transactions),
      lost,
      whyAway: () => (isAway() ? `MySQL is away: ${reason}` : null),
    })
  const pools = {
    path: pool(options.path, null),
    lock: pool(options.lock, { idleSMax: options.lock.serverIdleSMax }),
    side: pool(options.side, null),
    list: pool(options.list, null),
    export: pool(options.export, { idleSMax: options.export.serverIdleSMax }),
  }

  return {
    get generation() {
      return generation
    },
    load: () => Object.entries(pools).map(([name, pool]) => ({ pool: name, ...pool.load() })),
    get isAway() {
      return isAway()
    },
    async use(name, work) {
      const result = await pools[name].use(work)
      noteAnswer()
      return result
    },
    async close() {
      isClosed = true
      await Promise.all(Object.values(pools).map((pool) => pool.close()))
    },
  }
}

interface Member {
  readonly connection: Connection
  readonly round: number
  /** Stands in `#size`. */
  counted: boolean
  stopIdling: () => void
}

/** What a pool needs of the others. */
interface Surroundings {
  open(lost: () => void): Promise<Connection>
  /** @param current it was of the newest round */
  lost(current: boolean): void
  /** null: it is not, as far as is known. */
  whyAway(): string | null
}

interface Waiter {
  resolve(member: Member): void
  reject(error: Error): void
}

class Pool {
  readonly #limits: PoolLimits
  readonly #acquireMsMax: number
  readonly #clock: ConnectionOptions['clock']
  readonly #around: Surroundings
  /** The last one used is used next, so that a pool that is too wide becomes idle at its other end. */
  readonly #idle: Member[] = []
  readonly #waiting: Waiter[] = []
  readonly #busy = new Set<Member>()
  /** Connections that are being opened or ended. */
  readonly #changing = new Set<Promise<void>>()
  /** Every loss begins a new one; connections of an older one are used by nobody again. */
  #round = 0
  /** Of this round: being opened, in use, idle. */
  #size = 0
  #opening = 0
  #lostCount = 0
  #closed = false
  readonly #whenLess: (() => void)[] = []

  constructor(limits: PoolLimits, acquireMsMax: number, clock: ConnectionOptions['clock'], around: Surroundings) {
    this.#limits = limits
    this.#acquireMsMax = acquireMsMax
    this.#clock = clock
    this.#around = around
  }

  async use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const member = await this.#acquire()
    try {
      return await work(member.connection)
    } finally {
      this.#busy.delete(member)
      this.#offer(member)
    }
  }

  load(): Omit<PoolLoad, 'pool'> {
    return {
      max: this.#limits.connectionsMax,
      busy: this.#busy.size,
      idle: this.#idle.length,
      opening: this.#opening,
      waiting: this.#waiting.length,
      lost: this.#lostCount,
    }
  }

  /** From now on only new connections; those in use finish what they do and are then closed. */
  renew(): void {
    this.#round += 1
    this.#size = 0
    this.#opening = 0
    for (const member of this.#idle.splice(0)) {
      member.stopIdling()
      member.connection.destroy()
    }
    this.#openForWaiting()
  }

  /** Waits for what was asked before; all of it has deadlines, so that this ends. */
  async close(): Promise<void> {
    this.#closed = true
    for (const member of this.#idle.splice(0)) this.#retire(member)
    while (this.#waiting.length > 0 || this.#busy.size > 0) {
      await new Promise<void>((resolve) => this.#whenLess.push(resolve))
    }
    await Promise.all(this.#changing)
  }

  #acquire(): Promise<Member> {
    if (this.#closed) return Promise.reject(closedError())
    const idle = this.#idle.pop()
    if (idle !== undefined) {
      idle.stopIdling()
      this.#busy.add(idle)
      return Promise.resolve(idle)
    }
    const whyAway = this.#around.whyAway()
    if (whyAway !== null) return Promise.reject(new LedgerUnavailable(whyAway, { mayBeWritten: false }))
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(this.#acquireMsMax, () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        this.#less()
        const message = `no connection to MySQL within ${this.#acquireMsMax} ms`
        reject(new LedgerUnavailable(message, { mayBeWritten: false }))
      })
      const waiter: Waiter = {
        resolve(member) {
          cancel()
          resolve(member)
        },
        reject(error) {
          cancel()
          reject(error)
        },
      }
      this.#waiting.push(waiter)
      this.#openForWaiting()
    })
  }

  #openForWaiting(): void {
    while (this.#size < this.#limits.connectionsMax && this.#opening < this.#waiting.length) {
      this.#follow(this.#openOne())
    }
  }

  async #openOne(): Promise<void> {
    const round = this.#round
    this.#size += 1
    this.#opening += 1
    try {
      const connection = await this.#around.open(() => this.#memberLost(member))
      const member: Member = { connection, round, counted: true, stopIdling: () => {} }
      if (round === this.#round) this.#opening -= 1
      this.#offer(member)
    } catch (error) {
      if (round === this.#round) {
        this.#opening -= 1
        this.#size -= 1
      }
      // One failure, one caller: the others may have better luck, or run into their own deadline.
      this.#waiting.shift()?.reject(error as Error)
      this.#less()
      this.#openForWaiting()
    }
  }

  /** To whoever waits longest; the one it was opened for may have given up. */
  #offer(member: Member): void {
    if (member.connection.dead || member.round !== this.#round) {
      this.#retire(member)
      this.#openForWaiting()
      this.#less()
      return
    }
    const waiter = this.#waiting.shift()
    if (waiter !== undefined) {
      this.#busy.add(member)
      waiter.resolve(member)
      return
    }
    if (this.#closed) {
      this.#retire(member)
      this.#less()
      return
    }
    this.#idle.push(member)
    const { idleMsMax } = this.#limits
    if (idleMsMax === null) return
    member.stopIdling = this.#clock.after(idleMsMax, () => {
      this.#idle.splice(this.#idle.indexOf(member), 1)
      this.#retire(member)
    })
  }

  #retire(member: Member): void {
    member.stopIdling()
    this.#uncount(member)
    this.#follow(member.connection.end())
  }

  #memberLost(member: Member): void {
    this.#lostCount += 1
    const at = this.#idle.indexOf(member)
    if (at >= 0) {
      this.#idle.splice(at, 1)
      member.stopIdling()
    }
    this.#uncount(member)
    this.#around.lost(member.round === this.#round)
  }

  #uncount(member: Member): void {
    if (member.counted && member.round === this.#round) this.#size -= 1
    member.counted = false
  }

  /** For close(): somebody waits or works less. */
  #less(): void {
    for (const tell of this.#whenLess.splice(0)) tell()
  }

  #follow(change: Promise<void>): void {
    this.#changing.add(change)
    void change.finally(() => this.#changing.delete(change))
  }
}

function closedError(): LedgerUnavailable {
  return new LedgerUnavailable('the ledger is closed', { mayBeWritten: false })
}
