// What callers were told, held against the rows. As big as the histories, however big the table. Two callers are the same
// when they named the same recipient; without one, when they used the same key; without either, each request is somebody.

import type { HistoryCall, HistoryCoupon } from '../load/history.ts'
import { ClockOffset } from './clock-bounds.ts'
import { recipientKey, requestKey } from './keys.ts'
import { type Findings, type HistoryReport, lastOf } from './report.ts'
import type { AuditedCampaign, AuditedCoupon, AuditSnapshot } from './source.ts'

/** What stands for the id of a bootstrap key, and its client. */
const BOOTSTRAP = 'bootstrap'

interface Owner {
  /** Can ask again, by recipient or key. */
  readonly isKnown: boolean
  /** That they were told of: one, if all is well. */
  readonly codes: string[]
  /** In each history, by its own clock: the first time they had their coupon for sure. */
  readonly had: Moment[]
  /** In each history: the last time they asked and were told `sold_out`. */
  readonly soldOut: Moment[]
  /** The row of theirs that was found. */
  issuedAtMs: number | null
}

interface Moment {
  readonly history: number
  ms: number
}

/** A coupon that somebody was told of. */
interface ToldCoupon {
  readonly slot: number
  /** null: without one, or told only after it was erased. */
  recipient: string | null
  readonly issuedAtMs: number
  readonly owner: Owner
  isStored: boolean
}

interface Request {
  readonly owner: Owner
  state: 'unknown' | 'refused' | 'acknowledged'
}

export class Told {
  readonly #campaignId: string
  readonly #apiKeyIds: readonly (string | null)[]
  readonly #byRecipient = new Map<string, Owner>()
  /** The same, by the key that stays when the name is erased. Made when there is such a row. */
  #byRecipientKey: ReadonlyMap<string, Owner> | null = null
  /** Without recipient. */
  readonly #byKey = new Map<string, Owner>()
  /** By history: the keys of those. */
  readonly #keys: readonly Set<string>[]
  /** The same, by the key that their row has. */
  readonly #byRequestKey = new Map<string, Owner>()
  readonly #coupons = new Map<string, ToldCoupon>()
  readonly #requests: readonly Map<string, Request>[]
  readonly #offsets: readonly ClockOffset[]
  /** What the calls show by themselves, told when there is somebody to tell. */
  readonly #flaws: Parameters<Findings['note']>[] = []
  /** By history: the first answer with a coupon. */
  readonly #firstMs: number[]
  /** By history: when somebody was first told `sold_out`, and when the last call was sent that made a coupon. */
  readonly #soldOutMs: number[]
  readonly #lastIssueMs: number[]
  #calls = 0
  #otherCalls = 0
  #soldOut = 0

  /** @param apiKeyIds of each history: with which API key its calls were made, if with one */
  constructor(campaignId: string, apiKeyIds: readonly (string | null)[]) {
    const histories = apiKeyIds.length
    this.#campaignId = campaignId
    this.#apiKeyIds = apiKeyIds
    this.#keys = apiKeyIds.map(() => new Set<string>())
    this.#requests = Array.from({ length: histories }, () => new Map<string, Request>())
    this.#offsets = Array.from({ length: histories }, () => new ClockOffset())
    this.#firstMs = Array.from({ length: histories }, () => Infinity)
    this.#soldOutMs = Array.from({ length: histories }, () => Infinity)
    this.#lastIssueMs = Array.from({ length: histories }, () => -Infinity)
  }

  /** @param history whose it is: requests and clocks are its own */
  take(history: number, call: HistoryCall): void {
    if (call.campaign_id !== this.#campaignId) {
      this.#otherCalls++
      return
    }
    this.#calls++
    const request = this.#requestOf(history, call)
    if (call.answer === 'refused') {
      if (request.state === 'unknown') request.state = 'refused'
      if (call.code === 'sold_out') this.#takeSoldOut(history, call, request.owner)
    } else if (call.coupon !== null) {
      request.state = 'acknowledged'
      this.#takeCoupon(history, call, call.coupon, request.owner)
    }
  }

