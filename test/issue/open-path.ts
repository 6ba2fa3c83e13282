// The path of an issue on given stores, as the process wires it, and what tests ask of it again and again.

import type { Campaign } from '../../src/campaign/campaign.ts'
import { IssuePath } from '../../src/issue/issue.ts'
import type { Counter } from '../../src/counter/counter.ts'
import { systemClock, systemRandomness, type Clock, type Randomness } from '../../src/host.ts'
import { Memories } from '../../src/issue/memories.ts'
import { NO_METER, type IssueMeter } from '../../src/issue/meter.ts'
import type { IssueCall, Outcome } from '../../src/issue/outcome.ts'
import { Segments } from '../../src/issue/segments.ts'
import type { Coupon, Ledger, NewCampaign } from '../../src/ledger/ledger.ts'

export interface Path {
  readonly issuer: IssuePath
  readonly ledger: Ledger
  readonly counter: Counter | null
  readonly memories: Memories
  readonly segments: Segments
  readonly mistakes: unknown[]
  /** One call; what is not given is null. A fault is an answer here: its code. */
  ask(campaignId: string, call?: Partial<IssueCall>): Promise<Answer>
}

export type Answer = Outcome | { readonly code: 'overloaded' | 'unavailable' | 'internal' }

export interface PathOptions {
  readonly waitMsMax?: number
  readonly clock?: Clock
  readonly randomness?: Randomness
  readonly meter?: IssueMeter
}

export function openPath(ledger: Ledger, counter: Counter | null, options: PathOptions = {}): Path {
  const memories = new Memories(ledger)
  const clock = options.clock ?? systemClock
  const segments = new Segments(ledger, memories, clock)
  const mistakes: unknown[] = []
  const issuer = new IssuePath({
    ledger,
    counter,
    memories,
    segments,
    clock,
    randomness: options.randomness ?? systemRandomness,
    waitMsMax: options.waitMsMax ?? 3_000,
    meter: options.meter ?? NO_METER,
    onMistake: (error) => mistakes.push(error),
  })
  const ask: Path['ask'] = (campaignId, call = {}) =>
    issuer
      .issue({ campaignId, client: '', idempotencyKey: null, recipient: null, ...call })
      .catch((fault: { code: 'overloaded' | 'unavailable' | 'internal' }) => ({ code: fault.code }))
  return { issuer, ledger, counter, memories, segments, mistakes, ask }
}

let campaignNumber = 0

/** A campaign that is open now, with what the test cares about. */
export async function openCampaign(ledger: Ledger, totalCoupons: number, fields: Partial<NewCampaign> = {}) {
  const { campaign } = await ledger.createCampaign({
    id: `c-${process.pid}-${campaignNumber++}`,
    name: '선착순',
    startTimeMs: null,
    endTimeMs: null,
    totalCoupons,
    paused: false,
    recipientRequired: false,
    test: false,
    codeFormat: { alphabet: 'base32', length: 16, prefix: '' },
    metadata: {},
    ...fields,
  })
  return campaign
}

/** Changes a campaign as a PATCH does: under its lock. */
export async function change(ledger: Ledger, id: string, fields: Record<string, unknown>): Promise<void> {
  await ledger.lock([id], async (locked) => {
    const campaign = locked.campaigns.get(id)
    if (campaign === undefined) throw new Error(`no campaign ${id}`)
    await locked.updateCampaign({ ...campaign, ...fields, version: campaign.version + 1 })
  })
}

/** Rows of somebody else, on these slots. */
export async function fill(ledger: Ledger, campaign: Campaign, slots: readonly number[]): Promise<void> {
  const rows = slots.map((slot) => ({
    campaignId: campaign.id,
    campaignCreatedAtMs: campaign.createdAtMs,
    campaignVersion: campaign.version,
    couponCode: `FILL${slot}`,
    slot,
    requestKey: slot.toString(16).padStart(32, '0'),
    recipient: null,
    recipientKey: null,
    issuedAtMs: campaign.startTimeMs,
  }))
  const answer = await ledger.record(rows)
  if (answer.status !== 'recorded' || answer.count < rows.length) throw new Error('not all rows could be filled in')
}

export async function allCoupons(ledger: Ledger, campaignId: string): Promise<Coupon[]> {
  const coupons: Coupon[] = []
  for (;;) {
    const afterSlot = coupons.at(-1)?.slot ?? null
    const page = await ledger.listCoupons(campaignId, { limit: 1_000, afterSlot, order: 'asc' })
    if (page.length === 0) return coupons
    coupons.push(...page)
  }
}

export function countCodes(answers: readonly { readonly code: string }[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { code } of answers) counts[code] = (counts[code] ?? 0) + 1
  return counts
}

/** The coupons among the answers, each as the ledger would show it. */
export function couponsOf(answers: readonly Answer[]): Coupon[] {
  return answers.flatMap((answer) => {
    if (answer.code !== 'issued' && answer.code !== 'replayed') return []
    const { campaignId, couponCode, slot, requestKey, recipient, recipientKey, issuedAtMs } = answer.coupon
    return [{ campaignId, couponCode, slot, requestKey, recipient, recipientKey, issuedAtMs }]
  })
}

/** The ledger, but for the methods given: for faults that no real store makes on demand. */
export function withFaults(ledger: Ledger, faults: Partial<Ledger>): Ledger {
  return new Proxy(ledger, {
    get(target, key) {
      if (key in faults) return faults[key as keyof Ledger]
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** `count` calls at once. */
export function crowd(
  path: Path,
  campaignId: string,
  count: number,
  call: (index: number) => Partial<IssueCall> = () => ({}),
) {
  return Promise.all(Array.from({ length: count }, (_, index) => path.ask(campaignId, call(index))))
}
