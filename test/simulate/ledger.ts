// The ledger port over a wire to the simulated database. One for each server.

import type { Campaign, CampaignIdentity } from '../../src/campaign/campaign.ts'
import { campaignStatus } from '../../src/campaign/campaign.ts'
import type { Change, ChangePage, NewChange } from '../../src/ledger/changes.ts'
import type * as Port from '../../src/ledger/ledger.ts'
import { LedgerUnavailable } from '../../src/ledger/ledger.ts'
import { BLOCKED, type SimDatabase, type Transaction } from './database.ts'
import { Sometimes } from './sometimes.ts'
import { WireError, type Statement, type Wire } from './wire.ts'

/** Deleted by one statement, and exported at once: few, so that tests see several. */
const DELETE_ROWS_MAX = 1_000
const EXPORT_ROWS = 500

interface Granted {
  readonly transaction: Transaction
  readonly nowMs: number
  readonly campaigns: ReadonlyMap<string, Campaign>
}

export class SimLedger implements Port.Ledger {
  readonly lockScope: 'campaign' | 'database'
  generation = 0
  /** A server's own impression. */
  isAway = false
  /** Begun with a lock and not ended: they end with the connections of this server. */
  readonly transactions = new Set<Transaction>()
  readonly #database: SimDatabase
  readonly #wire: Wire
  #isClosed = false

  readonly #saw: Sometimes

  constructor(
    database: SimDatabase,
    wire: Wire,
    lockScope: 'campaign' | 'database' = 'campaign',
    saw: Sometimes = new Sometimes(),
  ) {
    this.#database = database
    this.#wire = wire
    this.lockScope = lockScope
    this.#saw = saw
  }

  read(query: Port.ReadQuery): Promise<Port.ReadAnswer> {
    return this.#ask('read', () => this.#database.read(query))
  }

