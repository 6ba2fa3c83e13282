// One run: servers, a database, a Redis, a crowd, and what goes wrong. First the rush with its faults, then all is well again,
// then new callers until every campaign is sold out.

import type { CampaignChange } from '../../src/campaign/campaigns.ts'
import type { Campaign } from '../../src/campaign/campaign.ts'
import { SOMEBODY } from '../contract/ledger-samples.ts'
import { createMemoryCounterStore, type MemoryCounterStore } from '../counter/memory-counter.ts'
import { Chance } from './chance.ts'
import { Caller } from './caller.ts'
import { SimDatabase } from './database.ts'
import { scheduleEvents } from './events.ts'
import { Judge } from './judge.ts'
import { faultsOf, isHealthy, MIXES, type Mix } from './mixes.ts'
import { EPOCH_MS, Scheduler, WORLD } from './scheduler.ts'
import { SimServer } from './server.ts'
import { Sometimes } from './sometimes.ts'
import { Blockage } from './wire.ts'

/** Steps in which a run must come to its end: some hundred times of what most take. */
const STEPS_MAX = 200_000
/** Rounds of new callers until all is sold out, a second or two apart: what is remembered wrongly is proved anew by then. */
const ROUNDS_MAX = 8

export class World {
  readonly mix: Mix
  readonly chance: Chance
  readonly scheduler: Scheduler
  readonly database: SimDatabase
  readonly redis: MemoryCounterStore | null
  readonly judge: Judge
  readonly saw = new Sometimes()
  readonly servers: SimServer[] = []
  readonly campaignIds: string[] = []
  readonly #blockage = new Blockage()
  readonly #callers: Caller[] = []
  readonly #tell: ((line: string) => void) | null
  readonly rushMs: number
  isHealed = false
  /** Another database, another clock. */
  clockShiftMs = 0
  /** Asked for and not answered. */
  #changes = 0

  constructor(seed: number, tell: ((line: string) => void) | null = null) {
    this.#tell = tell
    this.chance = new Chance(seed)
    const { chance } = this
    this.mix = MIXES[seed % MIXES.length] as Mix
    const stepMsMax = chance.of([0.05, 0.3, 2])
    this.scheduler = new Scheduler(chance, { stepMsMax, stall: chance.of([0, 0.01, 0.05]) })
    this.rushMs = chance.of([20, 100, 400])
    const nowMs = () => EPOCH_MS + Math.floor(this.scheduler.nowMs) + this.clockShiftMs
    this.judge = new Judge(() => this.scheduler.steps, nowMs)
    this.judge.isBehindProxy = this.mix.events?.['the database fails over behind a proxy'] !== undefined
    this.database = new SimDatabase(nowMs, this.judge)
    this.judge.database = this.database
    this.database.onReleased = () => this.#blockage.release()
    const hasCounter = this.mix.isEmbedded !== true && this.mix.hasCounter !== false && chance.is(0.85)
    this.redis = hasCounter ? createMemoryCounterStore() : null
  }

  /** @returns the promise that was broken; null: all were kept */
  async run(): Promise<Error | null> {
    try {
      this.#begin()
      await this.#until('the rush is over', () => this.isHealed)
      await this.#serveAll()
      for (const id of this.campaignIds) await this.#sellOut(id)
      await this.#until('nothing is under way', () => this.#living().every(({ issuer }) => issuer.isIdle))
    } catch (error) {
      this.judge.violation ??= error as Error
    }
    return this.judge.violation
  }

  tell(line: () => string): void {
    this.#tell?.(`${this.scheduler.nowMs.toFixed(2).padStart(10)} ms  ${line()}`)
  }

  #begin(): void {
    const { chance, mix } = this
    this.tell(() => `mix: ${mix.name}`)
    const serverCount = mix.isEmbedded === true || mix.isAlone === true ? 1 : chance.between(1, 3)
    this.judge.isAlone = serverCount === 1 && this.isHealthy
    for (let number = 1; number <= serverCount; number++) this.boot(`server ${number}`)
    for (let number = 1; number <= chance.of([1, 1, 2, 3]); number++) this.#open(`campaign-${number}`)
    for (const id of this.campaignIds) this.#gatherCrowd(id)
    scheduleEvents(this)
    this.scheduler.after(this.rushMs, WORLD, () => this.#heal())
  }

