// The ledger in MySQL (8.4 and newer) or MariaDB (10.11 and newer): one database that any number of servers share.
// The path of an issue runs on two statements, ledger/mysql/read.sql and record.sql; the schema is in migrations/mysql.

import type { KeyStore } from '../access/key-store.ts'
import type { Campaign, CampaignIdentity } from '../campaign/campaign.ts'
import { systemClock, type Clock } from '../host.ts'
import type { Change, ChangePage, NewChange } from './changes.ts'
import type * as Port from './ledger.ts'
import { insertChange, listChanges } from './mysql/changes.ts'
import { openConnections, type Connections } from './mysql/connections.ts'
import { MysqlKeyStore } from './mysql/keys.ts'
import { CREATE_TRIES_MAX, EXPORT_IDLE_MS, EXPORT_IDLE_S, EXPORT_ROWS } from './mysql/limits.ts'
import { LOCK_IDLE_MS, LOCK_IDLE_S, mysqlLimits, type MysqlLimits } from './mysql/limits.ts'
import { lockCampaigns, LockedMysqlLedger, Transaction } from './mysql/locked.ts'
import * as queries from './mysql/queries.ts'
import { isId, toCampaign, toCoupon } from './mysql/rows.ts'
import { settingWarnings } from './mysql/settings.ts'
import * as sql from './mysql/statements.ts'
import { parseMysqlUrl } from './mysql/url.ts'

export interface MysqlOptions {
  /** `mysql://user:password@host:3306/database`, see mysql/url.ts for its parameters. */
  readonly url: string
  readonly clock?: Clock
  readonly limits?: Partial<MysqlLimits>
  readonly log?: { warn(message: string): void }
}

/** Nothing is opened before it is needed. Throws BadMysqlUrl. */
export function openMysqlLedger({
  url,
  clock = systemClock,
  limits: given = {},
  log,
}: MysqlOptions): Port.Ledger & { readonly keyStore: KeyStore } {
  const limits = { ...mysqlLimits, ...given }
  const { connectMsMax, statementMsMax, lockWaitSMax, acquireMsMax } = limits
  return new MysqlLedger(
    openConnections({
      connection: { address: parseMysqlUrl(url), clock, connectMsMax, statementMsMax, lockWaitSMax },
      // These stay open: with none, a failover would pass unnoticed.
      path: { connectionsMax: limits.pathConnectionsMax, idleMsMax: null },
      side: { connectionsMax: limits.sideConnectionsMax, idleMsMax: null },
      list: { connectionsMax: limits.listConnectionsMax, idleMsMax: null },
      lock: { connectionsMax: limits.lockConnectionsMax, idleMsMax: LOCK_IDLE_MS, serverIdleSMax: LOCK_IDLE_S },
      export: { connectionsMax: limits.exportConnectionsMax, idleMsMax: EXPORT_IDLE_MS, serverIdleSMax: EXPORT_IDLE_S },
      acquireMsMax,
      warn: (what) => log?.warn(what),
    }),
  )
}

class MysqlLedger implements Port.Ledger {
  readonly lockScope = 'campaign'
  readonly keyStore: KeyStore
  readonly #connections: Connections