  async record(rows: readonly Port.NewCoupon[]): Promise<Port.RecordAnswer> {
    let transaction: Transaction | null = null
    return this.#send(true, {
      name: 'record',
      run: () => {
        transaction ??= this.#database.begin()
        this.#inTransaction(transaction)
        const answer = this.#database.record(rows, transaction)
        if (answer === BLOCKED) return answer
        this.#saw.count(`record: ${shown(answer, rows.length)}`)
        if (answer.status !== 'recorded') {
          this.#database.rollback(transaction)
          transaction = null
        }
        return answer
      },
      finish: () => {
        if (transaction !== null) this.#commit(transaction)
      },
      // It waited, and was refused or given up.
      onOrphaned: () => {
        if (transaction !== null) this.#database.rollback(transaction)
      },
    })
  }

  async lock<T>(ids: readonly string[], work: (locked: Port.LockedLedger) => Promise<T>): Promise<T> {
    const database = this.#database
    let isQueued = false
    const granted = await this.#send<Granted>(false, {
      name: 'lock',
      run: () => {
        if (isQueued) database.leaveQueue(ids)
        const transaction = database.lock(ids)
        isQueued = transaction === BLOCKED
        if (transaction !== BLOCKED) {
          this.transactions.add(transaction)
          // By the statement that locks: what is made while its answer is on the way was not there to be locked.
          const campaigns = new Map<string, Campaign>()
          for (const id of ids) {
            const campaign = database.campaign(id, transaction)
            if (campaign !== undefined) campaigns.set(id, { ...campaign })
          }
          return { transaction, nowMs: database.nowMs(), campaigns }
        }
        database.queueForLock(ids)
        return BLOCKED
      },
      onOrphaned: (result) => {
        if (isQueued) database.leaveQueue(ids)
        isQueued = false
        if (result !== null) database.rollback(result.transaction)
        else database.onReleased()
      },
    })
    const { transaction } = granted
    try {
      const result = await work(this.#locked(ids, granted))
      await this.#send(true, {
        name: 'commit',
        run: () => this.#inTransaction(transaction),
        finish: () => this.#commit(transaction),
        onOrphaned: () => database.rollback(transaction),
      })
      return result
    } catch (error) {
      // However it ended: the server notices at once, or when the connection is gone.
      await this.#wire
        .send({
          name: 'rollback',
          run: () => database.rollback(transaction),
          onOrphaned: () => database.rollback(transaction),
        })
        .catch(() => {})
      throw error
    } finally {
      this.transactions.delete(transaction)
    }
  }

  #locked(ids: readonly string[], { transaction, nowMs, campaigns }: Granted): Port.LockedLedger {
    const database = this.#database
    const ask = <T>(name: string, run: () => T) =>
      this.#send<T>(false, {
        name,
        run: () => {
          this.#inTransaction(transaction)
          return run()
        },
        onOrphaned: () => database.rollback(transaction),
      })
    return {
      campaigns,
      nowMs,
      read: (query) =>
        ask('read, locked', () => {
          const answer = database.read(query, transaction)
          if (answer.coupons.length > 0) this.#saw.count('locked: the second look-up finds a coupon')
          return answer
        }),
      record: (rows) =>
        ask('record, locked', () => {
          const highest = new Map(ids.map((id) => [id, database.maxSlots([id], transaction)[0] ?? 0]))
          const answer = database.record(rows, transaction)
          if (answer === BLOCKED) throw new Error('somebody writes into a campaign that is locked')
          this.#saw.count(`locked: ${shown(answer, rows.length)}`)
          const gaps = rows.filter(({ campaignId, slot }) => slot < (highest.get(campaignId) ?? 0))
          if (gaps.length > 0) this.#saw.count('locked: gaps are filled', gaps.length)
          return answer
        }),
      maxSlots: (of) => ask('maxSlots, locked', () => database.maxSlots(of, transaction)),
      countSegments: (id, ranges) =>
        ask('countSegments, locked', () => database.countSegments(id, ranges, transaction)),
      takenSlots: (id, range) => ask('takenSlots, locked', () => database.takenSlots(id, range, transaction)),
      updateCampaign: (campaign) => ask('updateCampaign', () => database.updateCampaign(campaign, transaction)),
      markSoldOut: (campaign, total) =>
        ask('markSoldOut, locked', () => void database.markSoldOut(campaign, total, transaction)),
      deleteCoupons: (id, afterSlot) => ask('deleteCoupons', () => deleteCoupons(database, id, afterSlot, transaction)),
      deleteCampaign: (id) =>
        ask('deleteCampaign', () => {
          while (deleteCoupons(database, id, 0, transaction) !== null);
          transaction.campaigns.set(id, null)
        }),
      eraseRecipient: (of, key) => ask('eraseRecipient', () => database.eraseRecipient(of, key, transaction)),
      noteChange: (change) => ask('noteChange', () => void transaction.changes.push(database.changeOf(change))),
      listChanges: (page) => ask('listChanges, locked', () => database.listChanges(page, transaction)),
    }
  }

  createCampaign(
    campaign: Port.NewCampaign,
    note?: (created: Campaign) => NewChange,
  ): Promise<{ created: boolean; campaign: Campaign }> {
    return this.#send(false, { name: 'createCampaign', run: () => this.#database.createCampaign(campaign, { note }) })
  }

  listChanges(page: ChangePage): Promise<Change[]> {
    return this.#ask('listChanges', () => this.#database.listChanges(page))
  }

  campaigns(ids: readonly string[]): Promise<{ nowMs: number; campaigns: Campaign[] }> {
    return this.#ask('campaigns', () => ({
      nowMs: this.#database.nowMs(),
      campaigns: [...new Set(ids)].flatMap((id) => this.#database.campaign(id) ?? []),
    }))
  }

  listCampaigns(page: Port.CampaignPage): Promise<{ nowMs: number; campaigns: Campaign[] }> {
    return this.#ask('listCampaigns', () => {
      const nowMs = this.#database.nowMs()
      const isAfter = ({ createdAtMs, id }: CampaignIdentity, { after } = page) =>
        after === null || createdAtMs < after.createdAtMs || (createdAtMs === after.createdAtMs && id < after.id)
      const campaigns = this.#database
        .allCampaigns()
        .filter((campaign) => isAfter(campaign) && isAskedFor(campaign, page, nowMs))
        .sort((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1))
      return { nowMs, campaigns: campaigns.slice(0, page.limit) }
    })
  }

  async markSoldOut(campaign: CampaignIdentity, total: number): Promise<void> {
    await this.#send(false, { name: 'markSoldOut', run: () => this.#database.markSoldOut(campaign, total) })
  }

  listCoupons(campaignId: string, { limit, afterSlot, order }: Port.CouponPage): Promise<Port.Coupon[]> {
    return this.#ask('listCoupons', () => {
      const rows = [...this.#database.table(campaignId).rows()].sort((a, b) => a.slot - b.slot)
      if (order === 'desc') rows.reverse()
      const isBeyond = (slot: number) => afterSlot === null || (order === 'asc' ? slot > afterSlot : slot < afterSlot)
      return rows.filter(({ slot }) => isBeyond(slot)).slice(0, limit)
    })
  }

  async exportCoupons(
    campaign: CampaignIdentity,
    take: (coupons: readonly Port.Coupon[]) => Promise<void>,
  ): Promise<boolean> {
    const rows = await this.#ask('exportCoupons', () => {
      if (this.#database.campaign(campaign.id)?.createdAtMs !== campaign.createdAtMs) return null
      return [...this.#database.table(campaign.id).rows()].sort((a, b) => a.slot - b.slot)
    })
    for (let from = 0; from < (rows?.length ?? 0); from += EXPORT_ROWS)
      await take(rows!.slice(from, from + EXPORT_ROWS))
    return rows !== null
  }

  couponByCode(campaignId: string, couponCode: string): Promise<Port.Coupon | null> {
    return this.#ask('couponByCode', () => this.#database.find(campaignId, 'couponCode', couponCode) ?? null)
  }

  maxSlots(ids: readonly string[]): Promise<number[]> {
    return this.#ask('maxSlots', () => this.#database.maxSlots(ids))
  }

  countSegments(id: string, ranges: readonly Port.SlotRange[]): Promise<Port.SegmentCount[]> {
    return this.#ask('countSegments', () => this.#database.countSegments(id, ranges))
  }

  takenSlots(id: string, range: Port.SlotRange): Promise<number[]> {
    return this.#ask('takenSlots', () => this.#database.takenSlots(id, range))
  }

  ping(): Promise<{ nowMs: number }> {
    return this.#ask('ping', () => ({ nowMs: this.#database.nowMs() }))
  }

  connections(): Port.PoolLoad[] {
    return []
  }

  async checkSettings(): Promise<Port.SettingWarning[]> {
    return []
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #ask<T>(name: string, run: () => T): Promise<T> {
    return this.#send(false, { name, run })
  }

  /** @param writes may what it does stand although nobody heard of it? */
  async #send<T>(writes: boolean, statement: Statement<T>): Promise<T> {
    if (this.#isClosed) throw new LedgerUnavailable('closed', { mayBeWritten: false })
    try {
      return await this.#wire.send(statement)
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      // Counted before anybody learns of the failure, as the real ones do.
      if (error.kind === 'lost') this.generation++
      throw new LedgerUnavailable(`${statement.name}: ${error.kind}`, { mayBeWritten: writes && error.kind === 'lost' })
    }
  }

  #commit(transaction: Transaction): void {
    if (!this.#database.commit(transaction)) throw new WireError('lost')
  }

  #inTransaction(transaction: Transaction): void {
    // The server ended it meanwhile: an idle connection, a failover.
    if (transaction.isEnded) throw new WireError('lost')
  }
}

