// The fast way to a slot, optimistic: the counter proposes slots, one statement writes the rows, and many batches of many
// servers do so side by side. Whoever it cannot serve is left to the ledger way, or goes round again.

import { Fault } from '../answers.ts'
import type { CampaignState } from '../campaign/campaign.ts'
import { CounterUnavailable, type Counter, type Reservation } from '../counter/counter.ts'
import type { Clock, Randomness } from '../host.ts'
import type { Ledger, RecordAnswer } from '../ledger/ledger.ts'
import type { Codes } from './codes.ts'
import { FoundCoupons, isOwnRow } from './look-up.ts'
import type { IssueMeter, LedgerWayReason, ResyncReason } from './meter.ts'
import { isStillWanted, type IssueRequest } from './request.ts'
import { SpareSlots } from './spare-slots.ts'
import { untilAnswered } from './until-answered.ts'

export interface FastWayPorts {
  readonly ledger: Ledger
  readonly counter: Counter
  readonly codes: Codes
  readonly clock: Clock
  readonly randomness: Randomness
  readonly meter: IssueMeter
  readonly onMistake: (error: unknown) => void
}

/** What the requests of a campaign need. */
interface Need {
  readonly campaign: CampaignState
  readonly waiting: readonly IssueRequest[]
  readonly slots: number[]
  readonly total: number
  /** Beyond the slots they have. */
  readonly count: number
  /** Of those who get none. */
  reason: LedgerWayReason
}

export class FastWay {
  readonly #ports: FastWayPorts
  readonly #spare = new SpareSlots()

  constructor(ports: FastWayPorts) {
    this.#ports = ports
  }

  /**
   * Takes requests that were looked up and are to be issued. Answers those it can; of the others
   * @returns again  another look-up, then another slot
   * @returns left   no slot was to be had: nothing left, or the counter does not answer
   */
  async run(requests: readonly IssueRequest[]): Promise<{ again: IssueRequest[]; left: IssueRequest[] }> {
    const { ready, left } = await this.#reserve(requests)
    const again = await this.#record(ready)
    return { again, left }
  }

  /** A slot for each, as far as there are any: spare ones first, then a run from the counter for each campaign. */
  async #reserve(requests: readonly IssueRequest[]): Promise<{ ready: IssueRequest[]; left: IssueRequest[] }> {
    // One look-up gave all requests of a campaign the same state of it.
    const campaigns = Map.groupBy(requests, (request) => request.campaign as CampaignState)
    const needs = [...campaigns].map(([campaign, waiting]): Need => {
      const slots = this.#spare.take(campaign, waiting.length)
      const count = waiting.length - slots.length
      return { campaign, waiting, slots, total: campaign.totalCoupons, count, reason: 'nothing_left' }
    })
    const asks = needs.filter((need) => need.count > 0)
    const reservations =
      asks.length === 0 ? [] : await this.#ports.meter.station('reserve', requests, () => this.#reserveRuns(asks))
    asks.forEach((need, index) => {
      const reservation = reservations[index]
      if (reservation === undefined || reservation.status !== 'ok') {
        need.reason = reservation === undefined ? 'counter_unavailable' : 'counter_cold'
        return
      }
      for (let slot = reservation.from; slot < reservation.from + reservation.count; slot++) need.slots.push(slot)
    })

