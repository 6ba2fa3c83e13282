// The ledger way to a slot, definitive: one transaction locks the campaign, so that no coupon of it is being written
// anywhere, and gives out what has no row. It settles whatever the fast way cannot, serves alone where there is no counter,
// and only it can prove a campaign sold out.

import { Fault } from '../answers.ts'
import type { CampaignState } from '../campaign/campaign.ts'
import type { Counter } from '../counter/counter.ts'
import type { Clock, Randomness } from '../host.ts'
import { LedgerUnavailable, type Ledger, type LockedLedger } from '../ledger/ledger.ts'
import type { Codes } from './codes.ts'
import { ISSUE_LIMITS } from './limits.ts'
import { decide, FoundCoupons, queryFor } from './look-up.ts'
import type { CampaignMemory, Memories } from './memories.ts'
import type { Outcome } from './outcome.ts'
import type { IssueRequest } from './request.ts'
import type { Segments } from './segments.ts'
import { pauseMs } from './until-answered.ts'

const BATCH_ROWS_MAX = ISSUE_LIMITS.batchRowsMax.value

/** How much the newest transaction counts in the mean time of one. */
const MEAN_WEIGHT = 0.2

export interface LedgerWayPorts {
  readonly ledger: Ledger
  readonly counter: Counter | null
  readonly codes: Codes
  readonly memories: Memories
  readonly segments: Segments
  readonly clock: Clock
  readonly randomness: Randomness
  readonly onMistake: (error: unknown) => void
  /** Is it still to be served? Asked before it costs a slot. */
  readonly isStillWanted: (request: IssueRequest) => boolean
  /** Takes those who need another look-up. */
  readonly again: (requests: IssueRequest[]) => void
}

/** Those who wait for the same lock: one transaction at a time on this server. */
interface Lane {
  readonly waiting: IssueRequest[]
  meanMs: number
  failures: number
}

/** What a transaction made of its requests. None of it is true before the commit. */
interface Settlement {
  readonly decided: { readonly request: IssueRequest; readonly outcome: Outcome }[]
  readonly issued: IssueRequest[]
  /** All slots have rows, and these got none. */
  readonly left: IssueRequest[]
  readonly soldOut: CampaignState[]
}

/** Thrown inside the transaction, so that it rolls back. */
class RolledBack extends Error {
  readonly reason: 'passed over' | 'duplicate' | 'invalid'
  constructor(reason: 'passed over' | 'duplicate' | 'invalid') {
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

  /** Takes requests that were looked up and are to be issued, and sees to it that each is answered or goes round again. */
  add(requests: readonly IssueRequest[]): void {
    const begun = new Map<string, Lane>()
    for (const request of requests) {
      const key = this.#laneKey(request.campaignId)
      const lane = this.#lanes.get(key)
      if (lane !== undefined) {
        lane.waiting.push(request)
        continue
      }
      const newLane = { waiting: [request], meanMs: 0, failures: 0 }
      this.#lanes.set(key, newLane)
      begun.set(key, newLane)
    }
    for (const [key, lane] of begun) void this.#run(key, lane)
  }

  /** How long a new request of this campaign would wait for its transaction, as far as is known. */
  expectedWaitMs(campaignId: string): number {
    const lane = this.#lanes.get(this.#laneKey(campaignId))
    return lane === undefined ? 0 : Math.floor(lane.waiting.length / BATCH_ROWS_MAX) * lane.meanMs
  }

  #laneKey(campaignId: string): string {
    return this.#ports.ledger.lockScope === 'campaign' ? campaignId : ''
  }

