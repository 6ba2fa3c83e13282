// What may be asked of campaigns and changed in them. Every answer is a value; only a ledger that does not answer is a
// Fault. What depends on how many coupons there are is decided under the campaign's lock.

import { isDeepStrictEqual } from 'node:util'
import { Fault } from '../answers.ts'
import type { Randomness } from '../host.ts'
import type { Author } from '../access/author.ts'
import type { Change, ChangePage } from '../ledger/changes.ts'
import { recipientKeyOf } from '../ledger/coupon-keys.ts'
import {
  LedgerUnavailable,
  type CampaignFilter,
  type Coupon,
  type CouponPage,
  type Ledger,
  type LockedLedger,
} from '../ledger/ledger.ts'
import { campaignStatus } from './campaign.ts'
import type { Campaign, CampaignIdentity, CampaignState, CampaignStatus, CodeFormat } from './campaign.ts'
import { biteFirst, biteOn, deletionOf } from './deletion.ts'
import { campaignFacts } from './facts.ts'
import { codeFormatFlaw, codeFormatOf, normaliseCode, type CodeFormatWish } from './code-format.ts'

/** How many coupons have been issued, exactly. */
export interface IssuedCounts {
  issuedCount(campaign: CampaignState, maxSlot?: Promise<number>): Promise<number>
  /** For a count: may be asked for before the campaign is known. */
  highestSlot(campaignId: string): Promise<number>
  /** Same order. */
  issuedCounts(campaigns: readonly CampaignState[]): Promise<number[]>
}

export interface CampaignCoupons {
  readonly coupons: readonly Coupon[]
  readonly codeFormat: CodeFormat
}

/** A campaign as it was at `nowMs`, by the ledger's clock. */
export interface CampaignView {
  readonly campaign: Campaign
  readonly issuedCount: number
  readonly status: CampaignStatus
  readonly nowMs: number
}

/** Validated at the edge, field by field. What fields demand of each other is judged here. */
export interface CampaignWish {
  /** null: the service makes one. */
  readonly id: string | null
  readonly name: string
  readonly startTimeMs: number | 'now'
  readonly endTimeMs: number | null
  readonly totalCoupons: number
  readonly paused: boolean
  readonly recipientRequired: boolean
  readonly test: boolean
  readonly codeFormat: CodeFormatWish
  readonly metadata: Readonly<Record<string, unknown>>
}

/** What is absent stays as it is. `codeFormat` and `metadata` are replaced whole. */
export type CampaignChange = Partial<Omit<CampaignWish, 'id' | 'test'>>

/** What somebody saw when they decided on a change. */
export interface CampaignVersion {
  readonly createdAtMs: number
  readonly version: number
}

/** Good fields that do not fit together: JSON pointer and words for the caller. */
export interface Misfit {
  readonly pointer: string
  readonly detail: string
}

export type CreateAnswer =
  | { readonly code: 'ready'; readonly created: boolean; readonly view: CampaignView }
  | { readonly code: 'campaign_exists' }
  | { readonly code: 'misfit'; readonly misfits: readonly Misfit[] }

export type ChangeAnswer =
  | { readonly code: 'ready'; readonly view: CampaignView }
  | { readonly code: 'campaign_not_found' }
  | { readonly code: 'campaign_changed'; readonly view: CampaignView }
  | { readonly code: 'misfit'; readonly misfits: readonly Misfit[] }
  | { readonly code: 'campaign_has_coupons'; readonly fields: readonly string[] }
  | { readonly code: 'total_below_issued'; readonly lowestTotal: number }

export type DeleteAnswer =
  | { readonly code: 'deleted' }
  | { readonly code: 'campaign_not_found' }
  | { readonly code: 'campaign_changed'; readonly view: CampaignView }
  | { readonly code: 'campaign_has_coupons' }

export interface CampaignListPage extends CampaignFilter {
  readonly limit: number
  readonly after: CampaignIdentity | null
}

