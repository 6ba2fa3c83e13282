// One request on its way: what its caller wants once, however often it calls.

import type { Clock, Randomness } from '../host.ts'
import { Fault } from '../answers.ts'
import type { CampaignState } from '../campaign/campaign.ts'
import { recipientKeyOf, requestKeyOf } from '../ledger/coupon-keys.ts'
import type { NewCoupon } from '../ledger/ledger.ts'
import type { Companion, LedgerWayReason } from './meter.ts'
import type { IssueCall, Outcome } from './outcome.ts'

export class IssueRequest {
  readonly campaignId: string
  readonly requestKey: string
  /** Did the caller choose the key? Then others may bring the same. */
  readonly hasCallersKey: boolean
  readonly recipient: string | null
  readonly recipientKey: string | null
  /**
   * What tells the request, and the recipient, from all others, for whoever keeps them in a Map. Made once: a text that is
   * put together anew for each look costs more than the look. One recipient in two campaigns is normal.
   */
  readonly requestName: string
  readonly recipientName: string | null
  readonly arrivedAtMs: number
  readonly companion: Companion | null

  /**
   * Is there anything to look up by request key? Always when the caller brought an Idempotency-Key. A random key is new,
   * until a statement that held it had an unknown fate: from then on its row may exist.
   */
  mayHaveCoupon: boolean
  /** Kept until the ledger says that it is not written: a row with our key and our code is our own. */
  code: string | null = null
  /** Of what campaign the last look-up spoke. */
  campaign: CampaignState | null = null
  /** When the last look-up began, in the process's order of events (see Memories.tick). */
  lookedUpAt = 0
  issuedAtMs = 0
  slot = 0
  /** How often somebody else's row stood in the way, or a row was passed over. */
  collisions = 0
  /** Good once it was handed to the ledger way. */
  ledgerWayReason: LedgerWayReason = 'no_counter'
  isAnswered = false
  /** Calls of the same request or recipient, which wait for what becomes of this one. */
  readonly followers: IssueRequest[] = []

  readonly #isGone: (() => boolean) | undefined
  readonly #resolve: (outcome: Outcome) => void
  readonly #reject: (fault: Fault) => void
  readonly #onAnswered: (request: IssueRequest) => void

  constructor(call: IssueCall, settle: Settle, host: { clock: Clock; randomness: Randomness }) {
    this.campaignId = call.campaignId
    this.recipient = call.recipient
    this.recipientKey = call.recipient === null ? null : recipientKeyOf(call.recipient)
    this.hasCallersKey = call.idempotencyKey !== null
    this.mayHaveCoupon = this.hasCallersKey
    this.requestKey =
      call.idempotencyKey === null
        ? newRequestKey(host.clock, host.randomness)
        : requestKeyOf(call.client, call.idempotencyKey)
    this.requestName = nameOf(call.campaignId, this.requestKey)
    this.recipientName = this.recipientKey === null ? null : nameOf(call.campaignId, this.recipientKey)
    this.arrivedAtMs = host.clock.nowMs()
    this.companion = call.companion ?? null
    this.#isGone = call.isGone
    this.#resolve = settle.resolve
    this.#reject = settle.reject
    this.#onAnswered = settle.onAnswered
  }

  /** About what it holds while it waits. Strings count two bytes a character; the rest is the objects around it. */
  get bytes(): number {
    return 1_000 + 2 * (this.campaignId.length + (this.recipient?.length ?? 0))
  }

  isGone(): boolean {
    return this.#isGone?.() ?? false
  }

  answer(outcome: Outcome): void {
    if (this.isAnswered) return
    this.isAnswered = true
    this.#resolve(outcome)
    this.#onAnswered(this)
  }

  fail(fault: Fault): void {
    if (this.isAnswered) return
    this.isAnswered = true
    this.#reject(fault)
    this.#onAnswered(this)
  }

  /** The row as it goes to the ledger. A campaign was seen and a slot and a code were given before. */
  row(): NewCoupon {
    if (this.campaign === null || this.code === null) throw new Error('a request became a row before it was ready')
    return {
      campaignId: this.campaignId,
      campaignCreatedAtMs: this.campaign.createdAtMs,
      campaignVersion: this.campaign.version,
      couponCode: this.code,
      slot: this.slot,
      requestKey: this.requestKey,
      recipient: this.recipient,
      recipientKey: this.recipientKey,
      issuedAtMs: this.issuedAtMs,
    }
  }
}

/** Neither answered meanwhile nor given up by its caller: asked at every last moment before it costs something. */
export function isStillWanted(request: IssueRequest): boolean {
  if (request.isAnswered) return false
  if (!request.isGone()) return true
  request.fail(new Fault('unavailable', 'the caller hung up before its turn'))
  return false
}

export interface Settle {
  resolve(outcome: Outcome): void
  reject(fault: Fault): void
  onAnswered(request: IssueRequest): void
}

/** @param key of a request or of a recipient */
export function nameOf(campaignId: string, key: string): string {
  return `${campaignId}/${key}`
}

const newKey = Buffer.alloc(16)
const newKeyRandom = newKey.subarray(6)

/** 48 bits of clock before 80 of randomness: the rows of a rush lie side by side at the right edge of their index. */
function newRequestKey(clock: Clock, randomness: Randomness): string {
  newKey.writeUIntBE(clock.wallMs(), 0, 6)
  randomness.fill(newKeyRandom)
  return newKey.toString('hex')
}
