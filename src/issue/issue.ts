// The path of an issue, whole. Read this file first.
//
//   issue ─▶ batcher ─▶ claims ─▶ look-up (ledger) ─▶ fast way: reserve (counter), record (ledger) ─▶ answer
//               ▲                                         └─ no slot to be had ─▶ ledger way: locked ─▶ answer
//               └────────────────── not answered: once more ◀──────────────────────┘

import { Fault } from '../answers.ts'
import type { CampaignState } from '../campaign/campaign.ts'
import type { Counter } from '../counter/counter.ts'
import type { Clock, Randomness } from '../host.ts'
import type { Ledger, ReadAnswer } from '../ledger/ledger.ts'
import { Batcher } from './batcher.ts'
import { Claims } from './claims.ts'
import { Codes } from './codes.ts'
import { Deadlines } from './deadlines.ts'
import { FastWay } from './fast-way.ts'
import { LedgerWay } from './ledger-way.ts'
import { ISSUE_LIMITS } from './limits.ts'
import { decide, FoundCoupons, queryFor } from './look-up.ts'
import type { Memories } from './memories.ts'
import type { IssueLoad, IssueMeter } from './meter.ts'
import type { IssueCall, Issuer, Outcome } from './outcome.ts'
import { IssueRequest, isStillWanted } from './request.ts'
import type { Segments } from './segments.ts'
import { untilAnswered } from './until-answered.ts'

export interface IssuePorts {
  readonly ledger: Ledger
  /** null: every slot comes by the ledger way. */
  readonly counter: Counter | null
  readonly memories: Memories
  readonly segments: Segments
  readonly clock: Clock
  readonly randomness: Randomness
  readonly waitMsMax: number
  readonly meter: IssueMeter
  /** Told of what should not happen: a mistake of ours, which cost a caller its answer. */
  readonly onMistake: (error: unknown) => void
}

export class IssuePath implements Issuer {
  readonly #ports: IssuePorts
  readonly #batcher: Batcher
  readonly #claims = new Claims()
  readonly #deadlines: Deadlines
  readonly #fastWay: FastWay | null
  readonly #ledgerWay: LedgerWay
  #bytesHeld = 0

  constructor(ports: IssuePorts) {
    this.#ports = ports
    const codes = new Codes(ports.randomness)
    this.#batcher = new Batcher(ports.clock, (batch) => this.#walk(batch))
    this.#deadlines = new Deadlines(ports.clock)
    this.#fastWay = ports.counter === null ? null : new FastWay({ ...ports, counter: ports.counter, codes })
    this.#ledgerWay = new LedgerWay({ ...ports, codes, again: (requests) => this.#again(requests) })
  }

  /** True when nothing waits and nothing is under way, not even a statement whose callers have given up. */
  get isIdle(): boolean {
    return this.#batcher.isIdle && this.#ledgerWay.isIdle
  }