function shown(answer: Port.RecordAnswer, rows: number): string {
  if (answer.status !== 'recorded') return answer.status
  return answer.count === rows ? 'all rows' : 'rows are passed over'
}

function deleteCoupons(database: SimDatabase, id: string, afterSlot: number, by: Transaction): number | null {
  const isThere = (slot: number) => {
    const row = database.find(id, 'slot', slot, by)
    return row !== undefined && !by.deleted.has(row) ? row : undefined
  }
  const rows = database
    .takenSlots(id, { from: afterSlot + 1, to: 2_147_483_647 }, by)
    .slice(0, DELETE_ROWS_MAX)
    .flatMap((slot) => isThere(slot) ?? [])
  for (const row of rows) {
    const own = by.inserted.indexOf(row)
    if (own === -1) by.deleted.add(row)
    else by.inserted.splice(own, 1)
  }
  return rows.at(-1)?.slot ?? null
}

function isAskedFor(campaign: Campaign, { test, status, text }: Port.CampaignFilter, nowMs: number): boolean {
  if (test !== 'all' && campaign.test !== (test === 'only')) return false
  const isHinted = campaign.soldOutTotal === campaign.totalCoupons
  if (status !== null && campaignStatus(campaign, nowMs, isHinted ? campaign.totalCoupons : 0) !== status) return false
  const upper = text?.toUpperCase() ?? ''
  return campaign.name.toUpperCase().includes(upper) || campaign.id.toUpperCase().includes(upper)
}
