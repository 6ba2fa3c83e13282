// The ledger in one file, for a single process that needs no server: exact, durable. Calls to SQLite are synchronous,
// so that what stands between two awaits is not interrupted by anybody.

import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import type { KeyStore } from '../access/key-store.ts'
import type { Campaign, CampaignIdentity } from '../campaign/campaign.ts'
import { systemClock } from '../host.ts'
import type { Clock } from '../host.ts'
import type { Change, ChangePage, NewChange } from './changes.ts'
import { LedgerUnavailable } from './ledger.ts'
import type { CampaignPage, Coupon, CouponPage, Ledger, LockedLedger, NewCampaign, NewCoupon } from './ledger.ts'
import type {
  PoolLoad,
  ReadAnswer,
  ReadQuery,
  RecordAnswer,
  SegmentCount,
  SettingWarning,
  SlotRange,
} from './ledger.ts'
import { SqliteChanges } from './sqlite/changes.ts'
import { asFault, closed, rowRefusal } from './sqlite/errors.ts'
import { existingFile, migrate, realFile, sureOfSchema, unusable } from './sqlite/file.ts'
import { SqliteKeys } from './sqlite/keys.ts'
import { holdFile } from './sqlite/lock.ts'
import { SqliteReads } from './sqlite/reads.ts'

export interface SqliteOptions {
  /** The file; its folder is made. ':memory:' keeps nothing. */
  readonly path: string
  readonly clock?: Pick<Clock, 'wallMs' | 'soon'>
  /**
   * `existing`: no file is made. `beside`: neither, and without becoming the owner, next to a server that may be it: for a
   * few short transactions. Nothing may be deleted so, for the owner's exports go by ids that SQLite would give away again.
   */
  readonly place?: 'existing' | 'beside'
}

/** How long SQLite blocks the whole process when another program (a backup, a shell) holds the file. */
const BUSY_MS_MAX = 250
/** Beside a server: it is never still in a sale, and nobody else waits for us. */
const BESIDE_BUSY_MS_MAX = 5_000
/** Coupons deleted before everybody else gets a turn. */
const DELETE_ROWS_MAX = 5_000
/** The write-ahead log may grow beyond it in a rush; after a checkpoint it is cut back to this. */
const LOG_BYTES_MAX = 64 * 1_024 * 1_024
/** Folding the log into the file costs two waits for the disk: at SQLite's own 1,000 pages a rush would pay it every batch. */
const CHECKPOINT_PAGES = 4_000
/** Room for the pages that a rush changes in four indexes in random order; SQLite's own 2 MiB would be read again and again. */
const CACHE_KIB = 32 * 1_024

const sql = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  record: `
    INSERT INTO coupons (campaign_id, coupon_code, slot, request_key, recipient, recipient_key, issued_at)
    SELECT c.id, r.value ->> 2, r.value ->> 3, unhex(r.value ->> 4), r.value ->> 5, unhex(r.value ->> 6), r.value ->> 7
    FROM json_each(:rows) AS r
    CROSS JOIN campaigns AS c ON c.id = r.value ->> 0 AND c.created_at = r.value ->> 1 AND c.version = r.value ->> 8
    WHERE c.start_time <= min(r.value ->> 7, :now)
      AND (c.end_time IS NULL OR c.end_time > max(r.value ->> 7, :now))
      AND NOT c.paused
      AND r.value ->> 3 BETWEEN 1 AND c.total_coupons`,
  createCampaign: `
    INSERT INTO campaigns (id, name, start_time, total_coupons, end_time, paused, recipient_required, test, code_format,
      metadata, version, created_at, updated_at)
    VALUES (:id, :name, :startTimeMs, :totalCoupons, :endTimeMs, :paused, :recipientRequired, :test, :codeFormat,
      :metadata, 1, :createdAtMs, :createdAtMs)
    ON CONFLICT (id) DO NOTHING`,
  updateCampaign: `
    UPDATE campaigns SET name = :name, start_time = :startTimeMs, total_coupons = :totalCoupons, end_time = :endTimeMs,
      paused = :paused, recipient_required = :recipientRequired, code_format = :codeFormat, metadata = :metadata,
      version = :version, updated_at = :nowMs
    WHERE id = :id`,
  markSoldOut:
    'UPDATE campaigns SET sold_out_total = :total WHERE id = :id AND created_at = :createdAtMs AND total_coupons = :total',
  deleteSlots: 'DELETE FROM coupons WHERE campaign_id = ? AND slot BETWEEN ? AND ?',
  deleteCampaign: 'DELETE FROM campaigns WHERE id = ? RETURNING created_at AS createdAtMs',
  eraseRecipient: 'UPDATE coupons SET recipient = NULL WHERE campaign_id = ? AND recipient_key = unhex(?)',
}

