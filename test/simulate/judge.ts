// What is promised, held against what happened. It knows the database's rows and what callers were told, and nothing of how the
// path came to it.

import type { Campaign } from '../../src/campaign/campaign.ts'
import { hasEnded, identityKey } from '../../src/campaign/campaign.ts'
import type { Outcome } from '../../src/issue/outcome.ts'
import { recipientKeyOf, requestKeyOf } from '../../src/ledger/coupon-keys.ts'
import type { Coupon } from '../../src/ledger/ledger.ts'
import type { UniqueKey } from './coupon-table.ts'
import type { SimDatabase, Watcher } from './database.ts'

export interface Wish {
  readonly campaignId: string
  readonly recipient: string | null
  readonly idempotencyKey: string | null
}

/** One call, as it began. */
export interface Begun {
  readonly wish: Wish
  readonly step: number
  /** By the database's clock. */
  readonly nowMs: number
  /** As it was then. */
  readonly campaign: Campaign | undefined
}

export class Violation extends Error {
  override readonly name = 'Violation'
}

export class Judge implements Watcher {
  readonly #step: () => number
  readonly #nowMs: () => number
  /** When each row became durable. */
  readonly #committedAt = new Map<Coupon, number>()
  /** Since then acknowledged coupons may be gone, and slots given again. */
  #lostAt: number | null = null
  /** Of those who brought neither key nor recipient: what they were told, and how many never heard. */
  readonly #toldNobody = new Set<string>()
  nobodiesLost = 0
  readonly #ofKey = new Set<string>()
  violation: Error | null = null
  /** Then a failover breaks no connection, and what is remembered is proved anew a little later. */
  isBehindProxy = false
  /** One server, nothing lost: calls of one recipient or one key are one request. */
  isAlone = false
  database!: SimDatabase

  constructor(step: () => number, nowMs: () => number) {
    this.#step = step
    this.#nowMs = nowMs
  }

  /** The first one counts. */
  accuse(promise: string, what: string): void {
    this.violation ??= new Violation(`${promise}: ${what}`)
  }