  #open(id: string): void {
    const { chance } = this
    const total = chance.of([1, 2, 5, 10, 20, 30])
    // Some have given out most of what they have, so that whole segments are full, or more than may be counted under a lock.
    const upTo = chance.is(0.08) ? chance.of([4_090, 4_096, 8_200, 300_000]) : 0
    const holes = new Set(Array.from({ length: upTo === 0 ? 0 : chance.below(4) }, () => chance.between(1, upTo)))
    const created = this.database.createCampaign(
      {
        id,
        name: id,
        startTimeMs: this.database.nowMs() + chance.of([0, 0, chance.below(this.rushMs)]),
        endTimeMs: null,
        totalCoupons: upTo + total,
        recipientRequired: chance.is(0.2),
        test: true,
        codeFormat: this.mix.hasNarrowCodes === true ? { alphabet: 'digits', length: 2, prefix: '' } : CODES,
        metadata: {},
        paused: false,
      },
      { filled: { upTo, holes } },
    )
    this.campaignIds.push(id)
    this.tell(() => `${id}: ${JSON.stringify(created)}, filled to ${upTo} but for ${[...holes].join(', ')}`)
  }

  /** More callers than coupons, mostly; with recipients and keys, some of them twice. */
  #gatherCrowd(id: string): void {
    const { chance, mix } = this
    const left = (this.database.campaign(id) as Campaign).totalCoupons - this.database.table(id).count
    const people = Math.ceil(left * chance.of([0.5, 1, 1.2, 2, 3]))
    const who = chance.of(['recipients', 'keys', 'both', 'nobody', 'mixed'] as const)
    for (let number = 0; number < people; number++) {
      const has = who === 'mixed' ? chance.of(['recipients', 'keys', 'both', 'nobody'] as const) : who
      const isPoison = chance.is(mix.poison ?? 0)
      const recipient = isPoison ? `half \ud83d ${number}` : `person ${number}`
      const wish = {
        campaignId: id,
        recipient: isPoison || has === 'recipients' || has === 'both' ? recipient : null,
        idempotencyKey: has === 'keys' || has === 'both' ? `key ${number}` : null,
      }
      const calls = mix.isAlone === true || chance.is(0.2) ? chance.between(2, 4) : 1
      for (let call = 0; call < calls; call++) this.#expect(new Caller(this, wish, isPoison))
      if (wish.idempotencyKey !== null && chance.is(0.05))
        this.#expect(new Caller(this, { ...wish, recipient: `thief ${number}` }, false))
      if (wish.recipient !== null && chance.is(0.05))
        this.#expect(new Caller(this, { ...wish, idempotencyKey: `other key ${number}` }, isPoison))
    }
  }

  #expect(caller: Caller): void {
    this.#callers.push(caller)
    this.scheduler.after(this.chance.is(0.5) ? 0 : this.chance.below(this.rushMs), WORLD, () => caller.call())
  }

  boot(name: string): SimServer {
    const server = new SimServer({
      name,
      chance: this.chance,
      scheduler: this.scheduler,
      database: this.database,
      blockage: this.#blockage,
      // One of several may be set up without.
      redis: this.chance.is(0.9) ? this.redis : null,
      lockScope: this.mix.isEmbedded === true ? 'database' : 'campaign',
      saw: this.saw,
      ledgerFaults: () => faultsOf(this.isHealed ? undefined : this.mix.ledger),
      counterFaults: () => faultsOf(this.isHealed ? undefined : this.mix.counter),
      onMistake: (error) => this.#onMistake(error),
    })
    this.servers.push(server)
    return server
  }

  /** A row that fits no table is one, and its own only. */
  #onMistake(error: unknown): void {
    const isExpected = this.mix.poison !== undefined && /refused a row/.test(String(error))
    if (!isExpected)
      this.judge.accuse('P6', `a mistake on the path: ${error instanceof Error ? error.stack : String(error)}`)
  }

  #living(): SimServer[] {
    return this.servers.filter(({ owner }) => !owner.isDead)
  }

  /** One that answers; null: none, for now. */
  anyServer(): SimServer | null {
    const living = this.#living()
    return living.length === 0 ? null : this.chance.of(living)
  }

  kill(server: SimServer): void {
    this.saw.count('a server is killed')
    this.tell(() => `${server.name} is killed`)
    server.die()
    const noticedAfterMs = this.chance.of([0, 1, 3_000])
    this.scheduler.after(noticedAfterMs, WORLD, () => server.endTransactions())
    this.scheduler.after(this.chance.below(50), WORLD, () => this.boot(`${server.name}'`))
  }

  /** As PATCH does it, on one of the servers. */
  change(id: string, change: CampaignChange): Promise<string> {
    const server = this.anyServer()
    if (server === null) return Promise.resolve('no server')
    this.tell(() => `${server.name} is asked to change ${id}: ${JSON.stringify(change)}`)
    return this.track(server, server.campaigns.change(id, change, SOMEBODY), ({ code }) => {
      this.saw.count(`change: ${code}`)
      this.tell(() => `${id} was changed: ${code}`)
      return code
    })
  }

  /** Before all is sold out, everything that somebody asked for is done, or its server is dead. */
  async track<T>(server: SimServer, asked: Promise<T>, then: (answer: T) => string): Promise<string> {
    this.#changes++
    const isOver = () => void this.#changes--
    const forget = server.watchCall(isOver)
    const code = await asked.then(then, () => 'unavailable')
    forget()
    isOver()
    return code
  }

  /** No more faults: everything that was hurt is whole again. What was sent before may still arrive. */
  #heal(): void {
    this.tell(() => 'all is well again')
    this.isHealed = true
    if (this.redis !== null) this.redis.away = false
    if (this.#living().length === 0) this.boot('server n')
    for (const server of this.servers) {
      if (server.owner.isDead) server.endTransactions()
      else if (server.owner.isFrozen) this.scheduler.thaw(server.owner)
      if (server.counter !== null && this.redis !== null) {
        server.counter.store = this.redis
        server.counter.isCutOff = false
      }
      server.isCounterSlow = false
      server.isLedgerAway = false
      server.ledger.isAway = false
    }
  }

  async #serveAll(): Promise<void> {
    await this.#until('every change is made', () => this.#changes === 0)
    for (const id of this.campaignIds) await this.#reopen(id)
    await this.#until('everybody has an answer', () => this.#callers.every(({ isServed }) => isServed))
  }

  async #reopen(id: string): Promise<void> {
    for (let isOpen = false; !isOpen;) {
      const changed = this.change(id, { paused: false, endTimeMs: null })
      let code: string | null = null
      void changed.then((answer) => (code = answer))
      await this.#until(`${id} is open`, () => code !== null)
      isOpen = code === 'ready' || code === 'campaign_not_found'
    }
  }

  /** New callers until there is nothing left, and somebody was told so. */
  async #sellOut(id: string): Promise<void> {
    for (let round = 1; ; round++) {
      const campaign = this.database.campaign(id)
      if (campaign === undefined) return
      const left = campaign.totalCoupons - this.database.table(id).count
      const callers = Array.from({ length: left + 2 }, (_, number) => {
        const wish = { campaignId: id, recipient: `late ${round} ${number}`, idempotencyKey: null }
        return new Caller(this, wish, false)
      })
      for (const caller of callers) caller.call()
      await this.#until(`${left + 2} more have an answer of ${id}`, () => callers.every(({ isServed }) => isServed))
      const isSoldOut = callers.some(({ last }) => last === 'sold_out')
      if (isSoldOut && this.database.table(id).count === campaign.totalCoupons) return this.judge.atTheEnd(campaign)
      if (round === ROUNDS_MAX) return this.judge.atTheEnd(campaign)
      await this.#pause(1_500)
    }
  }

  async #pause(ms: number): Promise<void> {
    let isOver = false
    this.scheduler.after(ms, WORLD, () => (isOver = true))
    await this.#until('a pause is over', () => isOver)
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    const { judge, scheduler } = this
    const isDone = await scheduler.run(() => judge.violation !== null || isSo(), STEPS_MAX)
    if (judge.violation !== null) throw judge.violation
    if (!isDone) throw new Error(`P6: stuck before ${what}`)
  }

  get isHealthy(): boolean {
    return isHealthy(this.mix)
  }
}

const CODES = { alphabet: 'base32', length: 16, prefix: '' } as const