/** Lower case without look-alikes: read aloud, typed, and never an option of a command line. */
const ID_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
/** 60 bits: short, because it stands in every index of the coupons; an id that is taken costs another draw. */
const ID_LENGTH = 12
/** Two draws in a row that are taken are a broken source of randomness. */
const ID_DRAWS_MAX = 5

export class Campaigns {
  readonly #ledger: Ledger
  readonly #counts: IssuedCounts
  readonly #randomness: Randomness

  constructor(ledger: Ledger, counts: IssuedCounts, randomness: Randomness) {
    this.#ledger = ledger
    this.#counts = counts
    this.#randomness = randomness
  }

  /**
   * With an id of the caller's it is safe to repeat: `created` is false when the campaign exists with the same fields.
   * With an id of ours, a call whose answer was lost and that is repeated makes a second campaign.
   */
  async create(wish: CampaignWish, by: Author): Promise<CreateAnswer> {
    const fields = {
      name: wish.name,
      startTimeMs: wish.startTimeMs === 'now' ? null : wish.startTimeMs,
      endTimeMs: wish.endTimeMs,
      totalCoupons: wish.totalCoupons,
      paused: wish.paused,
      recipientRequired: wish.recipientRequired,
      test: wish.test,
      codeFormat: codeFormatOf(wish.codeFormat, wish.totalCoupons, wish.test),
      metadata: wish.metadata,
    }
    return answered(async () => {
      const startTimeMs = fields.startTimeMs ?? (fields.endTimeMs === null ? 0 : (await this.#ledger.ping()).nowMs)
      const misfits = [...timesMisfits({ ...fields, startTimeMs }, '/end_time'), ...formatMisfits(fields, true)]
      if (misfits.length > 0) return { code: 'misfit', misfits }
      for (let draws = 1; draws <= ID_DRAWS_MAX; draws++) {
        const id = wish.id ?? this.#drawId()
        const { created, campaign } = await this.#ledger.createCampaign({ id, ...fields }, (made) => ({
          by,
          action: 'campaign.created',
          campaignId: id,
          before: null,
          after: campaignFacts(made),
        }))
        if (created) return { code: 'ready', created, view: viewOf(campaign, 0, campaign.createdAtMs) }
        if (wish.id === null) continue
        if (!isAsWished(campaign, fields)) return { code: 'campaign_exists' }
        const view = await this.#view(id)
        return view === null ? { code: 'campaign_exists' } : { code: 'ready', created, view }
      }
      throw new Error('every id that was drawn is taken')
    })
  }

  /** null: there is no such campaign. */
  async read(id: string): Promise<CampaignView | null> {
    return answered(() => this.#view(id))
  }

  /** Newest first. `next`: where the next page begins; null when this is the last, for now. */
  async list(page: CampaignListPage): Promise<{ views: CampaignView[]; next: CampaignIdentity | null }> {
    return answered(async () => {
      const { nowMs, campaigns } = await this.#ledger.listCampaigns({ ...page, limit: page.limit + 1 })
      const shown = campaigns.slice(0, page.limit)
      const counts = await this.#counts.issuedCounts(shown)
      const views = shown.map((campaign, index) => viewOf(campaign, counts[index] as number, nowMs))
      for (const view of views) await this.#noteSoldOut(view)
      return {
        // The ledger tells open from sold out by a hint; here they have been counted.
        views: views.filter(({ status }) => page.status === null || status === page.status),
        next: campaigns.length > page.limit ? (shown.at(-1) ?? null) : null,
      }
    })
  }

  /** @param seen one of these it must be as it is now; null: whatever it is */
  async change(
    id: string,
    change: CampaignChange,
    by: Author,
    seen: readonly CampaignVersion[] | null = null,
  ): Promise<ChangeAnswer> {
    return answered(async () => {
      // The locking read comes first: a plain one before it would fix the snapshot, and the highest slot would be of the past.
      const refusal = await this.#ledger.lock([id], async (locked) =>
        wasSeen(locked.campaigns.get(id), seen) ? changeLocked(locked, id, change, by) : 'campaign_changed',
      )
      if (refusal !== null && refusal !== 'campaign_changed') return refusal
      const view = await this.#view(id)
      return view === null ? { code: 'campaign_not_found' } : { code: refusal ?? 'ready', view }
    })
  }

  /** A test campaign with its coupons, another one only while it has none. `seen`: as for change(). */
  async delete(id: string, by: Author, seen: readonly CampaignVersion[] | null = null): Promise<DeleteAnswer> {
    return answered(async () => {
      const begun = await this.#ledger.lock([id], (locked) => beginDelete(locked, id, by, seen))
      if (begun === 'campaign_changed') {
        const view = await this.#view(id)
        return view === null ? { code: 'campaign_not_found' } : { code: begun, view }
      }
      if (typeof begun === 'string') return { code: begun }
      await biteOn(this.#ledger, begun.campaign, begun.afterSlot)
      return { code: 'deleted' }
    })
  }

  /** Who changed what, newest first. `next`: below which id the next page begins; null when this is the last, for now. */
  async changes(page: ChangePage): Promise<{ changes: Change[]; next: number | null }> {
    return answered(async () => {
      const found = await this.#ledger.listChanges({ ...page, limit: page.limit + 1 })
      const changes = found.slice(0, page.limit)
      return { changes, next: found.length > page.limit ? (changes.at(-1)?.id ?? null) : null }
    })
  }

  /** By slot. null: there is no such campaign. `more`: there is at least one beyond the last of these, for now. */
  async coupons(id: string, page: CouponPage): Promise<(CampaignCoupons & { more: boolean }) | null> {
    return answered(async () => {
      const campaign = await this.#find(id)
      if (campaign === null) return null
      const coupons = await this.#ledger.listCoupons(id, { ...page, limit: page.limit + 1 })
      const { codeFormat } = campaign
      return { codeFormat, coupons: coupons.slice(0, page.limit), more: coupons.length > page.limit }
    })
  }

  /** The one of a recipient. null: there is no such campaign. */
  async couponsOfRecipient(id: string, recipient: string): Promise<CampaignCoupons | null> {
    return answered(async () => {
      const { campaigns, coupons } = await this.#ledger.read({
        campaignIds: [id],
        requestKeys: [],
        recipientKeys: [{ campaignId: id, key: recipientKeyOf(recipient) }],
        slots: [],
      })
      const campaign = campaigns.get(id)
      return campaign === undefined ? null : { codeFormat: campaign.codeFormat, coupons }
    })
  }

  /**
   * All coupons at one moment, by slot: `take` gets page after page and is waited for. What it throws is passed on. false:
   * there is no such campaign, or not any more, and what was taken is not whole.
   */
  async exportCoupons(id: string, take: (coupons: readonly Coupon[]) => Promise<void>): Promise<boolean> {
    return answered(async () => {
      const campaign = await this.#find(id)
      if (campaign === null || !(await this.#ledger.exportCoupons(campaign, take))) return false
      // Asked last: its moment may have been one between two bites.
      return (await deletionOf(this.#ledger, campaign)) === null
    })
  }

  /** By its code as somebody typed it. */
  async couponByCode(id: string, typed: string): Promise<Coupon | 'campaign_not_found' | 'coupon_not_found'> {
    return answered(async () => {
      const campaign = await this.#find(id)
      if (campaign === null) return 'campaign_not_found'
      const code = normaliseCode(campaign.codeFormat, typed)
      // One that none can be is looked for, too: whoever guesses learns nothing from the time it takes.
      return (await this.#ledger.couponByCode(id, code ?? '')) ?? 'coupon_not_found'
    })
  }

  async #find(id: string): Promise<Campaign | null> {
    return (await this.#ledger.campaigns([id])).campaigns[0] ?? null
  }

  async #view(id: string): Promise<CampaignView | null> {
    // Both at once: who looks on during a rush waits for the event loop with each question.
    const maxSlot = this.#counts.highestSlot(id)
    maxSlot.catch(() => {})
    const { nowMs, campaigns } = await this.#ledger.campaigns([id])
    const [campaign] = campaigns
    if (campaign === undefined) return null
    const view = viewOf(campaign, await this.#counts.issuedCount(campaign, maxSlot), nowMs)
    await this.#noteSoldOut(view)
    return view
  }

  /** For the lists: that all slots have rows was seen by counting, too. Only a hint: a ledger that is busy keeps the old one. */
  async #noteSoldOut({ campaign, status }: CampaignView): Promise<void> {
    if (status !== 'sold_out' || campaign.soldOutTotal === campaign.totalCoupons) return
    try {
      await this.#ledger.markSoldOut(campaign, campaign.totalCoupons)
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error
    }
  }

  #drawId(): string {
    const bytes = new Uint8Array(ID_LENGTH)
    this.#randomness.fill(bytes)
    // 256 is a multiple of 32: no character is favoured.
    return Array.from(bytes, (byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join('')
  }
}

type Refusal = Exclude<ChangeAnswer, { code: 'ready' }>

/** Changes it, or says why not. What stays the same is no change: nothing is written, the version stands. */
async function changeLocked(
  locked: LockedLedger,
  id: string,
  change: CampaignChange,
  by: Author,
): Promise<Refusal | null> {
  const now = locked.campaigns.get(id)
  if (now === undefined) return { code: 'campaign_not_found' }
  const totalCoupons = change.totalCoupons ?? now.totalCoupons
  const next: Campaign = {
    ...now,
    name: change.name ?? now.name,
    startTimeMs: change.startTimeMs === 'now' ? locked.nowMs : (change.startTimeMs ?? now.startTimeMs),
    endTimeMs: change.endTimeMs === undefined ? now.endTimeMs : change.endTimeMs,
    totalCoupons,
    paused: change.paused ?? now.paused,
    recipientRequired: change.recipientRequired ?? now.recipientRequired,
    codeFormat:
      change.codeFormat === undefined ? now.codeFormat : codeFormatOf(change.codeFormat, totalCoupons, now.test),
    metadata: change.metadata ?? now.metadata,
  }
  if (isDeepStrictEqual(next, now)) return null
  // Opened again, it would give out anew what was given out before.
  if ((await deletionOf(locked, now)) !== null) return { code: 'campaign_not_found' }

  // Only what this change touches: a rule that became stricter must not keep an older campaign from being paused.
  const misfits: Misfit[] = []
  if (next.startTimeMs !== now.startTimeMs || next.endTimeMs !== now.endTimeMs) {
    misfits.push(...timesMisfits(next, change.endTimeMs === undefined ? '/start_time' : '/end_time'))
  }
  if (totalCoupons > now.totalCoupons || !isDeepStrictEqual(next.codeFormat, now.codeFormat)) {
    misfits.push(...formatMisfits(next, change.codeFormat !== undefined))
  }
  if (misfits.length > 0) return { code: 'misfit', misfits }

  const [maxSlot] = await locked.maxSlots([id])
  if (maxSlot === undefined) throw new Error('the ledger told no highest slot')
  if (maxSlot > 0) {
    const fields = fixedByCoupons(now, next)
    if (fields.length > 0) return { code: 'campaign_has_coupons', fields }
  }
  if (totalCoupons < now.totalCoupons && totalCoupons < maxSlot)
    return { code: 'total_below_issued', lowestTotal: maxSlot }

  const changed = { ...next, version: now.version + 1 }
  await locked.updateCampaign(changed)
  await locked.noteChange({
    by,
    action: 'campaign.changed',
    campaignId: id,
    before: campaignFacts(now),
    after: campaignFacts(changed),
  })
  return null
}

/** What is not there was not changed either: that it is missing is told first. */
function wasSeen(campaign: Campaign | undefined, seen: readonly CampaignVersion[] | null): boolean {
  if (campaign === undefined || seen === null) return true
  return seen.some(({ createdAtMs, version }) => createdAtMs === campaign.createdAtMs && version === campaign.version)
}

async function beginDelete(
  locked: LockedLedger,
  id: string,
  by: Author,
  seen: readonly CampaignVersion[] | null,
): Promise<
  | 'deleted'
  | 'campaign_not_found'
  | 'campaign_changed'
  | 'campaign_has_coupons'
  | { readonly campaign: Campaign; readonly afterSlot: number }
> {
  const campaign = locked.campaigns.get(id)
  if (campaign === undefined) return 'campaign_not_found'
  if (!wasSeen(campaign, seen)) return 'campaign_changed'
  const [maxSlot] = await locked.maxSlots([id])
  if (maxSlot !== 0 && !campaign.test) return 'campaign_has_coupons'
  const afterSlot = await biteFirst(locked, campaign, by)
  return afterSlot === null ? 'deleted' : { campaign, afterSlot }
}

/** What somebody who has a coupon relied on. */
function fixedByCoupons(now: Campaign, next: Campaign): string[] {
  const fields: string[] = []
  if (next.startTimeMs !== now.startTimeMs) fields.push('start_time')
  if (next.recipientRequired !== now.recipientRequired) fields.push('recipient_required')
  if (!isDeepStrictEqual(next.codeFormat, now.codeFormat)) fields.push('code_format')
  return fields
}

function timesMisfits(
  times: Pick<Campaign, 'startTimeMs' | 'endTimeMs'>,
  pointer: '/start_time' | '/end_time',
): Misfit[] {
  const fits = times.endTimeMs === null || times.endTimeMs > times.startTimeMs
  return fits ? [] : [{ pointer, detail: 'end_time must be later than start_time' }]
}

/** @param sentFormat when only the total was sent, it is the total that does not fit */
function formatMisfits(
  { codeFormat, totalCoupons, test }: Pick<Campaign, 'codeFormat' | 'totalCoupons' | 'test'>,
  sentFormat: boolean,
): Misfit[] {
  const flaw = codeFormatFlaw(codeFormat, totalCoupons, test)
  if (flaw === null) return []
  const { field, detail } = flaw
  if (sentFormat) return [{ pointer: `/code_format/${field}`, detail }]
  return [
    { pointer: '/total_coupons', detail: `is too many for the codes of this campaign: code_format.${field} ${detail}` },
  ]
}

/** "now" is wished again when the campaign began in the moment it was made. */
function isAsWished(
  campaign: Campaign,
  wished: Pick<
    Campaign,
    'name' | 'endTimeMs' | 'totalCoupons' | 'paused' | 'recipientRequired' | 'test' | 'codeFormat' | 'metadata'
  > & {
    readonly startTimeMs: number | null
  },
): boolean {
  const { name, endTimeMs, totalCoupons, paused, recipientRequired, test, codeFormat, metadata } = campaign
  const startTimeMs =
    wished.startTimeMs === null && campaign.startTimeMs === campaign.createdAtMs ? null : campaign.startTimeMs
  const had = { name, startTimeMs, endTimeMs, totalCoupons, paused, recipientRequired, test, codeFormat, metadata }
  return isDeepStrictEqual(had, wished)
}

function viewOf(campaign: Campaign, issuedCount: number, nowMs: number): CampaignView {
  return { campaign, issuedCount, status: campaignStatus(campaign, nowMs, issuedCount), nowMs }
}

async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof LedgerUnavailable)) throw error
    throw new Fault('unavailable', 'the ledger did not answer', { cause: error })
  }
}
