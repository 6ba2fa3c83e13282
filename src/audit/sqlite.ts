// The audit's own reading of an SQLite file: one more connection, which cannot write, in one read transaction; a server
// that holds the file goes on beside it. No statement is shared with the ledger.

import { DatabaseSync } from 'node:sqlite'
import { statSync } from 'node:fs'
import { systemClock, type Clock } from '../host.ts'
import { pagesOf } from './pages.ts'
import {
  missingKeysOf,
  type AuditedCampaign,
  type AuditedCoupon,
  type AuditSnapshot,
  type AuditSource,
  type OrderedColumn,
  type OrderedValue,
} from './source.ts'

/** Calls to SQLite are synchronous: in a server, some milliseconds in which nothing is issued. */
const ROWS_A_PAGE = 1_000
/** Of one column. */
const VALUES_A_PAGE = 2_000
/** Without an index the whole campaign is sorted for each page: the fewer, the better. */
const UNSORTED_ROWS_A_PAGE = 100_000
/** For a file that another program is just making or folding. */
const BUSY_MS_MAX = 1_000

export interface SqliteAuditOptions {
  readonly path: string
  readonly clock?: Pick<Clock, 'wallMs' | 'soon'>
}

/** Rejects when there is no such file: an audit makes none. */
export function sqliteAuditSource({ path, clock = systemClock }: SqliteAuditOptions): AuditSource {
  return {
    async snapshot(campaignId, work) {
      const database = open(path)
      try {
        database.exec('BEGIN')
        const campaign = campaignIn(database, campaignId)
        // Its clock is the machine's. The transaction began with that reading.
        return campaign === null ? null : await work(new SqliteSnapshot(database, campaign, clock))
      } catch (error) {
        // Without its text: that quotes what was read.
        if (!(error instanceof Error && 'errcode' in error)) throw error
        throw new Error(`${path} cannot be read: SQLite error ${String(error.errcode)}`, { cause: error })
      } finally {
        database.close()
      }
    },
  }
}

function open(path: string): DatabaseSync {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) throw new Error(`there is no file ${path}`)
  return new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS_MAX })
}

function campaignIn(database: DatabaseSync, campaignId: string): AuditedCampaign | null {
  const row = database
    .prepare('SELECT created_at, start_time, total_coupons, recipient_required, version FROM campaigns WHERE id = ?')
    .get(campaignId)
  if (row === undefined) return null
  return {
    id: campaignId,
    createdAtMs: Number(row['created_at']),
    startTimeMs: Number(row['start_time']),
    totalCoupons: Number(row['total_coupons']),
    recipientRequired: row['recipient_required'] !== 0,
    version: Number(row['version']),
  }
}

class SqliteSnapshot implements AuditSnapshot {
  readonly campaign: AuditedCampaign
  readonly asOfMs: number
  readonly expectedRows: number
  readonly showsKeys = true
  readonly missingKeys: readonly string[]
  readonly #database: DatabaseSync
  readonly #clock: Pick<Clock, 'wallMs' | 'soon'>
  /** Columns in whose order an index has the rows of a campaign. */
  readonly #inOrder: ReadonlySet<string>

  constructor(database: DatabaseSync, campaign: AuditedCampaign, clock: Pick<Clock, 'wallMs' | 'soon'>) {
    this.#database = database
    this.#clock = clock
    this.campaign = campaign
    this.asOfMs = clock.wallMs()
    const indexes = database.prepare('SELECT name, "unique" FROM pragma_index_list(\'coupons\')').all()
    const columnsOf = (name: unknown) =>
      database
        .prepare('SELECT name FROM pragma_index_info(?) ORDER BY seqno')
        .all(String(name))
        .map((part) => String(part['name']))
    const known = indexes.map((index) => ({ isUnique: index['unique'] === 1, columns: columnsOf(index['name']) }))
    this.#inOrder = new Set(known.flatMap(({ columns }) => (columns[0] === 'campaign_id' ? columns.slice(1, 2) : [])))
    this.missingKeys = missingKeysOf(known)
    const highest = this.#inOrder.has('slot')
      ? database.prepare('SELECT max(slot) AS slot FROM coupons WHERE campaign_id = ?').get(campaign.id)?.['slot']
      : 0
    this.expectedRows = Math.max(0, Number(highest ?? 0))
  }