  committed(rows: readonly Coupon[], campaign: Campaign): void {
    for (const row of rows) {
      this.#committedAt.set(row, this.#step())
      const says = (what: string) => `slot ${row.slot} of ${campaign.id} was written ${what}`
      if (row.slot < 1 || row.slot > campaign.totalCoupons) this.accuse('P1', says(`beyond ${campaign.totalCoupons}`))
      if (Math.min(row.issuedAtMs, this.#nowMs()) < campaign.startTimeMs) this.accuse('P5', says('before the start'))
      if (campaign.paused) this.accuse('P5', says('while it was paused'))
      if (hasEnded(campaign, row.issuedAtMs)) this.accuse('P5', says('after the end'))
      if (campaign.recipientRequired && row.recipient === null) this.accuse('P4', says('for nobody'))
    }
    if (this.database.table(campaign.id).count > campaign.totalCoupons) this.accuse('P1', `too many in ${campaign.id}`)
  }

  lost(): void {
    this.#lostAt = this.#step()
  }

  /** What the path answered to one call, at the moment it did. */
  answered(begun: Begun, outcome: Outcome): void {
    const { wish, campaign } = begun
    const now = this.database.campaign(wish.campaignId)
    const isSame = now !== undefined && campaign !== undefined && identityKey(now) === identityKey(campaign)
    const says = (what: string) =>
      `${wish.recipient ?? wish.idempotencyKey ?? 'somebody'} at ${wish.campaignId}: ${what}`
    const isTrue = isSame && now.version === campaign.version
    // Who asks after a failover is told what is true after it.
    const hasLost = this.#lostAt !== null && this.#lostAt >= begun.step
    if (isNobody(wish) && 'coupon' in outcome && now !== undefined) {
      const name = `${identityKey(now)}/${outcome.coupon.couponCode}`
      const isOld = outcome.code === 'replayed' || (this.#toldNobody.has(name) && this.#lostAt === null)
      if (isOld) this.accuse('P4', says('was told of a coupon that somebody else had'))
      this.#toldNobody.add(name)
    }
    switch (outcome.code) {
      case 'issued':
      case 'replayed':
        // Of a campaign that was deleted meanwhile nothing is left to look at.
        if (isSame && !hasLost) this.#checkCoupon(wish, outcome, says)
        break
      case 'sold_out':
        if (!isTrue || hasLost || (this.isBehindProxy && this.#lostAt !== null)) break
        if (this.database.table(now.id).count < now.totalCoupons)
          this.accuse('P6', says(`sold out, with ${this.database.table(now.id).count} of ${now.totalCoupons}`))
        if (this.#ownRow(wish) !== undefined) this.accuse('P4', says('sold out, and there is a coupon of theirs'))
        break
      case 'idempotency_key_reused': {
        const row = this.#byRequest(wish)
        if (isSame && !hasLost && (row === undefined || row.recipient === wish.recipient))
          this.accuse('P4', says('a key that was not reused'))
        break
      }
      case 'campaign_not_found':
        if (isSame) this.accuse('P6', says('not found'))
        break
      default:
        if (isTrue && !hasLost) this.#checkRefusal(begun, outcome, now, says)
    }
  }

  #checkRefusal(begun: Begun, outcome: Outcome, now: Campaign, says: (what: string) => string): void {
    const own = this.#ownRow(begun.wish)
    if (own !== undefined && (this.#committedAt.get(own) ?? Infinity) < begun.step)
      this.accuse('P4', says(`${outcome.code}, and there was a coupon of theirs`))
    const isRight = {
      campaign_paused: now.paused,
      campaign_not_started: begun.nowMs < now.startTimeMs,
      campaign_ended: now.endTimeMs !== null && now.endTimeMs <= this.#nowMs(),
      recipient_required: now.recipientRequired && begun.wish.recipient === null,
    }[outcome.code as 'campaign_paused']
    if (!isRight) this.accuse('P6', says(`${outcome.code}, which is not so`))
  }

  #checkCoupon(wish: Wish, outcome: Extract<Outcome, { coupon: Coupon }>, says: (what: string) => string): void {
    const { coupon } = outcome
    const row = this.database.find(wish.campaignId, 'couponCode', coupon.couponCode)
    if (row === undefined) return this.accuse('P3', says(`was told ${coupon.couponCode}, which is no row`))
    if (row.slot !== coupon.slot || row.recipient !== coupon.recipient || row.issuedAtMs !== coupon.issuedAtMs)
      this.accuse('P3', says(`was told of ${coupon.couponCode} what is not in its row`))
    // One row a recipient and a request: whoever is told of a row of theirs is always told of the same.
    const isOfKey = wish.idempotencyKey !== null && row.requestKey === requestKeyOf('', wish.idempotencyKey)
    const isOfRequest = isOfKey && row.recipient === wish.recipient
    const isOfRecipient = wish.recipient !== null && row.recipientKey === recipientKeyOf(wish.recipient)
    const isOwn = outcome.code === 'replayed' ? isOfRequest || isOfRecipient : row.recipient === wish.recipient
    if (!isOwn || (outcome.code === 'issued' && wish.idempotencyKey !== null && !isOfKey))
      this.accuse('P4', says(`was told somebody else's coupon`))
  }

  /** Somebody asks with this key: its coupon is not nobody's. */
  expect({ idempotencyKey }: Wish): void {
    if (idempotencyKey !== null) this.#ofKey.add(requestKeyOf('', idempotencyKey))
  }

  #byRequest({ campaignId, idempotencyKey }: Wish): Coupon | undefined {
    if (idempotencyKey === null) return undefined
    return this.database.find(campaignId, 'requestKey', requestKeyOf('', idempotencyKey))
  }

  #ownRow(wish: Wish): Coupon | undefined {
    const { campaignId, recipient } = wish
    const byRecipient =
      recipient === null ? undefined : this.database.find(campaignId, 'recipientKey', recipientKeyOf(recipient))
    return byRecipient ?? this.#byRequest(wish)
  }

  /** Under the lock nothing stands in the way but a code that was drawn before, if all was looked up. */
  duplicated(key: UniqueKey, isLocked: boolean): void {
    if (isLocked && key !== 'couponCode') this.accuse('P6', `a locked transaction met a row by its ${key}`)
    const isOfCaller = key === 'requestKey' || key === 'recipientKey'
    if (this.isAlone && isOfCaller) this.accuse('P6', `one server alone wrote the same ${key} twice`)
  }

  /** When everybody has been served. */
  atTheEnd(campaign: Campaign): void {
    const { id, totalCoupons } = campaign
    const isTold = ({ recipient, couponCode }: Coupon) =>
      recipient !== null || this.#toldNobody.has(`${identityKey(campaign)}/${couponCode}`)
    const untold = [...this.database.table(id).rows()].filter((row) => !isTold(row) && !this.#ofKey.has(row.requestKey))
    if (untold.length > this.nobodiesLost && this.#lostAt === null)
      this.accuse('P3', `${id} has ${untold.length} coupons of nobody, and ${this.nobodiesLost} lost their answer`)
    const table = this.database.table(id)
    // Slots are distinct and begin with 1: as many as the highest are all of them.
    if (table.count !== totalCoupons || table.maxSlot() !== totalCoupons)
      this.accuse('P2', `${id} ends with ${table.count} of ${totalCoupons}, up to slot ${table.maxSlot()}`)
  }
}

export function isNobody({ recipient, idempotencyKey }: Wish): boolean {
  return recipient === null && idempotencyKey === null
}
