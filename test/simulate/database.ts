// The database that all simulated servers share: committed rows, transactions, and who has to wait for whom. As MySQL does it
// (ledger/mysql/record.sql): a statement that inserts holds a share of its campaigns until it ends, and passes over those
// that somebody holds; a lock waits for all shares. It passes the contract of the real ledgers.

import type { Campaign, CampaignIdentity, CampaignState } from '../../src/campaign/campaign.ts'
import { hasEnded, isSameCampaign } from '../../src/campaign/campaign.ts'
import type { Change, ChangePage, NewChange } from '../../src/ledger/changes.ts'
import type { Coupon, NewCampaign, NewCoupon, ReadAnswer, ReadQuery } from '../../src/ledger/ledger.ts'
import type { RecordAnswer, SegmentCount, SlotRange } from '../../src/ledger/ledger.ts'
import { SEGMENT_SLOTS } from '../../src/ledger/ledger.ts'
import { CouponTable, segmentCounts, UNIQUE_KEYS, type Filled, type UniqueKey } from './coupon-table.ts'

/** Somebody else's transaction must end first: the same again then. */
export const BLOCKED = Symbol('blocked')
export type Blocked = typeof BLOCKED

export class Transaction {
  readonly shares = new Set<string>()
  readonly locks = new Set<string>()
  /** Not committed: only it sees these. null: deleted. */
  readonly campaigns = new Map<string, Campaign | null>()
  readonly inserted: Coupon[] = []
  readonly deleted = new Set<Coupon>()
  /** Their recipients. */
  readonly erased = new Set<Coupon>()
  readonly changes: Change[] = []
  /** Of its first statement: what waits keeps the time at which it began. */
  beganAtMs: number | null = null
  isEnded = false
}

interface Commit {
  /** Campaigns that it changed, as they were. */
  readonly before: readonly Campaign[]
  readonly rows: readonly Coupon[]
  readonly changes: readonly Change[]
}

export interface Watcher {
  /** A statement that inserts met a row with the same key. */
  duplicated(key: UniqueKey, isLocked: boolean): void
  /** Rows that have just become durable, of a campaign as it is. */
  committed(rows: readonly Coupon[], campaign: Campaign): void
  /** A failover lost what was committed last. */
  lost(): void
}

export class SimDatabase {
  readonly nowMs: () => number
  readonly #watcher: Watcher
  readonly #campaigns = new Map<string, Campaign>()
  readonly #tables = new Map<string, CouponTable>()
  readonly #active = new Set<Transaction>()
  readonly #waitingForLock = new Map<string, number>()
  #deletedUpToMs = 0
  #changes: readonly Change[] = []
  #lastChangeId = 0
  #lastCommits: Commit[] = []
  /** Called when a transaction ended: whoever was blocked may try again. */
  onReleased: () => void = () => {}

  constructor(nowMs: () => number, watcher: Watcher = { duplicated: () => {}, committed: () => {}, lost: () => {} }) {
    this.nowMs = nowMs
    this.#watcher = watcher
  }

  begin(): Transaction {
    const transaction = new Transaction()
    this.#active.add(transaction)
    return transaction
  }