  constructor(connections: Connections) {
    this.#connections = connections
    this.keyStore = new MysqlKeyStore(connections, (work) => this.#inTransaction(work))
  }

  get generation(): number {
    return this.#connections.generation
  }

  get isAway(): boolean {
    return this.#connections.isAway
  }

  read(query: Port.ReadQuery): Promise<Port.ReadAnswer> {
    return this.#connections.use('path', (connection) => queries.read(connection, query))
  }

  record(rows: readonly Port.NewCoupon[]): Promise<Port.RecordAnswer> {
    return this.#connections.use('path', (connection) => queries.record(connection, rows))
  }

  lock<T>(campaignIds: readonly string[], work: (locked: Port.LockedLedger) => Promise<T>): Promise<T> {
    return this.#inTransaction(async (transaction) => {
      const { campaigns, nowMs } = await lockCampaigns(transaction, campaignIds)
      return work(new LockedMysqlLedger(transaction, campaigns, nowMs))
    })
  }

  #inTransaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#connections.use('lock', async (connection) => {
      const transaction = new Transaction(connection)
      try {
        const result = await work(transaction)
        const ended = transaction.end()
        if (ended !== null) throw ended
        await connection.commit()
        return result
      } catch (error) {
        transaction.end()
        // Not worth a word if it fails: without its connection the server rolls back, too.
        await connection.command('ROLLBACK').catch(() => connection.destroy())
        throw error
      }
    })
  }

  async createCampaign(
    campaign: Port.NewCampaign,
    note?: (created: Campaign) => NewChange,
  ): Promise<{ created: boolean; campaign: Campaign }> {
    for (let tried = 1; ; tried++) {
      const made = await this.#inTransaction(async (transaction) => {
        const created = await queries.insertCampaign(transaction, campaign)
        if (created !== null && note !== undefined) await insertChange(transaction, note(created))
        return created
      })
      if (made !== null) return { created: true, campaign: made }
      const [existing] = (await this.campaigns([campaign.id])).campaigns
      if (existing !== undefined) return { created: false, campaign: existing }
      if (tried === CREATE_TRIES_MAX) throw new Error('a campaign is created and deleted all the time')
    }
  }

  campaigns(ids: readonly string[]): Promise<{ nowMs: number; campaigns: Campaign[] }> {
    return this.#connections.use('side', async (connection) =>
      queries.withClock(connection, await queries.campaignRows(connection, ids)),
    )
  }

  listCampaigns(page: Port.CampaignPage): Promise<{ nowMs: number; campaigns: Campaign[] }> {
    const { text, values } = sql.campaignsPage(page)
    return this.#connections.use('list', async (connection) =>
      queries.withClock(connection, await connection.selectText(text, values)),
    )
  }

  listChanges(page: ChangePage): Promise<Change[]> {
    return this.#connections.use('list', (connection) => listChanges(connection, page))
  }

  async markSoldOut(campaign: CampaignIdentity, total: number): Promise<void> {
    await this.#connections.use('side', (connection) => queries.markSoldOut(connection, campaign, total))
  }

  async listCoupons(campaignId: string, { limit, afterSlot, order }: Port.CouponPage): Promise<Port.Coupon[]> {
    if (!isId(campaignId)) return []
    const values = [campaignId, ...(afterSlot === null ? [] : [afterSlot]), limit]
    return this.#connections.use('list', async (connection) =>
      (await connection.selectText(sql.couponsPage(afterSlot !== null, order), values)).map(toCoupon),
    )
  }

  exportCoupons(
    campaign: CampaignIdentity,
    take: (coupons: readonly Port.Coupon[]) => Promise<void>,
  ): Promise<boolean> {
    return this.#connections.use('export', async (connection) => {
      try {
        await connection.command('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY')
        const [row] = await queries.campaignRows(connection, [campaign.id])
        if (row === undefined || toCampaign(row).createdAtMs !== campaign.createdAtMs) return false
        const page = sql.couponsPage(true, 'asc')
        for (let afterSlot = 0; ;) {
          const coupons = (await connection.selectText(page, [campaign.id, afterSlot, EXPORT_ROWS])).map(toCoupon)
          const last = coupons.at(-1)
          if (last === undefined) return true
          await take(coupons)
          afterSlot = last.slot
        }
      } finally {
        // Not worth a word if it fails: without its connection the server ends the snapshot, too.
        await connection.command('ROLLBACK').catch(() => connection.destroy())
      }
    })
  }

  async couponByCode(campaignId: string, couponCode: string): Promise<Port.Coupon | null> {
    if (!isId(campaignId)) return null
    return this.#connections.use('side', async (connection) => {
      const [row] = await connection.select(sql.COUPON_BY_CODE, [campaignId, couponCode])
      return row === undefined ? null : toCoupon(row)
    })
  }

  maxSlots(campaignIds: readonly string[]): Promise<number[]> {
    return this.#connections.use('path', (connection) => queries.maxSlots(connection, campaignIds))
  }

  countSegments(campaignId: string, ranges: readonly Port.SlotRange[]): Promise<Port.SegmentCount[]> {
    return this.#connections.use('side', (connection) => queries.countSegments(connection, campaignId, ranges))
  }

  takenSlots(campaignId: string, range: Port.SlotRange): Promise<number[]> {
    return this.#connections.use('side', (connection) => queries.takenSlots(connection, campaignId, range))
  }

  ping(): Promise<{ nowMs: number }> {
    return this.#connections.use('side', async (connection) => ({ nowMs: await queries.clockOf(connection) }))
  }

  connections(): Port.PoolLoad[] {
    return this.#connections.load()
  }

  checkSettings(): Promise<Port.SettingWarning[]> {
    return this.#connections.use('side', settingWarnings)
  }

  close(): Promise<void> {
    return this.#connections.close()
  }
}