  async rows(take: (coupons: readonly AuditedCoupon[]) => Promise<void>): Promise<void> {
    const limit = this.#inOrder.has('slot') ? ROWS_A_PAGE : UNSORTED_ROWS_A_PAGE
    const pages = pagesOf<AuditedCoupon & { readonly id: number }, number>({
      rows: limit,
      read: this.#reader(
        'id, slot, coupon_code, issued_at, recipient, lower(hex(recipient_key)), lower(hex(request_key))',
        'slot',
        limit,
        (row) => {
          const [id, slot, couponCode, issuedAtMs, recipient, recipientKey, requestKey] = row as CouponRow
          // hex(NULL) is ''.
          return {
            id,
            slot,
            couponCode,
            issuedAtMs,
            recipient,
            recipientKey: recipientKey || null,
            requestKey: requestKey || null,
          }
        },
      ),
      valueOf: ({ slot }) => slot,
      idOf: ({ id }) => id,
    })
    for await (const page of pages) await take(page)
  }

  ordered(column: OrderedColumn): AsyncIterable<readonly OrderedValue[]> | null {
    if (!this.#inOrder.has(column)) return null
    const isKey = column !== 'coupon_code'
    return pagesOf<OrderedValue, string>({
      rows: VALUES_A_PAGE,
      read: this.#reader(`id, ${isKey ? `hex(${column})` : column}`, column, VALUES_A_PAGE, (row) => {
        const [id, value] = row as [number, string]
        return { id, value }
      }),
      valueOf: ({ value }) => value,
      idOf: ({ id }) => id,
    })
  }

  /** Rows are read as arrays: of an object for each, the driver makes a dictionary that lives long. */
  #reader<Shown>(
    columns: string,
    by: string,
    limit: number,
    shownOf: (row: unknown) => Shown,
  ): (from: string | number | null, isBeyond: boolean) => Promise<Shown[]> {
    const given = by.endsWith('_key') ? 'unhex(?)' : '?'
    const prepare = (condition: string) => {
      const text = `SELECT ${columns} FROM coupons WHERE campaign_id = ? AND ${by} ${condition} ORDER BY ${by} LIMIT ${limit}`
      const statement = this.#database.prepare(text)
      statement.setReturnArrays(true)
      return statement
    }
    const first = prepare('IS NOT NULL')
    const from = prepare(`>= ${given}`)
    const beyond = prepare(`> ${given}`)
    return async (value, isBeyond) => {
      await new Promise<void>((resolve) => this.#clock.soon(resolve))
      const rows =
        value === null ? first.all(this.campaign.id) : (isBeyond ? beyond : from).all(this.campaign.id, value)
      return rows.map(shownOf)
    }
  }

  async clientOf(apiKeyId: string): Promise<string | null> {
    // A file of an older release has no such table.
    const isThere = this.#database
      .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'api_keys'")
      .get()
    if (isThere === undefined) return null
    const row = this.#database.prepare('SELECT client FROM api_keys WHERE id = ?').get(apiKeyId)
    return row === undefined ? null : String(row['client'])
  }

  async again(): ReturnType<AuditSnapshot['again']> {
    const campaign = campaignIn(this.#database, this.campaign.id)
    return campaign === null ? null : { campaign, nowMs: this.#clock.wallMs() }
  }
}

type CouponRow = [
  id: number,
  slot: number,
  couponCode: string,
  issuedAtMs: number,
  recipient: string | null,
  recipientKey: string,
  requestKey: string,
]
