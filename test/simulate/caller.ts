// Somebody who wants one coupon, and asks until told something final. Calls may be lost on the way back, and callers hang up.

import { Fault } from '../../src/answers.ts'
import { ISSUE_LIMITS } from '../../src/issue/limits.ts'
import type { Outcome } from '../../src/issue/outcome.ts'
import { isNobody, type Wish } from './judge.ts'
import { WORLD } from './scheduler.ts'
import type { World } from './world.ts'

const DEADLINE_MS = ISSUE_LIMITS.requestMsMax.value
/** Nobody waits longer for something that is not final. */
const CALLS_MAX = 200

export class Caller {
  readonly #world: World
  readonly #wish: Wish
  /** Its row fits no table. */
  readonly #isPoison: boolean
  #calls = 0
  isServed = false
  /** The last thing it was told. */
  last: string | null = null

  constructor(world: World, wish: Wish, isPoison: boolean) {
    this.#world = world
    this.#wish = wish
    this.#isPoison = isPoison
    world.judge.expect(wish)
  }

  call(): void {
    const { scheduler, chance, database, judge, mix } = this.#world
    const server = this.#world.anyServer()
    if (server === null) return this.#again()
    if (++this.#calls > CALLS_MAX) return judge.accuse('P6', `${this.#name}: nothing final in ${CALLS_MAX} calls`)
    const begun = {
      wish: this.#wish,
      step: scheduler.steps,
      nowMs: database.nowMs(),
      campaign: database.campaign(this.#wish.campaignId),
    }
    const beganAtMs = scheduler.nowMs
    this.#world.tell(() => `${this.#name} asks ${server.name}`)
    let isOver = false
    let isGone = false
    /** However the call ends, it ends once. */
    const end = (then: () => void) => {
      if (isOver) return
      isOver = true
      forget()
      then()
    }
    const lost = () => end(() => this.#lost())
    const forget = server.watchCall(lost)
    const hangUps = this.#world.isHealed ? 0 : (mix.hangUps ?? 0)
    if (chance.is(hangUps)) {
      scheduler.after(chance.below(10), WORLD, () => {
        isGone = true
        this.#world.saw.count('a caller hangs up')
        lost()
      })
    }
    const call = { client: '', ...this.#wish, isGone: () => isGone }
    const wasAway = server.ledger.isAway
    server.issuer.issue(call).then(
      (outcome) => {
        // True or not, whether somebody hears of it or not.
        judge.answered(begun, outcome)
        this.#world.saw.count(`told ${nameOf(outcome)}`)
        this.#world.tell(() => `${this.#name} is told ${nameOf(outcome)} by ${server.name}`)
        if (chance.is(hangUps / 2)) lost()
        else end(() => this.#told(outcome))
      },
      (error: unknown) => {
        const code = error instanceof Fault ? error.code : `an error: ${String(error)}`
        this.#world.tell(() => `${this.#name} is told ${code} by ${server.name}`)
        if (isGone) return
        this.#world.saw.count(`told ${code}`)
        if (wasAway && code === 'unavailable') this.#world.saw.count('told unavailable at once')
        else this.#fault(code, scheduler.nowMs - beganAtMs)
        end(() => (this.#isPoison ? this.#served(code) : this.#lost()))
      },
    )
  }

  get #name(): string {
    const { campaignId, recipient, idempotencyKey } = this.#wish
    const names = [recipient, idempotencyKey === null ? null : `with ${idempotencyKey}`].filter((name) => name !== null)
    return `${names.join(' ') || 'somebody'} (${campaignId})`
  }

  #fault(code: string, waitedMs: number): void {
    // With a hundred codes for thirty coupons one may be drawn in vain more often than it is tried.
    const isEarly = waitedMs < DEADLINE_MS - 1 && this.#world.mix.hasNarrowCodes !== true
    if (code === 'unavailable' && isEarly)
      this.#world.judge.accuse('P6', `${this.#name} was told ${code} after ${waitedMs.toFixed(0)} ms`)
    const isAllowed = this.#isPoison ? code === 'internal' || code === 'unavailable' : code === 'unavailable'
    if (!isAllowed) this.#world.judge.accuse('P6', `${this.#name} was told ${code}`)
    else if (!this.#isPoison && this.#world.isHealthy)
      this.#world.judge.accuse('P6', `${this.#name} was told ${code}, without a fault`)
  }

  #told(outcome: Outcome): void {
    this.last = outcome.code
    if (outcome.code === 'campaign_paused') this.#again()
    // As told, or much too early.
    else if (outcome.code === 'campaign_not_started')
      this.#again(this.#world.chance.is(0.9) ? outcome.startTimeMs - outcome.nowMs : 0)
    else this.#served(outcome.code)
  }

  #served(code: string): void {
    this.last = code
    this.isServed = true
  }

  /** Nobody knows what became of it. Without key and recipient it cannot be asked for again. */
  #lost(): void {
    if (!isNobody(this.#wish)) return this.#again()
    this.#world.judge.nobodiesLost++
    this.isServed = true
  }

  #again(afterMs = 0): void {
    const { chance, scheduler } = this.#world
    scheduler.after(afterMs + chance.of([0, 1, 10, 40]), WORLD, () => this.call())
  }
}

function nameOf(outcome: Outcome): string {
  return outcome.code === 'replayed' ? `replayed by ${outcome.by}` : outcome.code
}
