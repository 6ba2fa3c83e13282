// The ledger way to a slot, definitive: one transaction locks the campaign, so that no coupon of it is being written
// anywhere, and gives out what has no row. It settles whatever the fast way cannot, serves alone where there is no counter,
// and only it can prove a campaign sold out.

import { Fault } from '../answers.ts'
import { isSameCampaign, type CampaignState } from '../campaign/campaign.ts'
import type { Counter, ResyncAsk } from '../counter/counter.ts'
import type { Clock, Randomness } from '../host.ts'
import { LedgerUnavailable, type Ledger, type LockedLedger, type NewCoupon, type SlotRange } from '../ledger/ledger.ts'
import type { Codes } from './codes.ts'
import { FairQueue } from './fair-queue.ts'
import { ISSUE_LIMITS } from './limits.ts'
import { decide, FoundCoupons, queryFor } from './look-up.ts'
import type { CampaignMemory, Memories } from './memories.ts'
import type { IssueMeter } from './meter.ts'
import type { Outcome } from './outcome.ts'
import { proposedSlots } from './proposed-slots.ts'
import { isStillWanted, type IssueRequest } from './request.ts'
import type { Segments } from './segments.ts'
import { pauseMs } from './until-answered.ts'
import { UsualTime } from './usual-time.ts'

const BATCH_ROWS_MAX = ISSUE_LIMITS.batchRowsMax.value

export interface LedgerWayPorts {
  readonly ledger: Ledger
  readonly counter: Counter | null
  readonly codes: Codes
  readonly memories: Memories
  readonly segments: Segments
  readonly clock: Clock
  readonly randomness: Randomness
  readonly meter: IssueMeter
  readonly onMistake: (error: unknown) => void
  /** Takes those who need another look-up. */
  readonly again: (requests: IssueRequest[]) => void
}

/** Those who wait for the same lock: one transaction at a time on this server. */
interface Lane {
  readonly waiting: FairQueue
  readonly usual: UsualTime
  failures: number
}

/** What a transaction made of its requests. None of it is true before the commit. */
interface Settlement {
  readonly decided: { readonly request: IssueRequest; readonly outcome: Outcome }[]
  readonly issued: { readonly request: IssueRequest; readonly row: NewCoupon }[]
  /** These got none, and need another look-up. */
  readonly left: IssueRequest[]
  /** All slots of these have rows. */
  readonly soldOut: CampaignState[]
  /** Of those issued. */
  gapsFilled: number
}

type Reason = 'unknown' | 'passed over' | 'duplicate' | 'invalid'

/** Thrown inside the transaction, so that it rolls back. */
class RolledBack extends Error {
  readonly reason: Reason
  constructor(reason: Reason) {
    super(reason)
    this.reason = reason
  }
}

export class LedgerWay {
  readonly #ports: LedgerWayPorts
  readonly #lanes = new Map<string, Lane>()

  constructor(ports: LedgerWayPorts) {
    this.#ports = ports
  }

  get isIdle(): boolean {
    return this.#lanes.size === 0
  }