  async #run(key: string, lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      const batch = lane.waiting.splice(0, BATCH_ROWS_MAX).filter(this.#ports.isStillWanted)
      if (batch.length === 0) continue
      const beganAtMs = this.#ports.clock.nowMs()
      await this.#settle(batch, lane)
      lane.meanMs += MEAN_WEIGHT * (this.#ports.clock.nowMs() - beganAtMs - lane.meanMs)
    }
    this.#lanes.delete(key)
  }

  async #settle(batch: readonly IssueRequest[], lane: Lane): Promise<void> {
    const ports = this.#ports
    const { memories } = ports
    const proved: IssueRequest[] = []
    const open: IssueRequest[] = []
    for (const request of batch) {
      const wasProved = memories.wasProvedSince(campaignOf(request), request.lookedUpAt)
      ;(wasProved ? proved : open).push(request)
    }
    // Proved sold out while these waited: a look-up tells them, no transaction is needed.
    ports.again(proved)
    if (open.length === 0) return

    // Taken before anything is read: see Memories.of.
    const memoryOf = new Map<string, CampaignMemory>()
    for (const request of open) {
      if (!memoryOf.has(request.campaignId)) memoryOf.set(request.campaignId, memories.of(campaignOf(request)))
    }
    try {
      for (const request of open) {
        const memory = memoryOf.get(request.campaignId) as CampaignMemory
        if (!memory.isCounted) await ports.segments.learn(campaignOf(request), memory)
      }
      const settlement = await ports.ledger.lock([...memoryOf.keys()], (locked) =>
        this.#underLock(locked, open, memoryOf),
      )
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
  ): Promise<Settlement> {
    const settlement: Settlement = { decided: [], issued: [], left: [], soldOut: [] }
    // Once more, now that nothing of these campaigns is being written: a retry may have been served elsewhere meanwhile.
    const lookedUpAt = this.#ports.memories.tick()
    const read = await locked.read(queryFor(open))
    const found = new FoundCoupons(read.coupons)
    const wanting = new Map<CampaignState, IssueRequest[]>()
    for (const request of open) {
      const outcome = decide(request, read, found, this.#ports.memories, lookedUpAt)
      if (outcome !== null) {
        settlement.decided.push({ request, outcome })
        continue
      }
      const campaign = campaignOf(request)
      const others = wanting.get(campaign)
      if (others === undefined) wanting.set(campaign, [request])
      else others.push(request)
    }

    for (const [campaign, requests] of wanting) {
      const memory = memoryOf.get(campaign.id) as CampaignMemory
      const slots = await this.#ports.segments.gaps(locked, campaign, memory, requests.length)
      for (const [index, request] of requests.entries()) {
        const slot = slots[index]
        if (slot === undefined) {
          settlement.left.push(request)
          continue
        }
        request.slot = slot
        request.code ??= this.#ports.codes.make(campaign.codeFormat)
        settlement.issued.push(request)
      }
      if (slots.length < requests.length) settlement.soldOut.push(campaign)
    }

    if (settlement.issued.length > 0) {
      const answer = await locked.record(settlement.issued.map((request) => request.row()))
      if (answer.status !== 'recorded') throw new RolledBack(answer.status)
      if (answer.count < settlement.issued.length) throw new RolledBack('passed over')
    }
    for (const { id, totalCoupons } of settlement.soldOut) {
      if (locked.campaigns.get(id)?.soldOutTotal !== totalCoupons) await locked.markSoldOut(id, totalCoupons)
    }
    return settlement
  }

  #finish(settlement: Settlement, memoryOf: ReadonlyMap<string, CampaignMemory>): void {
    for (const { request, outcome } of settlement.decided) request.answer(outcome)
    const highest = new Map<CampaignState, number>()
    for (const request of settlement.issued) {
      request.answer({ code: 'issued', coupon: request.row() })
      const campaign = campaignOf(request)
      highest.set(campaign, Math.max(highest.get(campaign) ?? 0, request.slot))
    }
    for (const campaign of settlement.soldOut) {
      this.#ports.segments.rememberSoldOut(campaign, memoryOf.get(campaign.id) as CampaignMemory)
    }
    // They were looked up before the proof: only a look-up that begins after it may say "sold out".
    this.#ports.again(settlement.left)
    // A hint, and nobody waits for it: a counter that does not answer is its own problem.
    if (highest.size > 0)
      void this.#ports.counter?.resync([...highest].map(([campaign, maxSlot]) => ({ campaign, maxSlot })))
  }

  async #recover(error: unknown, open: readonly IssueRequest[], lane: Lane): Promise<void> {
    if (error instanceof RolledBack && error.reason === 'invalid') return this.#halve(open, lane)
    if (error instanceof RolledBack) {
      for (const request of open) {
        request.collisions++
        request.code = null
      }
      return this.#ports.again([...open])
    }
    if (error instanceof LedgerUnavailable) {
      if (error.mayBeWritten) for (const request of open) request.mayHaveCoupon = true
      lane.waiting.unshift(...open)
      return this.#ports.clock.sleep(pauseMs(lane.failures++, this.#ports.randomness))
    }
    this.#ports.onMistake(error)
    for (const request of open) request.fail(new Fault('internal', 'a mistake on the ledger way', { cause: error }))
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