  #takeSoldOut(history: number, { sent_at, answered_at }: HistoryCall, owner: Owner): void {
    this.#soldOut++
    this.#soldOutMs[history] = Math.min(this.#soldOutMs[history] ?? Infinity, answered_at)
    keep(owner.soldOut, history, sent_at, Math.max)
  }

  #takeCoupon(history: number, call: HistoryCall, coupon: HistoryCoupon, owner: Owner): void {
    const { coupon_code: code, slot } = coupon
    const example = `slot ${slot}, code ${lastOf(code)}`
    const issuedAtMs = Date.parse(coupon.issued_at)
    if (call.code === 'issued') {
      this.#offsets[history]?.issued(call.sent_at, call.answered_at, issuedAtMs)
      this.#lastIssueMs[history] = Math.max(this.#lastIssueMs[history] ?? -Infinity, call.sent_at)
    }
    this.#firstMs[history] = Math.min(this.#firstMs[history] ?? Infinity, call.answered_at)
    const isErased = coupon.recipient === null && call.code === 'replayed'
    if (storedForm(call.recipient) !== coupon.recipient && !isErased)
      this.#flaws.push(['acknowledged_recipient', example])

    if (!owner.codes.includes(code)) {
      owner.codes.push(code)
      if (owner.isKnown && owner.codes.length > 1)
        this.#flaws.push(['one_coupon_each', `codes ${owner.codes.map(lastOf).join(' and ')}`])
    }
    keep(owner.had, history, call.answered_at, Math.min)

    const told = this.#coupons.get(code)
    if (told === undefined)
      this.#coupons.set(code, { slot, recipient: coupon.recipient, issuedAtMs, owner, isStored: false })
    else {
      told.recipient ??= coupon.recipient
      const isSame = told.slot === slot && told.recipient === (coupon.recipient ?? told.recipient)
      if (!isSame || told.issuedAtMs !== issuedAtMs)
        this.#flaws.push(['acknowledged_stored', `${example}: was told in two ways`])
      if (told.owner !== owner) this.#flaws.push(['one_owner', example])
    }
  }

  #requestOf(history: number, { request, recipient, idempotency_key: key }: HistoryCall): Request {
    const requests = this.#requests[history] as Map<string, Request>
    const known = requests.get(request)
    if (known !== undefined) return known
    if (recipient === null && key !== null) this.#keys[history]?.add(key)
    const fresh: Request = { owner: this.#ownerOf(storedForm(recipient), key), state: 'unknown' }
    requests.set(request, fresh)
    return fresh
  }

  #ownerOf(recipient: string | null, key: string | null): Owner {
    const [owners, name] = recipient === null ? [this.#byKey, key] : [this.#byRecipient, recipient]
    const known = name === null ? undefined : owners.get(name)
    if (known !== undefined) return known
    const owner: Owner = { isKnown: name !== null, codes: [], had: [], soldOut: [], issuedAtMs: null }
    if (name !== null) owners.set(name, owner)
    return owner
  }

  /**
   * Before rows that show their keys. While there were no API keys, nobody was told apart: a key that was sent all the same
   * may be nobody's.
   */
  async expectKeys(snapshot: Pick<AuditSnapshot, 'clientOf'>): Promise<void> {
    for (const [history, keys] of this.#keys.entries()) {
      const id = this.#apiKeyIds[history] ?? null
      const client = id === null || id === BOOTSTRAP ? id : await snapshot.clientOf(id)
      for (const key of keys) {
        const owner = this.#byKey.get(key) as Owner
        this.#byRequestKey.set(requestKey('', key), owner)
        if (client !== null) this.#byRequestKey.set(requestKey(client, key), owner)
      }
    }
  }

  see(coupons: readonly AuditedCoupon[]): void {
    for (const coupon of coupons) {
      const { couponCode, slot, requestKey, issuedAtMs } = coupon
      const told = this.#coupons.get(couponCode)
      if (told !== undefined && told.slot === slot) {
        told.isStored ||= isRecipientOf(coupon, told.recipient) && told.issuedAtMs === issuedAtMs
      }
      const owner =
        this.#byRecipientOf(coupon) ??
        (requestKey === null ? undefined : this.#byRequestKey.get(requestKey)) ??
        told?.owner
      if (owner !== undefined) owner.issuedAtMs ??= issuedAtMs
    }
  }

  #byRecipientOf({ recipient, recipientKey: key }: AuditedCoupon): Owner | undefined {
    if (recipient !== null) return this.#byRecipient.get(recipient)
    if (key === null) return undefined
    this.#byRecipientKey ??= new Map([...this.#byRecipient].map(([name, owner]) => [recipientKey(name), owner]))
    return this.#byRecipientKey.get(key)
  }

  /** After all rows. @param rows how many there were */
  end({ startTimeMs, totalCoupons, version }: AuditedCampaign, rows: number, findings: Findings): HistoryReport {
    for (const flaw of this.#flaws) findings.note(...flaw)
    for (const [code, { slot, issuedAtMs, isStored }] of this.#coupons) {
      const example = `slot ${slot}, code ${lastOf(code)}`
      if (!isStored) findings.note('acknowledged_stored', example)
      if (issuedAtMs < startTimeMs) findings.note('acknowledged_after_start', example)
    }
    const clocks = this.#offsets.map(({ bounds }) => bounds)
    for (const [history, bounds] of clocks.entries()) {
      const firstMs = this.#firstMs[history] ?? Infinity
      if (bounds !== null && firstMs + bounds.toMs < startTimeMs)
        findings.note('acknowledged_after_start', `the first answer of history ${history + 1}`)
    }
    let unjudged = 0
    // Without recipient and key each call is a wish of its own.
    for (const owner of [this.#byRecipient, this.#byKey].flatMap((owners) => [...owners.values()])) {
      if (owner.soldOut.length === 0) continue
      const judgement = this.#judgeSoldOut(owner)
      if (judgement === 'false') findings.note('sold_out_true', this.#exampleOf(owner))
      else if (judgement === 'unjudged') unjudged++
    }
    if (version > 1) findings.leave('sold_out_full', 'Not checked: the campaign was changed, perhaps its total.')
    else if (this.#soldOut > 0 && rows < totalCoupons)
      findings.note('sold_out_full', `${rows} rows of ${totalCoupons}`, this.#soldOut)
    else this.#judgeLate(findings)
    return { ...this.#counts(), unjudged, clocks: clocks.map(shownBounds) }
  }

  /** All are issued now. If one was made for a call that was sent after somebody's `sold_out`, they were not then. */
  #judgeLate(findings: Findings): void {
    for (const [history, soldOutMs] of this.#soldOutMs.entries()) {
      const bounds = this.#offsets[history]?.bounds ?? null
      const lateMs = (this.#lastIssueMs[history] ?? -Infinity) - soldOutMs
      // A clock that was set moved by less than the bounds are apart.
      if (bounds === null || lateMs <= bounds.toMs - bounds.fromMs) continue
      const example = `history ${history + 1}: a coupon for a call sent ${Math.ceil(lateMs)} ms after the first sold_out`
      findings.note('sold_out_full', example)
    }
  }

  /**
   * A call that was sent when the coupon was there must find it. Sold out is proved under a lock that waits for every
   * coupon under way, so that the time of a row, which is from before it was written, is good enough: a row that was
   * begun before the call was sent is one of those, or came after the total was raised, and then after the call.
   */
  #judgeSoldOut({ soldOut, had, issuedAtMs }: Owner): 'true' | 'false' | 'unjudged' {
    let isJudged = true
    for (const { history, ms: sentMs } of soldOut) {
      if (had.some((moment) => moment.history === history && moment.ms < sentMs)) return 'false'
      if (issuedAtMs === null) continue
      const bounds = this.#offsets[history]?.bounds ?? null
      if (bounds === null) isJudged = false
      else if (issuedAtMs + 1 <= sentMs + bounds.fromMs) return 'false'
    }
    return isJudged ? 'true' : 'unjudged'
  }

  #exampleOf({ codes: [code], issuedAtMs }: Owner): string {
    if (code !== undefined) return `code ${lastOf(code)}`
    return `somebody whose coupon was issued at ${new Date(issuedAtMs ?? 0).toISOString()}`
  }

  #counts(): Omit<HistoryReport, 'unjudged' | 'clocks'> {
    const counts = { requests: 0, acknowledged: 0, refused: 0, unknown_left: 0, unknown_stored: 0 }
    for (const requests of this.#requests) {
      for (const { state, owner } of requests.values()) {
        counts.requests++
        if (state === 'acknowledged') counts.acknowledged++
        else if (state === 'refused') counts.refused++
        else {
          counts.unknown_left++
          if (owner.issuedAtMs !== null) counts.unknown_stored++
        }
      }
    }
    return { calls: this.#calls, other_calls: this.#otherCalls, ...counts }
  }
}

/** Of the moments of one history, one is enough. Most people are in one history only. */
function keep(moments: Moment[], history: number, ms: number, better: (a: number, b: number) => number): void {
  const known = moments.find((moment) => moment.history === history)
  if (known === undefined) moments.push({ history, ms })
  else known.ms = better(known.ms, ms)
}

/** Where the name was erased, by its key; where keys are not shown, nobody can say. */
function isRecipientOf({ recipient, recipientKey: key, requestKey }: AuditedCoupon, told: string | null): boolean {
  if (recipient !== null || told === null) return recipient === told
  return requestKey === null || key === recipientKey(told)
}

/** What the service makes of a recipient that it is sent. */
function storedForm(recipient: string | null): string | null {
  return recipient === null ? null : recipient.trim().normalize('NFC')
}

function shownBounds(bounds: ClockOffset['bounds']): HistoryReport['clocks'][number] {
  return bounds === null ? null : { from_ms: bounds.fromMs, to_ms: bounds.toMs }
}