  /** → false: it had ended before, nothing of it stands. */
  commit(transaction: Transaction): boolean {
    if (transaction.isEnded) return false
    const before = [...transaction.campaigns.keys()].flatMap((id) => this.#campaigns.get(id) ?? [])
    for (const [id, campaign] of transaction.campaigns) {
      if (campaign === null) this.#deleteCampaign(id)
      else this.#campaigns.set(id, campaign)
    }
    for (const row of transaction.deleted) this.table(row.campaignId).delete(row)
    for (const row of transaction.inserted) this.table(row.campaignId).insert(row)
    for (const row of transaction.erased) this.table(row.campaignId).insert({ ...row, recipient: null })
    const { changes } = transaction
    this.#changes = [...this.#changes, ...changes]
    const isDeletion =
      transaction.deleted.size + transaction.erased.size > 0 || [...transaction.campaigns.values()].includes(null)
    // A deletion is not taken back: nothing is kept of what was deleted.
    this.#lastCommits = isDeletion
      ? []
      : [...this.#lastCommits.slice(-4), { before, rows: transaction.inserted, changes }]
    for (const [id, rows] of Map.groupBy(transaction.inserted, (row) => row.campaignId)) {
      const campaign = this.#campaigns.get(id)
      if (campaign !== undefined) this.#watcher.committed(rows, campaign)
    }
    this.#end(transaction)
    return true
  }

  rollback(transaction: Transaction): void {
    if (!transaction.isEnded) this.#end(transaction)
  }

  /** Another server takes over: what is open is gone, and so are the last commits. */
  failOver(commitsLost: number): void {
    for (const transaction of this.#active) this.#end(transaction)
    const lost = this.#lastCommits.splice(Math.max(0, this.#lastCommits.length - commitsLost)).reverse()
    for (const { before, rows, changes } of lost) {
      this.#changes = this.#changes.filter((change) => !changes.includes(change))
      for (const row of rows) this.table(row.campaignId).delete(row)
      for (const campaign of before) this.#campaigns.set(campaign.id, campaign)
    }
    if (commitsLost > 0) this.#watcher.lost()
  }

  #end(transaction: Transaction): void {
    transaction.isEnded = true
    this.#active.delete(transaction)
    this.onReleased()
  }

  // Locks

  /** Waits its turn: from now on statements that insert pass over these campaigns. */
  queueForLock(ids: readonly string[]): void {
    for (const id of ids) this.#waitingForLock.set(id, (this.#waitingForLock.get(id) ?? 0) + 1)
  }

  leaveQueue(ids: readonly string[]): void {
    for (const id of ids) this.#waitingForLock.set(id, (this.#waitingForLock.get(id) ?? 1) - 1)
  }

  /** All of them, or none and BLOCKED. Of what is not there nothing is locked. */
  lock(ids: readonly string[]): Transaction | Blocked {
    for (const other of this.#active) {
      for (const id of ids) if (other.shares.has(id) || other.locks.has(id)) return BLOCKED
    }
    const transaction = this.begin()
    for (const id of ids) if (this.#campaigns.has(id)) transaction.locks.add(id)
    return transaction
  }

  #isHeld(id: string, by: Transaction): boolean {
    if ((this.#waitingForLock.get(id) ?? 0) > 0 && !by.locks.has(id)) return true
    for (const other of this.#active) if (other !== by && other.locks.has(id)) return true
    return false
  }

  // Campaigns

  campaign(id: string, by?: Transaction): Campaign | undefined {
    const own = by?.campaigns.get(id)
    if (own !== undefined) return own ?? undefined
    return this.#campaigns.get(id)
  }

  allCampaigns(): Campaign[] {
    return [...this.#campaigns.values()]
  }

  createCampaign(
    { startTimeMs, ...wish }: NewCampaign,
    { filled, note }: { filled?: Filled; note?: ((created: Campaign) => NewChange) | undefined } = {},
  ): { created: boolean; campaign: Campaign } | Blocked {
    for (const other of this.#active) if (other.locks.has(wish.id)) return BLOCKED
    const existing = this.#campaigns.get(wish.id)
    if (existing !== undefined) return { created: false, campaign: existing }
    const nowMs = this.nowMs()
    // Within a millisecond of a deletion, too, it must not be taken for the old one of its id.
    const createdAtMs = Math.max(nowMs, this.#deletedUpToMs + 1)
    const own = { version: 1, soldOutTotal: null, createdAtMs, updatedAtMs: createdAtMs }
    const campaign: Campaign = { ...structuredClone(wish), startTimeMs: startTimeMs ?? createdAtMs, ...own }
    if (note !== undefined) this.#changes = [...this.#changes, this.changeOf(note(campaign))]
    this.#campaigns.set(wish.id, campaign)
    if (filled !== undefined) this.#tables.set(wish.id, new CouponTable(wish.id, filled))
    return { created: true, campaign }
  }

  /** Without a transaction: in one of its own. */
  markSoldOut(of: CampaignIdentity, total: number, within?: Transaction): void | Blocked {
    for (const other of this.#active) {
      if (other !== within && (other.shares.has(of.id) || other.locks.has(of.id))) return BLOCKED
    }
    const by = within ?? this.begin()
    const campaign = this.campaign(of.id, by)
    if (campaign !== undefined && isSameCampaign(campaign, of) && campaign.totalCoupons === total)
      by.campaigns.set(of.id, { ...campaign, soldOutTotal: total })
    if (within === undefined) this.commit(by)
  }

  updateCampaign(campaign: Campaign, by: Transaction): void {
    const { createdAtMs, test, soldOutTotal } = this.campaign(campaign.id, by) ?? campaign
    if (createdAtMs !== campaign.createdAtMs) return
    by.campaigns.set(campaign.id, { ...campaign, createdAtMs, test, soldOutTotal, updatedAtMs: this.nowMs() })
  }

  #deleteCampaign(id: string): void {
    this.#deletedUpToMs = Math.max(this.#deletedUpToMs, this.#campaigns.get(id)?.createdAtMs ?? 0, this.nowMs())
    this.#campaigns.delete(id)
    this.#tables.delete(id)
  }

  // Changes

  changeOf(change: NewChange): Change {
    return { ...structuredClone(change), id: ++this.#lastChangeId, atMs: this.nowMs() }
  }

  listChanges({ limit, beforeId, campaignId, client, action }: ChangePage, by?: Transaction): Change[] {
    return [...this.#changes, ...(by?.changes ?? [])]
      .filter((change) => beforeId === null || change.id < beforeId)
      .filter((change) => campaignId === null || change.campaignId === campaignId)
      .filter((change) => client === null || change.by.client === client)
      .filter((change) => action === null || change.action === action)
      .sort((a, b) => b.id - a.id)
      .slice(0, limit)
  }

  // Coupons

  eraseRecipient(campaignIds: readonly string[], recipientKey: string, by: Transaction): number {
    const rows = campaignIds
      .map((id) => this.find(id, 'recipientKey', recipientKey, by))
      .filter((row) => row !== undefined && row.recipient !== null)
    for (const row of rows) by.erased.add(row as Coupon)
    return rows.length
  }

  table(campaignId: string): CouponTable {
    let table = this.#tables.get(campaignId)
    if (table === undefined) {
      table = new CouponTable(campaignId)
      this.#tables.set(campaignId, table)
    }
    return table
  }

  find(campaignId: string, key: UniqueKey, value: string | number | null, by?: Transaction): Coupon | undefined {
    const row = this.table(campaignId).find(key, value)
    if (by === undefined) return row
    const isVisible = row !== undefined && !by.deleted.has(row) && by.campaigns.get(campaignId) !== null
    const own = by.inserted.find((own) => own.campaignId === campaignId && own[key] === value)
    return isVisible ? row : own
  }

  read(query: ReadQuery, by?: Transaction): ReadAnswer {
    const campaigns = new Map<string, CampaignState>()
    for (const id of query.campaignIds) {
      const campaign = this.campaign(id, by)
      if (campaign !== undefined) campaigns.set(id, stateOf(campaign))
    }
    const coupons = [
      ...query.requestKeys.map(({ campaignId, key }) => this.find(campaignId, 'requestKey', key, by)),
      ...query.recipientKeys.map(({ campaignId, key }) => this.find(campaignId, 'recipientKey', key, by)),
      ...query.slots.map(({ campaignId, slot }) => this.find(campaignId, 'slot', slot, by)),
    ]
    return { nowMs: this.nowMs(), campaigns, coupons: coupons.filter((coupon) => coupon !== undefined) }
  }

  /**
   * Inserts what the guard lets pass, into the transaction. BLOCKED: a key is being written by another one; it waits with its
   * shares, and goes on with the campaigns and the time it began with.
   */
  record(rows: readonly NewCoupon[], by: Transaction): RecordAnswer | Blocked {
    by.beganAtMs ??= this.nowMs()
    const nowMs = by.locks.size > 0 ? this.nowMs() : by.beganAtMs
    const seen = rows.filter(({ campaignId }) => by.shares.has(campaignId) || !this.#isHeld(campaignId, by))
    for (const { campaignId } of seen) if (this.#campaigns.has(campaignId)) by.shares.add(campaignId)
    const passing = seen.filter((row) => this.#passes(row, nowMs, by))
    if (passing.some(isInvalid)) return { status: 'invalid' }
    const taken = new Set<string>()
    let isBlocked = false
    for (const row of passing) {
      for (const key of UNIQUE_KEYS) {
        if (row[key] === null) continue
        const name = `${row.campaignId}/${key}/${row[key]}`
        if (taken.has(name) || this.find(row.campaignId, key, row[key], by) !== undefined) {
          this.#watcher.duplicated(key, by.locks.has(row.campaignId))
          return { status: 'duplicate' }
        }
        taken.add(name)
        for (const other of this.#active) {
          if (other === by || !other.shares.has(row.campaignId)) continue
          if (other.inserted.some((of) => of.campaignId === row.campaignId && of[key] === row[key])) isBlocked = true
        }
      }
    }
    if (isBlocked) return BLOCKED
    for (const { campaignCreatedAtMs: _, campaignVersion: __, ...row } of passing) {
      by.inserted.push(row)
    }
    return { status: 'recorded', count: passing.length }
  }

  #passes(row: NewCoupon, nowMs: number, by: Transaction): boolean {
    const campaign = this.campaign(row.campaignId, by)
    if (campaign === undefined || campaign.createdAtMs !== row.campaignCreatedAtMs) return false
    if (campaign.version !== row.campaignVersion || campaign.paused) return false
    if (campaign.startTimeMs > Math.min(row.issuedAtMs, nowMs)) return false
    if (hasEnded(campaign, Math.max(row.issuedAtMs, nowMs))) return false
    return row.slot >= 1 && row.slot <= campaign.totalCoupons
  }

  maxSlots(ids: readonly string[], by?: Transaction): number[] {
    return ids.map((id) => {
      const own = by?.inserted.filter(({ campaignId }) => campaignId === id).map(({ slot }) => slot) ?? []
      const committed = hasDeleted(by) ? Math.max(0, ...this.#slots(id, EVERYTHING, by)) : this.table(id).maxSlot()
      return Math.max(committed, ...own)
    })
  }

  countSegments(id: string, ranges: readonly SlotRange[], by?: Transaction): SegmentCount[] {
    const counts = this.table(id).countIn(ranges)
    const change = (rows: Iterable<Coupon>, one: number) => {
      for (const { campaignId, slot } of rows) {
        if (campaignId !== id || !ranges.some(({ from, to }) => slot >= from && slot <= to)) continue
        const segment = Math.floor((slot - 1) / SEGMENT_SLOTS)
        counts.set(segment, (counts.get(segment) ?? 0) + one)
      }
    }
    change(by?.inserted ?? [], 1)
    change(by?.deleted ?? [], -1)
    return segmentCounts(counts)
  }

  takenSlots(id: string, range: SlotRange, by?: Transaction): number[] {
    return this.#slots(id, range, by)
  }

  #slots(id: string, range: SlotRange, by?: Transaction): number[] {
    const own = by?.inserted.filter((row) => row.campaignId === id).map((row) => row.slot) ?? []
    const gone = new Set([...(by?.deleted ?? [])].filter((row) => row.campaignId === id).map((row) => row.slot))
    const all = [
      ...this.table(id)
        .slotsIn(range)
        .filter((slot) => !gone.has(slot)),
      ...own,
    ]
    return all.filter((slot) => slot >= range.from && slot <= range.to).sort((a, b) => a - b)
  }
}

/** No rows are filled in where rows are deleted. */
const EVERYTHING: SlotRange = { from: 1, to: 2_147_483_647 }

function hasDeleted(transaction: Transaction | undefined): boolean {
  return transaction !== undefined && transaction.deleted.size > 0
}

function stateOf({
  name: _,
  test: __,
  metadata: ___,
  soldOutTotal: ____,
  updatedAtMs: _____,
  ...state
}: Campaign): CampaignState {
  return { ...state }
}

/** What the columns refuse. */
function isInvalid({ couponCode, recipient, requestKey, recipientKey }: NewCoupon): boolean {
  const isKey = (key: string) => /^[0-9a-f]{32}$/.test(key)
  if (Array.from(couponCode).length > 64 || !isKey(requestKey) || (recipientKey !== null && !isKey(recipientKey)))
    return true
  return (
    recipient !== null && (recipientKey === null || Array.from(recipient).length > 255 || !recipient.isWellFormed())
  )
}