    const ready: IssueRequest[] = []
    const left: IssueRequest[] = []
    for (const { waiting, slots, reason } of needs) {
      for (const [index, request] of waiting.entries()) {
        const slot = slots[index]
        if (slot === undefined) {
          request.ledgerWayReason = reason
          left.push(request)
        } else {
          request.slot = slot
          ready.push(request)
        }
      }
    }
    return { ready, left }
  }

  /** Same order as the asks; undefined: no answer. A cold counter is told the highest slot and asked once more. */
  async #reserveRuns(
    asks: readonly { campaign: CampaignState; total: number; count: number }[],
  ): Promise<(Reservation | undefined)[]> {
    const first = (await this.#ports.counter.reserve(asks)).map(answered)
    const cold = asks.filter((_, index) => first[index]?.status === 'cold')
    if (cold.length === 0) return first
    await this.#resync(
      cold.map(({ campaign }) => campaign),
      'cold',
    )
    const second = (await this.#ports.counter.reserve(cold)).map(answered)
    return first.map((reservation, index) => {
      const at = cold.indexOf(asks[index] as (typeof asks)[number])
      return at === -1 ? reservation : second[at]
    })
  }

  async #resync(campaigns: readonly CampaignState[], reason: ResyncReason): Promise<void> {
    this.#ports.meter.resynced(reason, campaigns.length)
    try {
      const maxSlots = await this.#ports.ledger.maxSlots(campaigns.map(({ id }) => id))
      await this.#ports.counter.resync(
        campaigns.map((campaign, index) => ({ campaign, maxSlot: maxSlots[index] ?? 0 })),
      )
    } catch {
      // Without it the counter stays cold or behind, and the ledger way serves: nothing is lost but speed.
    }
  }

  /** Writes the rows of all who still want one, in one statement. Resolves with those who were not answered. */
  async #record(reserved: readonly IssueRequest[]): Promise<IssueRequest[]> {
    const ready: IssueRequest[] = []
    for (const request of reserved) {
      if (isStillWanted(request)) ready.push(request)
      else this.#spare.keep(request.campaign as CampaignState, request.slot)
    }
    if (ready.length === 0) return []
    for (const request of ready) request.code ??= this.#ports.codes.make((request.campaign as CampaignState).codeFormat)
    const rows = ready.map((request) => request.row())
    let isFateKnown = true
    const answer = await untilAnswered<RecordAnswer>(
      'record',
      ready,
      () => this.#ports.ledger.record(rows),
      this.#ports,
      (error) => {
        if (!error.mayBeWritten) return
        isFateKnown = false
        for (const request of ready) request.mayHaveCoupon = true
      },
    )
    // Nobody waits any more. Their slots are not used again: the statement may yet be carried out.
    if (answer === null) return []
    if (answer.status === 'invalid') return this.#halve(ready)
    if (answer.status === 'recorded' && answer.count === ready.length) {
      ready.forEach((request, index) =>
        request.answer({ code: 'issued', coupon: rows[index] as (typeof rows)[number] }),
      )
      return []
    }
    return this.#sortOut(ready, answer.status, isFateKnown)
  }

  /** Some row of the batch cannot be stored: halves are tried until it is alone, so that it takes nobody with it. */
  async #halve(ready: readonly IssueRequest[]): Promise<IssueRequest[]> {
    const [alone, other] = ready
    if (alone !== undefined && other === undefined) {
      this.#spare.keep(alone.campaign as CampaignState, alone.slot)
      this.#ports.onMistake(new Error('the ledger refused a row that had passed validation'))
      alone.fail(new Fault('internal', 'the row does not fit the table'))
      return []
    }
    const middle = Math.ceil(ready.length / 2)
    return [...(await this.#record(ready.slice(0, middle))), ...(await this.#record(ready.slice(middle)))]
  }

  /** Not all rows were written, or none: reads back whose are there, and why the others are not. */
  async #sortOut(
    ready: readonly IssueRequest[],
    status: 'recorded' | 'duplicate',
    isFateKnown: boolean,
  ): Promise<IssueRequest[]> {
    const read = await untilAnswered('read_back', ready, () => this.#ports.ledger.read(readBackOf(ready)), this.#ports)
    if (read === null) return []
    const found = new FoundCoupons(read.coupons)
    const again: IssueRequest[] = []
    const behind = new Map<string, CampaignState>()
    // A duplicate is explained when its row is that of one of these requests; anything else stood in the way.
    let isExplained = false
    for (const request of ready) {
      const campaign = request.campaign as CampaignState
      const coupon = found.ofRequest(request)
      if (coupon !== undefined && isOwnRow(request, coupon)) {
        isExplained = true
        request.answer({ code: 'issued', coupon })
        continue
      }
      again.push(request)
      // Its coupon was written elsewhere meanwhile: the look-up of the next round tells which.
      if (coupon !== undefined) request.mayHaveCoupon = true
      if (coupon !== undefined || found.ofRecipient(request) !== undefined) isExplained = true
      if (found.isSlotTaken(request)) {
        behind.set(campaign.id, campaign)
      } else if (isFateKnown) {
        this.#spare.keep(campaign, request.slot)
      }
      // Nothing of a duplicate statement was written, and its code may be what was taken.
      if (status === 'duplicate') request.code = null
    }
    if (behind.size > 0) await this.#resync([...behind.values()], 'behind')
    const isUnexplained = behind.size === 0 && !isExplained
    let collided = 0
    for (const request of again) {
      if (status !== 'recorded' && !isUnexplained && !behind.has(request.campaignId)) continue
      request.collisions++
      collided++
    }
    this.#ports.meter.collided(collided)
    return again
  }
}

function answered(reservation: Reservation | CounterUnavailable): Reservation | undefined {
  return reservation instanceof CounterUnavailable ? undefined : reservation
}

function readBackOf(ready: readonly IssueRequest[]) {
  return {
    campaignIds: [],
    requestKeys: ready.map(({ campaignId, requestKey }) => ({ campaignId, key: requestKey })),
    recipientKeys: ready.flatMap(({ campaignId, recipientKey }) =>
      recipientKey === null ? [] : [{ campaignId, key: recipientKey }],
    ),
    slots: ready.map(({ campaignId, slot }) => ({ campaignId, slot })),
  }
}