  load(): IssueLoad {
    const campaignIds = new Set([...this.#batcher.campaignIds, ...this.#ledgerWay.campaignIds])
    return {
      waiting: this.#batcher.size + this.#ledgerWay.size,
      unanswered: this.#deadlines.size,
      batchesUnderWay: this.#batcher.flights,
      bytesHeld: this.#bytesHeld,
      expectedWaitMs: [...campaignIds].reduce((longestMs, id) => Math.max(longestMs, this.#expectedWaitMs(id)), 0),
    }
  }

  issue(call: IssueCall): Promise<Outcome> {
    // Those who wait already go on trying. Whoever comes now would only stand behind them, and all would storm in together.
    if (this.#ports.ledger.isAway) return Promise.reject(new Fault('unavailable', 'the ledger is away'))
    const waitMs = this.#expectedWaitMs(call.campaignId)
    const isTooLong = waitMs > this.#ports.waitMsMax
    if (isTooLong || this.#bytesHeld > ISSUE_LIMITS.queueBytesMax.value) {
      this.#ports.meter.overloaded(isTooLong ? 'wait' : 'bytes')
      return Promise.reject(new Fault('overloaded', 'the queue is full', { retryAfterMs: Math.max(waitMs, 1_000) }))
    }
    return new Promise((resolve, reject) => {
      const request = new IssueRequest(call, { resolve, reject, onAnswered: this.#onAnswered }, this.#ports)
      this.#bytesHeld += request.bytes
      this.#deadlines.add(request)
      this.#batcher.add(request)
    })
  }

  #expectedWaitMs(campaignId: string): number {
    return this.#batcher.expectedWaitMs(campaignId) + this.#ledgerWay.expectedWaitMs(campaignId)
  }

  async #walk(batch: IssueRequest[]): Promise<void> {
    // Before the look-up: it must begin after the call that came first was answered, or it would miss what that one got.
    const claimed = batch.filter((request) => this.#claims.take(request))
    this.#ports.meter.batch(batch.length, batch.length - claimed.length)
    if (claimed.length === 0) return
    const looked = await this.#lookUp(claimed)
    const [fast, slow] = this.#ways(looked.filter(isStillWanted))
    this.#ledgerWay.add(slow)
    if (this.#fastWay === null || fast.length === 0) return
    try {
      const { again, left } = await this.#fastWay.run(fast)
      this.#ledgerWay.add(left)
      this.#again(again)
    } catch (error) {
      this.#mistake(error, fast)
    }
  }

  /** Answers whom the ledger answers already; resolves with those who want a slot. */
  async #lookUp(batch: readonly IssueRequest[]): Promise<IssueRequest[]> {
    const { ledger, memories } = this.#ports
    let lookedUpAt = 0
    let read: ReadAnswer | null
    try {
      read = await untilAnswered(
        'look_up',
        batch,
        () => {
          lookedUpAt = memories.tick()
          return ledger.read(queryFor(batch))
        },
        this.#ports,
      )
    } catch (error) {
      return this.#lookUpApart(error, batch)
    }
    if (read === null) return []
    const found = new FoundCoupons(read.coupons)
    const wanting: IssueRequest[] = []
    const soldOut = new Set<CampaignState>()
    for (const request of batch) {
      const outcome = decide(request, read, found, memories, lookedUpAt)
      if (outcome === null) wanting.push(request)
      else request.answer(outcome)
      if (outcome?.code === 'sold_out') soldOut.add(request.campaign as CampaignState)
    }
    for (const campaign of soldOut) void this.#proveAgain(campaign)
    return wanting
  }

  async #proveAgain(campaign: CampaignState): Promise<void> {
    const proof = await this.#ports.segments.proveAgain(campaign)
    if (proof !== null) this.#ports.meter.soldOut(proof)
  }

  /** A campaign that cannot be read, made by a newer release perhaps, is its own misfortune and not its neighbours'. */
  async #lookUpApart(error: unknown, batch: readonly IssueRequest[]): Promise<IssueRequest[]> {
    const campaigns = Map.groupBy(batch, (request) => request.campaignId)
    if (campaigns.size === 1) {
      this.#mistake(error, batch)
      return []
    }
    const looked = await Promise.all([...campaigns.values()].map((requests) => this.#lookUp(requests)))
    return looked.flat()
  }

  #mistake(error: unknown, requests: readonly IssueRequest[]): void {
    this.#ports.onMistake(error)
    for (const request of requests) request.fail(new Fault('internal', 'a mistake on the path', { cause: error }))
  }

  #ways(requests: readonly IssueRequest[]): [fast: IssueRequest[], slow: IssueRequest[]] {
    const isFast = (request: IssueRequest) =>
      this.#fastWay !== null && request.collisions < ISSUE_LIMITS.collisionsBeforeLedgerWay.value
    const slow = requests.filter((request) => !isFast(request))
    for (const request of slow) request.ledgerWayReason = this.#fastWay === null ? 'no_counter' : 'collisions'
    return [requests.filter(isFast), slow]
  }

  #again(requests: readonly IssueRequest[]): void {
    for (const request of requests) {
      if (request.collisions > ISSUE_LIMITS.roundsMax.value) {
        request.fail(new Fault('unavailable', 'foreign rows in the way, too often'))
      }
    }
    this.#batcher.putBack(requests)
  }

  readonly #onAnswered = (request: IssueRequest): void => {
    this.#bytesHeld -= request.bytes
    this.#deadlines.remove(request)
    this.#claims.release(request)
    if (request.followers.length > 0) this.#batcher.putBack(request.followers)
  }
}