type Statements = { readonly [K in keyof typeof sql]: StatementSync }

/**
 * Opens the file, brings its schema up to date and makes this process its only owner until close().
 * Rejects with DatabaseInUse, SchemaMismatch or DatabaseUnusable.
 */
export async function openSqliteLedger(options: SqliteOptions): Promise<Ledger & { readonly keyStore: KeyStore }> {
  const { path, clock = systemClock, place } = options
  const isBeside = place === 'beside'
  const opened: { close(): void }[] = []
  try {
    const memory = path === ':memory:'
    const file = memory ? path : place === undefined ? realFile(path) : existingFile(path)
    if (!memory && !isBeside) {
      const hold = holdFile(file, (lockPath) => new DatabaseSync(lockPath, { timeout: BUSY_MS_MAX }))
      opened.push({ close: () => hold.release() })
    }
    const timeout = isBeside ? BESIDE_BUSY_MS_MAX : BUSY_MS_MAX
    const writer = new DatabaseSync(file, { timeout, enableForeignKeyConstraints: false })
    opened.push(writer)
    if (isBeside) sureOfSchema(writer)
    // FULL waits for the disk at every commit; fullfsync makes macOS really do so. What is erased is overwritten with zeros.
    writer.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${LOG_BYTES_MAX};
      PRAGMA cache_size = -${CACHE_KIB}; PRAGMA secure_delete = ${place === undefined ? 'FAST' : 'ON'}`)
    if (!isBeside) migrate(writer, clock.wallMs())
    let reader = writer
    if (!memory) {
      reader = new DatabaseSync(file, { timeout, readOnly: true })
      opened.push(reader)
    }
    return new SqliteLedger({ writer, reader, clock, closeAll: () => closeAll(opened) })
  } catch (error) {
    closeAll(opened)
    throw unusable(path, error)
  }
}

/** The last opened first: the writer then folds the log into the file, and the ownership ends at the very end. */
function closeAll(opened: { close(): void }[]): void {
  while (opened.length > 0) opened.pop()?.close()
}

interface RunningExport {
  readonly campaignId: string
  /** Rows with a greater id came after it had begun. */
  lastId: number
  /** Coupons of its campaign were deleted. */
  isBroken: boolean
}

class SqliteLedger implements Ledger {
  readonly lockScope = 'database'
  // A file that is open stays the same file: nothing is ever re-opened.
  readonly generation = 0
  readonly keyStore: KeyStore
  readonly isAway = false
  readonly #writer: DatabaseSync
  readonly #reader: DatabaseSync
  readonly #clock: Pick<Clock, 'wallMs' | 'soon'>
  readonly #closeAll: () => void
  readonly #statements: Statements
  readonly #reads: SqliteReads
  readonly #lockedReads: SqliteReads
  readonly #changes: SqliteChanges
  readonly #lockedChanges: SqliteChanges
  /** Resolves when the last of those who wait for the writer is done. */
  #turn: Promise<unknown> = Promise.resolve()
  /** Who has the writer, and who waits for it. */
  #inLine = 0
  #closing: Promise<void> | null = null
  #deletedUpToMs = 0
  readonly #exports = new Set<RunningExport>()

  constructor(parts: {
    writer: DatabaseSync
    reader: DatabaseSync
    clock: Pick<Clock, 'wallMs' | 'soon'>
    closeAll(): void
  }) {
    this.#writer = parts.writer
    this.#reader = parts.reader
    this.#clock = parts.clock
    this.#closeAll = parts.closeAll
    const prepared = Object.entries(sql).map(([name, text]) => [name, parts.writer.prepare(text)])
    this.#statements = Object.fromEntries(prepared) as Statements
    this.#reads = new SqliteReads(parts.reader, parts.clock)
    this.#lockedReads = parts.reader === parts.writer ? this.#reads : new SqliteReads(parts.writer, parts.clock)
    const readKeys = new SqliteKeys(parts.reader, parts.clock)
    const keys = new SqliteKeys(parts.writer, parts.clock)
    this.keyStore = {
      keys: () => this.#reading(() => readKeys.keys()),
      createKey: (key, by) => this.#inTransaction(() => keys.createKey(key, by)),
      revokeKey: (id, by) => this.#inTransaction(() => keys.revokeKey(id, by)),
    }
    this.#changes = new SqliteChanges(parts.reader)
    this.#lockedChanges = new SqliteChanges(parts.writer)
  }

  read(query: ReadQuery): Promise<ReadAnswer> {
    return this.#reading((reads) => reads.read(query))
  }

  campaigns(ids: readonly string[]): Promise<{ nowMs: number; campaigns: Campaign[] }> {
    return this.#reading((reads) => ({ nowMs: this.#clock.wallMs(), campaigns: reads.campaigns(ids) }))
  }

  listCampaigns(page: CampaignPage): Promise<{ nowMs: number; campaigns: Campaign[] }> {
    return this.#reading((reads) => {
      const nowMs = this.#clock.wallMs()
      return { nowMs, campaigns: reads.listCampaigns(page, nowMs) }
    })
  }

  listCoupons(campaignId: string, page: CouponPage): Promise<Coupon[]> {
    return this.#reading((reads) => reads.listCoupons(campaignId, page))
  }

  listChanges(page: ChangePage): Promise<Change[]> {
    return this.#reading(() => this.#changes.list(page))
  }

  markSoldOut(campaign: CampaignIdentity, total: number): Promise<void> {
    return this.#writing(() => this.#markSoldOut(campaign, total))
  }

  /**
   * One writer: a row that came later has a greater id. That is the whole snapshot; a transaction held open for a slow
   * reader would keep the write-ahead log from ever being folded.
   */
  async exportCoupons(
    campaign: CampaignIdentity,
    take: (coupons: readonly Coupon[]) => Promise<void>,
  ): Promise<boolean> {
    // In turn with the writers: no deletion is half done at this moment.
    const running = await this.#writing(() => {
      const begun = { campaignId: campaign.id, lastId: this.#lockedReads.lastCouponId(), isBroken: false }
      this.#exports.add(begun)
      return begun
    })
    try {
      for (let afterSlot = 0; ;) {
        const page = await this.#reading((reads) => ({
          coupons: reads.couponsUpTo(campaign.id, afterSlot, running.lastId),
          isThere: reads.campaigns([campaign.id])[0]?.createdAtMs === campaign.createdAtMs,
        }))
        if (!page.isThere || running.isBroken) return false
        const last = page.coupons.at(-1)
        if (last === undefined) return true
        await take(page.coupons)
        afterSlot = last.slot
        await new Promise<void>((resolve) => this.#clock.soon(resolve))
      }
    } finally {
      this.#exports.delete(running)
    }
  }

  couponByCode(campaignId: string, couponCode: string): Promise<Coupon | null> {
    return this.#reading((reads) => reads.couponByCode(campaignId, couponCode))
  }

  maxSlots(campaignIds: readonly string[]): Promise<number[]> {
    return this.#reading((reads) => reads.maxSlots(campaignIds))
  }

  countSegments(campaignId: string, ranges: readonly SlotRange[]): Promise<SegmentCount[]> {
    return this.#reading((reads) => reads.countSegments(campaignId, ranges))
  }

  takenSlots(campaignId: string, range: SlotRange): Promise<number[]> {
    return this.#reading((reads) => reads.takenSlots(campaignId, range))
  }

  record(rows: readonly NewCoupon[]): Promise<RecordAnswer> {
    return this.#writing(() => this.#record(rows))
  }

  createCampaign(
    campaign: NewCampaign,
    note?: (created: Campaign) => NewChange,
  ): Promise<{ created: boolean; campaign: Campaign }> {
    return this.#inTransaction(() => {
      const nowMs = this.#clock.wallMs()
      const { changes } = this.#statements.createCampaign.run({
        ...toColumns(campaign),
        startTimeMs: campaign.startTimeMs ?? nowMs,
        test: Number(campaign.test),
        // Within a millisecond of a deletion, too, a new campaign must not be taken for the old one of its id.
        createdAtMs: Math.max(nowMs, this.#deletedUpToMs + 1),
      })
      const [stored] = this.#lockedReads.campaigns([campaign.id])
      if (changes === 1 && note !== undefined) this.#lockedChanges.note(note(stored!), nowMs)
      return { created: changes === 1, campaign: stored! }
    })
  }

  lock<T>(campaignIds: readonly string[], work: (locked: LockedLedger) => Promise<T>): Promise<T> {
    return this.#inTransaction((transaction) => work(this.#locked(campaignIds, transaction)))
  }

  #inTransaction<T>(work: (transaction: { readonly ended: boolean }) => T | Promise<T>): Promise<T> {
    return this.#writing(async () => {
      this.#statements.begin.run()
      const transaction = { ended: false }
      try {
        const result = await work(transaction)
        this.#stillInTransaction()
        this.#statements.commit.run()
        return result
      } catch (error) {
        // A full disk and its like make SQLite roll back by itself.
        if (this.#writer.isTransaction) this.#statements.rollback.run()
        throw error
      } finally {
        transaction.ended = true
      }
    })
  }

  async ping(): Promise<{ nowMs: number }> {
    if (this.#closing !== null) throw closed()
    try {
      this.#reader.exec('SELECT 1')
    } catch (error) {
      throw asFault(error, { committing: false })
    }
    return { nowMs: this.#clock.wallMs() }
  }

  connections(): PoolLoad[] {
    const busy = Math.min(this.#inLine, 1)
    return [{ pool: 'writer', max: 1, busy, idle: 1 - busy, opening: 0, waiting: this.#inLine - busy, lost: 0 }]
  }

  async checkSettings(): Promise<SettingWarning[]> {
    const pragma = (name: string) => String(Object.values(this.#writer.prepare(`PRAGMA ${name}`).get() ?? {})[0])
    const names = ['OFF', 'NORMAL', 'FULL', 'EXTRA']
    const synchronous = names[Number(pragma('synchronous'))] ?? pragma('synchronous')
    const journalMode = pragma('journal_mode').toUpperCase()
    const warnings: SettingWarning[] = []
    if (this.#reader === this.#writer) {
      return [
        { setting: 'path', value: ':memory:', wanted: 'a file', risk: 'all coupons are gone when the process ends' },
      ]
    }
    if (synchronous !== 'FULL' && synchronous !== 'EXTRA') {
      const risk = 'coupons that were given out may be gone after a power failure'
      warnings.push({ setting: 'synchronous', value: synchronous, wanted: 'FULL', risk })
    }
    if (journalMode !== 'WAL') {
      const risk =
        'the file system refuses a write-ahead log: readers and the writer stop each other, and issuing is slow'
      warnings.push({ setting: 'journal_mode', value: journalMode, wanted: 'WAL', risk })
    }
    return warnings
  }

  /** Those who wait already are served first. */
  close(): Promise<void> {
    this.#closing ??= this.#turn.then(() => this.#closeAll())
    return this.#closing
  }

  #locked(campaignIds: readonly string[], transaction: { readonly ended: boolean }): LockedLedger {
    const nowMs = this.#clock.wallMs()
    const reads = this.#lockedReads
    const campaigns = new Map(reads.campaigns(campaignIds).map((campaign) => [campaign.id, campaign]))
    const inside = async <T>(work: () => T | Promise<T>): Promise<T> => {
      // Outside its transaction every statement would commit by itself.
      if (transaction.ended) throw new Error('the lock has ended')
      this.#stillInTransaction()
      try {
        return await work()
      } catch (error) {
        throw asFault(error, { committing: false })
      }
    }
    return {
      campaigns,
      nowMs,
      read: (query) => inside(() => reads.read(query)),
      maxSlots: (ids) => inside(() => reads.maxSlots(ids)),
      countSegments: (id, ranges) => inside(() => reads.countSegments(id, ranges)),
      takenSlots: (id, range) => inside(() => reads.takenSlots(id, range)),
      record: (rows) => inside(() => this.#record(rows)),
      updateCampaign: (campaign) =>
        inside(() => {
          const { startTimeMs, version } = campaign
          const columns = { ...toColumns(campaign), startTimeMs, version, nowMs: this.#clock.wallMs() }
          this.#statements.updateCampaign.run(columns)
        }),
      markSoldOut: (campaign, total) => inside(() => this.#markSoldOut(campaign, total)),
      deleteCoupons: (id, afterSlot) => inside(() => this.#deleteCoupons(id, afterSlot)),
      deleteCampaign: (id) =>
        inside(async () => {
          for (let slot: number | null = 0; slot !== null; slot = this.#deleteCoupons(id, slot)) {
            await new Promise<void>((resolve) => this.#clock.soon(resolve))
          }
          const gone = this.#statements.deleteCampaign.get(id) as { createdAtMs: number } | undefined
          this.#deletedUpToMs = Math.max(this.#deletedUpToMs, gone?.createdAtMs ?? 0)
        }),
      eraseRecipient: (ids, key) =>
        inside(() => {
          const recipientKeys = ids.map((campaignId) => ({ campaignId, key }))
          const { coupons } = reads.read({ campaignIds: [], requestKeys: [], recipientKeys, slots: [] })
          const named = coupons.filter(({ recipient }) => recipient !== null)
          for (const { campaignId } of named) this.#statements.eraseRecipient.run(campaignId, key)
          return named.length
        }),
      noteChange: (change) => inside(() => this.#lockedChanges.note(change, this.#clock.wallMs())),
      listChanges: (page) => inside(() => this.#lockedChanges.list(page)),
    }
  }

  #record(rows: readonly NewCoupon[]): RecordAnswer {
    // SQLite would store half a surrogate pair as bytes that are no text.
    if (rows.some((row) => row.recipient?.isWellFormed() === false)) return { status: 'invalid' }
    try {
      const { changes } = this.#statements.record.run({
        rows: JSON.stringify(rows.map(toRow)),
        now: this.#clock.wallMs(),
      })
      return { status: 'recorded', count: Number(changes) }
    } catch (error) {
      // The statement undid all its rows, and nothing else: a transaction around it goes on.
      const status = rowRefusal(error)
      if (status === null) throw error
      return { status }
    }
  }

  #markSoldOut({ id, createdAtMs }: CampaignIdentity, total: number): void {
    this.#statements.markSoldOut.run({ id, createdAtMs, total })
  }

  #deleteCoupons(campaignId: string, afterSlot: number): number | null {
    const last = this.#lockedReads.slotsAfter(campaignId, afterSlot, DELETE_ROWS_MAX).at(-1)
    if (last === undefined) return null
    this.#statements.deleteSlots.run(campaignId, afterSlot + 1, last)
    // SQLite gives the highest ids away again once their rows are deleted. None of another campaign's lies above what is left.
    const lastId = this.#exports.size === 0 ? 0 : this.#lockedReads.lastCouponId()
    for (const running of this.#exports) {
      running.lastId = Math.min(running.lastId, lastId)
      if (running.campaignId === campaignId) running.isBroken = true
    }
    return last
  }

  #stillInTransaction(): void {
    if (this.#writer.isTransaction) return
    throw new LedgerUnavailable('SQLite rolled the transaction back', { mayBeWritten: false })
  }

  /** In memory there is one connection: a read waits until no transaction is open on it. */
  async #reading<T>(work: (reads: SqliteReads) => T | Promise<T>): Promise<T> {
    if (this.#closing !== null) throw closed()
    if (this.#reader === this.#writer) return this.#inTurn(() => work(this.#reads), { committing: false })
    try {
      return await work(this.#reads)
    } catch (error) {
      throw asFault(error, { committing: false })
    }
  }

  async #writing<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#closing !== null) throw closed()
    return this.#inTurn(work, { committing: true })
  }

  /** One after another, in order of arrival. */
  #inTurn<T>(work: () => T | Promise<T>, { committing }: { committing: boolean }): Promise<T> {
    this.#inLine++
    const done = this.#turn
      .then(work)
      .catch((error: unknown) => {
        throw asFault(error, { committing })
      })
      .finally(() => this.#inLine--)
    this.#turn = done.catch(() => {})
    return done
  }
}

/** What creating and changing a campaign have in common. */
function toColumns(campaign: NewCampaign | Campaign) {
  return {
    id: campaign.id,
    name: campaign.name,
    totalCoupons: campaign.totalCoupons,
    endTimeMs: campaign.endTimeMs,
    paused: Number(campaign.paused),
    recipientRequired: Number(campaign.recipientRequired),
    codeFormat: JSON.stringify(campaign.codeFormat),
    metadata: JSON.stringify(campaign.metadata),
  }
}

/** The order that `sql.record` reads. */
function toRow(row: NewCoupon) {
  return [
    row.campaignId,
    row.campaignCreatedAtMs,
    row.couponCode,
    row.slot,
    row.requestKey,
    row.recipient,
    row.recipientKey,
    row.issuedAtMs,
    row.campaignVersion,
  ]
}