  get size(): number {
    return [...this.#lanes.values()].reduce((size, { waiting }) => size + waiting.size, 0)
  }

  /** Those that requests wait for. */
  get campaignIds(): Iterable<string> {
    return [...this.#lanes.values()].flatMap(({ waiting }) => [...waiting.campaignIds])
  }

  /** Takes requests that were looked up and are to be issued, and sees to it that each is answered or goes round again. */
  add(requests: readonly IssueRequest[]): void {
    const begun = new Map<string, Lane>()
    for (const request of requests) {
      this.#ports.meter.toLedgerWay(request.ledgerWayReason)
      const key = this.#laneKey(request.campaignId)
      const lane = this.#lanes.get(key)
      if (lane !== undefined) {
        lane.waiting.add(request)
        continue
      }
      const newLane = { waiting: new FairQueue(), usual: new UsualTime(this.#ports.clock), failures: 0 }
      newLane.waiting.add(request)
      this.#lanes.set(key, newLane)
      begun.set(key, newLane)
    }
    for (const [key, lane] of begun) void this.#run(key, lane)
  }

  /** How long a new request of this campaign would wait for its transaction, as far as is known. */
  expectedWaitMs(campaignId: string): number {
    const lane = this.#lanes.get(this.#laneKey(campaignId))
    if (lane === undefined) return 0
    // Twice its own: one campaign may fill half of the lane.
    const waiting = Math.max(lane.waiting.size, 2 * lane.waiting.sizeOf(campaignId))
    return Math.floor(waiting / BATCH_ROWS_MAX) * lane.usual.ms
  }

  #laneKey(campaignId: string): string {
    return this.#ports.ledger.lockScope === 'campaign' ? campaignId : ''
  }

  async #run(key: string, lane: Lane): Promise<void> {
    for (;;) {
      const batch = lane.waiting.take(BATCH_ROWS_MAX, isStillWanted)
      if (batch.length === 0) break
      const beganAtMs = this.#ports.clock.nowMs()
      await this.#settle(batch, lane)
      lane.usual.add(this.#ports.clock.nowMs() - beganAtMs)
    }
    this.#lanes.delete(key)
  }

  async #settle(batch: readonly IssueRequest[], lane: Lane): Promise<void> {
    const ports = this.#ports
    const { memories, meter } = ports
    const proved: IssueRequest[] = []
    const open: IssueRequest[] = []
    for (const request of batch) {
      const wasProved = memories.wasProvedSince(campaignOf(request), request.lookedUpAt)
      ;(wasProved ? proved : open).push(request)
    }
    // Proved sold out while these waited: a look-up tells them, no transaction is needed.
    ports.again(proved)
    const [first] = open
    if (first === undefined) return
    meter.ledgerWayBatch(first.ledgerWayReason)

    // Taken before anything is read: see Memories.of.
    const memoryOf = new Map<string, CampaignMemory>()
    for (const request of open) {
      if (!memoryOf.has(request.campaignId)) memoryOf.set(request.campaignId, memories.of(campaignOf(request)))
    }
    try {
      const settlement = await meter.station('ledger_way', open, async () => {
        const proposed = await proposedSlots(ports.counter, open)
        return ports.ledger.lock([...memoryOf.keys()], (locked) => this.#underLock(locked, open, memoryOf, proposed))
      })
      lane.failures = 0
      this.#finish(settlement, memoryOf)
    } catch (error) {
      await this.#recover(error, open, lane)
    }
  }

  async #underLock(
    locked: LockedLedger,
    open: readonly IssueRequest[],
    memoryOf: ReadonlyMap<string, CampaignMemory>,
    proposed: ReadonlyMap<string, SlotRange>,
  ): Promise<Settlement> {
    const settlement: Settlement = { decided: [], issued: [], left: [], soldOut: [], gapsFilled: 0 }
    // Once more, now that nothing of these campaigns is being written: a retry may have been served elsewhere meanwhile.
    const lookedUpAt = this.#ports.memories.tick()
    const read = await locked.read(queryFor(open))
    const found = new FoundCoupons(read.coupons)
    const wanting = new Map<CampaignState, IssueRequest[]>()
    for (const request of open) {
      // The lock may have been long in coming.
      if (!isStillWanted(request)) continue
      const before = campaignOf(request)
      const outcome = decide(request, read, found, this.#ports.memories, lookedUpAt)
      if (outcome !== null) {
        settlement.decided.push({ request, outcome })
        continue
      }
      const campaign = campaignOf(request)
      // Deleted and made anew meanwhile: what is remembered of it is of the old one.
      if (!isSameCampaign(before, campaign)) {
        settlement.left.push(request)
        continue
      }
      const others = wanting.get(campaign)
      if (others === undefined) wanting.set(campaign, [request])
      else others.push(request)
    }

    for (const [campaign, requests] of wanting) {
      const memory = memoryOf.get(campaign.id) as CampaignMemory
      const run = proposed.get(campaign.id) ?? null
      const free = await this.#ports.segments.free(locked, campaign, memory, requests.length, run)
      if (free === null) throw new RolledBack('unknown')
      const { slots, gaps } = free
      settlement.gapsFilled += gaps
      for (const [index, request] of requests.entries()) {
        const slot = slots[index]
        if (slot === undefined) {
          settlement.left.push(request)
          continue
        }
        request.slot = slot
        request.code ??= this.#ports.codes.make(campaign.codeFormat)
        settlement.issued.push({ request, row: request.row() })
      }
      if (slots.length < requests.length) settlement.soldOut.push(campaign)
    }

    if (settlement.issued.length > 0) {
      const answer = await locked.record(settlement.issued.map(({ row }) => row))
      if (answer.status !== 'recorded') throw new RolledBack(answer.status)
      if (answer.count < settlement.issued.length) throw new RolledBack('passed over')
    }
    for (const campaign of settlement.soldOut) {
      const { id, totalCoupons } = campaign
      if (locked.campaigns.get(id)?.soldOutTotal !== totalCoupons) await locked.markSoldOut(campaign, totalCoupons)
    }
    return settlement
  }

  #finish(settlement: Settlement, memoryOf: ReadonlyMap<string, CampaignMemory>): void {
    this.#ports.meter.filledGaps(settlement.gapsFilled)
    for (const { request, outcome } of settlement.decided) request.answer(outcome)
    const highest = new Map<CampaignState, number>()
    for (const { request, row } of settlement.issued) {
      request.answer({ code: 'issued', coupon: row })
      const campaign = campaignOf(request)
      highest.set(campaign, Math.max(highest.get(campaign) ?? 0, request.slot))
    }
    for (const campaign of settlement.soldOut) {
      this.#ports.segments.rememberSoldOut(campaign, memoryOf.get(campaign.id) as CampaignMemory)
      this.#ports.meter.soldOut('proved')
    }
    // Only a look-up that begins after the proof may say "sold out".
    this.#ports.again(settlement.left)
    if (highest.size > 0) this.#resync([...highest].map(([campaign, maxSlot]) => ({ campaign, maxSlot })))
  }

  /** A hint, and nobody waits for it: a counter that does not answer is its own problem. */
  #resync(asks: readonly ResyncAsk[]): void {
    if (this.#ports.counter === null) return
    this.#ports.meter.resynced('ledger_way', asks.length)
    this.#ports.counter.resync(asks).catch(this.#ports.onMistake)
  }

  async #recover(error: unknown, open: readonly IssueRequest[], lane: Lane): Promise<void> {
    if (error instanceof RolledBack && error.reason === 'invalid') return this.#halve(open, lane)
    if (error instanceof RolledBack && error.reason === 'unknown') return this.#learn(open, lane)
    if (error instanceof RolledBack) {
      this.#ports.meter.collided(open.length)
      for (const request of open) {
        request.collisions++
        request.code = null
      }
      return this.#ports.again([...open])
    }
    if (error instanceof LedgerUnavailable) {
      if (error.mayBeWritten) for (const request of open) request.mayHaveCoupon = true
      this.#ports.meter.retried('ledger_way')
      lane.waiting.addAgain(open)
      return this.#ports.clock.sleep(pauseMs(lane.failures++, this.#ports.randomness))
    }
    this.#ports.onMistake(error)
    for (const request of open) request.fail(new Fault('internal', 'a mistake on the ledger way', { cause: error }))
  }

  /** This process has not seen most of a campaign: it is counted while others go on, then the lock is taken anew. */
  async #learn(open: readonly IssueRequest[], lane: Lane): Promise<void> {
    try {
      const campaigns = new Map(open.map((request) => [request.campaignId, campaignOf(request)]))
      for (const campaign of campaigns.values()) {
        await this.#ports.segments.learn(campaign, this.#ports.memories.of(campaign))
      }
      lane.waiting.addAgain(open)
    } catch (error) {
      await this.#recover(error, open, lane)
    }
  }

  /** Some row of the batch cannot be stored: halves are tried until it is alone, so that it takes nobody with it. */
  async #halve(open: readonly IssueRequest[], lane: Lane): Promise<void> {
    if (open.length === 1) {
      this.#ports.onMistake(new Error('the ledger refused a row that had passed validation'))
      return open[0]?.fail(new Fault('internal', 'the row does not fit the table'))
    }
    const middle = Math.ceil(open.length / 2)
    await this.#settle(open.slice(0, middle), lane)
    await this.#settle(open.slice(middle), lane)
  }
}

function campaignOf(request: IssueRequest): CampaignState {
  if (request.campaign === null) throw new Error('a request came to the ledger way before it was looked up')
  return request.campaign
}
