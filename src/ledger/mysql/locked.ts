// The ledger while its campaigns are locked: one transaction on one connection.

import type { Campaign, CampaignIdentity } from '../../campaign/campaign.ts'
import { LedgerUnavailable } from '../ledger.ts'
import type { Change, ChangePage, NewChange } from '../changes.ts'
import type * as Port from '../ledger.ts'
import { insertChange, listChanges } from './changes.ts'
import type { Row, SqlValue, Statements } from './connection.ts'
import { DELETE_ROWS_MAX } from './limits.ts'
import { clockOf, countSegments, markSoldOut, maxSlots, read, record, takenSlots } from './queries.ts'
import { isId, sqlTime, int, toCampaign } from './rows.ts'
import * as sql from './statements.ts'

/**
 * The first statement of the transaction: it reads what is there now and waits for every INSERT of the campaign. A plain
 * SELECT before it would fix what all the others see at a time when those INSERTs had not ended. One by one and in the
 * order of their ids, so that two who lock the same campaigns do not wait for each other.
 */
export async function lockCampaigns(
  connection: Statements,
  ids: readonly string[],
): Promise<{ campaigns: Map<string, Campaign>; nowMs: number }> {
  const campaigns = new Map<string, Campaign>()
  let nowMs: number | null = null
  for (const id of [...new Set(ids)].filter(isId).sort()) {
    const [row] = await connection.select(sql.LOCK_CAMPAIGN, [id])
    if (row === undefined) continue
    campaigns.set(id, toCampaign(row))
    nowMs = int(row, 'now')
  }
  return { campaigns, nowMs: nowMs ?? (await clockOf(connection)) }
}

/**
 * A connection until its transaction ends. After a deadlock the server has let go of the lock, and after COMMIT so have
 * we: a statement that came then would run without the lock, and begin a transaction that nobody ends.
 */
export class Transaction implements Statements {
  readonly #connection: Statements
  #ended: LedgerUnavailable | null = null

  constructor(connection: Statements) {
    this.#connection = connection
  }

  get dialect(): Statements['dialect'] {
    return this.#connection.dialect
  }

  select(sql: string, values: readonly SqlValue[]): Promise<Row[]> {
    return this.#run((connection) => connection.select(sql, values))
  }

  selectText(sql: string, values: readonly SqlValue[]): Promise<Row[]> {
    return this.#run((connection) => connection.selectText(sql, values))
  }

  write(sql: string, values: readonly SqlValue[]): Promise<number> {
    return this.#run((connection) => connection.write(sql, values))
  }

  /** Takes no statement from now on. Returns what ended it before, for `work` may not have passed it on. */
  end(): LedgerUnavailable | null {
    const ended = this.#ended
    this.#ended ??= new LedgerUnavailable('the lock has ended', { mayBeWritten: false })
    return ended
  }

  async #run<T>(statement: (connection: Statements) => Promise<T>): Promise<T> {
    if (this.#ended !== null) throw this.#ended
    try {
      return await statement(this.#connection)
    } catch (error) {
      if (error instanceof LedgerUnavailable) this.#ended ??= error
      throw error
    }
  }
}

export class LockedMysqlLedger implements Port.LockedLedger {
  readonly #transaction: Statements
  readonly campaigns: ReadonlyMap<string, Campaign>
  readonly nowMs: number

  constructor(transaction: Statements, campaigns: ReadonlyMap<string, Campaign>, nowMs: number) {
    this.#transaction = transaction
    this.campaigns = campaigns
    this.nowMs = nowMs
  }

  read(query: Port.ReadQuery): Promise<Port.ReadAnswer> {
    return read(this.#transaction, query)
  }

  record(rows: readonly Port.NewCoupon[]): Promise<Port.RecordAnswer> {
    return record(this.#transaction, rows)
  }

  maxSlots(campaignIds: readonly string[]): Promise<number[]> {
    return maxSlots(this.#transaction, campaignIds)
  }

  countSegments(campaignId: string, ranges: readonly Port.SlotRange[]): Promise<Port.SegmentCount[]> {
    return countSegments(this.#transaction, campaignId, ranges)
  }

  takenSlots(campaignId: string, range: Port.SlotRange): Promise<number[]> {
    return takenSlots(this.#transaction, campaignId, range)
  }

  async updateCampaign(campaign: Campaign): Promise<void> {
    const changed = await this.#transaction.write(sql.UPDATE_CAMPAIGN, [
      campaign.name,
      sqlTime(campaign.startTimeMs),
      campaign.totalCoupons,
      campaign.endTimeMs === null ? null : sqlTime(campaign.endTimeMs),
      Number(campaign.paused),
      Number(campaign.recipientRequired),
      JSON.stringify(campaign.codeFormat),
      JSON.stringify(campaign.metadata),
      campaign.version,
      campaign.id,
      sqlTime(campaign.createdAtMs),
    ])
    if (changed !== 1) throw new Error(`campaign ${campaign.id} cannot be changed: it is not there`)
  }

  markSoldOut(campaign: CampaignIdentity, total: number): Promise<void> {
    return markSoldOut(this.#transaction, campaign, total)
  }

  async deleteCoupons(campaignId: string, afterSlot: number): Promise<number | null> {
    const rows = await this.#transaction.selectText(sql.SLOTS_PAGE, [campaignId, afterSlot, DELETE_ROWS_MAX])
    const slots = rows.map((row) => int(row, 'slot'))
    if (slots.length > 0) await this.#transaction.write(sql.DELETE_SLOTS, [JSON.stringify(slots), campaignId])
    return slots.at(-1) ?? null
  }

  async deleteCampaign(campaignId: string): Promise<void> {
    let slot: number | null = 0
    while (slot !== null) slot = await this.deleteCoupons(campaignId, slot)
    await this.#transaction.write(sql.DELETE_CAMPAIGN, [campaignId])
  }

  async eraseRecipient(campaignIds: readonly string[], recipientKey: string): Promise<number> {
    const recipientKeys = campaignIds.map((campaignId) => ({ campaignId, key: recipientKey }))
    const { coupons } = await this.read({ campaignIds: [], requestKeys: [], recipientKeys, slots: [] })
    let count = 0
    for (const { campaignId, recipient } of coupons) {
      if (recipient !== null) count += await this.#transaction.write(sql.ERASE_RECIPIENT, [campaignId, recipientKey])
    }
    return count
  }

  noteChange(change: NewChange): Promise<void> {
    return insertChange(this.#transaction, change)
  }

  listChanges(page: ChangePage): Promise<Change[]> {
    return listChanges(this.#transaction, page)
  }
}
