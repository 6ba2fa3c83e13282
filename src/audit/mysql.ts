// The audit's own reading of MySQL and MariaDB: one connection, one consistent snapshot, read-only, page by page in the
// order of an index. No statement is shared with the ledger. An index that is gone is told, and done without.

import { systemClock, type Clock } from '../host.ts'
import { openConnection, type Connection, type Row } from '../ledger/mysql/connection.ts'
import { parseMysqlUrl } from '../ledger/mysql/url.ts'
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

/** In a server, some milliseconds in which nothing is issued. */
const ROWS_A_PAGE = 500
/** Of one column. */
const VALUES_A_PAGE = 4_000
/** Without an index the database sorts the whole campaign for each page: the fewer, the better. */
const UNSORTED_ROWS_A_PAGE = 100_000
/** For such a page. */
const STATEMENT_MS_MAX = 120_000
const CONNECT_MS_MAX = 5_000
/** An audit takes no lock; this is for a table under ALTER. */
const LOCK_WAIT_S_MAX = 10
/** Longer than any pause that an audit makes for a sale; a frozen one must not keep the database's past for ever. */
const IDLE_S_MAX = 60

export interface MysqlAuditOptions {
  readonly url: string
  readonly clock?: Clock
}

/** @throws BadMysqlUrl */
export function mysqlAuditSource({ url, clock = systemClock }: MysqlAuditOptions): AuditSource {
  const address = parseMysqlUrl(url)
  return {
    async snapshot(campaignId, work) {
      const options = {
        address,
        clock,
        connectMsMax: CONNECT_MS_MAX,
        statementMsMax: STATEMENT_MS_MAX,
        lockWaitSMax: LOCK_WAIT_S_MAX,
        transactions: { idleSMax: IDLE_S_MAX },
      }
      const connection = await openConnection(options, () => {})
      try {
        await connection.command('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY')
        const found = await lookAt(connection, campaignId)
        if (found === null) return null
        const indexes = await indexesOf(connection)
        return await work(
          new MysqlSnapshot(connection, found, indexes, await highestSlot(connection, campaignId, indexes)),
        )
      } finally {
        // With it its snapshot ends.
        await connection.end()
      }
    },
  }
}

const millis = (column: string) => `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${column}) DIV 1000`

async function lookAt(
  connection: Connection,
  campaignId: string,
): Promise<{ campaign: AuditedCampaign; nowMs: number } | null> {
  const [row] = await connection.selectText(
    `SELECT id, ${millis('created_at')} AS created_ms, ${millis('start_time')} AS start_ms, total_coupons,
            recipient_required, version, ${millis('UTC_TIMESTAMP(3)')} AS now_ms
       FROM campaigns WHERE id = CONVERT(? USING ascii)`,
    [campaignId],
  )
  // A database may take other letters for the same.
  if (row === undefined || row['id'] !== campaignId) return null
  const campaign = {
    id: campaignId,
    createdAtMs: numberIn(row, 'created_ms'),
    startTimeMs: numberIn(row, 'start_ms'),
    totalCoupons: numberIn(row, 'total_coupons'),
    recipientRequired: numberIn(row, 'recipient_required') !== 0,
    version: numberIn(row, 'version'),
  }
  return { campaign, nowMs: numberIn(row, 'now_ms') }
}

interface Index {
  readonly name: string
  readonly isUnique: boolean
  readonly columns: readonly string[]
}

async function indexesOf(connection: Connection): Promise<Index[]> {
  const rows = await connection.selectText(
    `SELECT index_name AS name, non_unique AS plain, column_name AS part FROM information_schema.statistics
      WHERE table_schema = DATABASE() AND table_name = 'coupons' ORDER BY index_name, seq_in_index`,
    [],
  )
  return indexesIn(rows)
}

/** Of `information_schema.statistics`, ordered by name and place. */
export function indexesIn(rows: readonly Row[]): Index[] {
  return [...Map.groupBy(rows, (row) => textIn(row, 'name'))].map(([name, parts]) => ({
    name,
    isUnique: Number(parts[0]?.['plain']) === 0,
    // An expression is no column.
    columns: parts.map((part) => (part['part'] === null ? '' : textIn(part, 'part'))),
  }))
}

async function highestSlot(connection: Connection, campaignId: string, indexes: readonly Index[]): Promise<number> {
  if (indexOver(indexes, 'slot') === null) return 0
  const [row] = await connection.selectText('SELECT MAX(slot) AS slot FROM coupons WHERE campaign_id = ?', [campaignId])
  return Math.max(0, Number(row?.['slot'] ?? 0))
}

/** One that has the rows of a campaign in the order of a column. */
function indexOver(indexes: readonly Index[], column: string): string | null {
  return indexes.find(({ columns }) => columns[0] === 'campaign_id' && columns[1] === column)?.name ?? null
}

class MysqlSnapshot implements AuditSnapshot {
  readonly campaign: AuditedCampaign
  readonly asOfMs: number
  readonly expectedRows: number
  readonly showsKeys = true
  readonly missingKeys: readonly string[]
  readonly #connection: Connection
  readonly #indexes: readonly Index[]

  constructor(
    connection: Connection,
    found: { campaign: AuditedCampaign; nowMs: number },
    indexes: readonly Index[],
    expectedRows: number,
  ) {
    this.#connection = connection
    this.campaign = found.campaign
    this.asOfMs = found.nowMs
    this.#indexes = indexes
    this.expectedRows = expectedRows
    this.missingKeys = missingKeysOf(indexes)
  }

  async rows(take: (coupons: readonly AuditedCoupon[]) => Promise<void>): Promise<void> {
    const index = indexOver(this.#indexes, 'slot')
    const limit = index === null ? UNSORTED_ROWS_A_PAGE : ROWS_A_PAGE
    const text = (condition: string) => `
      SELECT id, slot, coupon_code, ${millis('issued_at')} AS issued_ms, recipient,
             HEX(recipient_key) AS recipient_key, HEX(request_key) AS request_key
        FROM coupons ${forced(index)} WHERE campaign_id = ?${condition} ORDER BY slot LIMIT ${limit}`
    const pages = pagesOf<AuditedCoupon & { readonly id: number }, number>({
      rows: limit,
      read: async (from, isBeyond) => {
        const [condition, values] = from === null ? ['', []] : [` AND slot ${isBeyond ? '>' : '>='} ?`, [from]]
        return (await this.#connection.selectText(text(condition), [this.campaign.id, ...values])).map(couponIn)
      },
      valueOf: ({ slot }) => slot,
      idOf: ({ id }) => id,
    })
    for await (const page of pages) await take(page)
  }

  ordered(column: OrderedColumn): AsyncIterable<readonly OrderedValue[]> | null {
    const index = indexOver(this.#indexes, column)
    if (index === null) return null
    const isKey = column !== 'coupon_code'
    const shown = isKey ? `HEX(${column})` : column
    const given = isKey ? 'UNHEX(?)' : '?'
    const text = (condition: string) => `
      SELECT id, ${shown} AS value FROM coupons ${forced(index)}
       WHERE campaign_id = ? AND ${column} ${condition} ORDER BY ${column} LIMIT ${VALUES_A_PAGE}`
    return pagesOf<OrderedValue, string>({
      rows: VALUES_A_PAGE,
      read: async (from, isBeyond) => {
        const condition = from === null ? 'IS NOT NULL' : `${isBeyond ? '>' : '>='} ${given}`
        const rows = await this.#connection.selectText(text(condition), [
          this.campaign.id,
          ...(from === null ? [] : [from]),
        ])
        return rows.map((row) => ({ value: textIn(row, 'value'), id: numberIn(row, 'id') }))
      },
      valueOf: ({ value }) => value,
      idOf: ({ id }) => id,
    })
  }

  async clientOf(apiKeyId: string): Promise<string | null> {
    try {
      const text = 'SELECT client FROM api_keys WHERE id = CONVERT(? USING ascii)'
      const [row] = await this.#connection.selectText(text, [apiKeyId])
      return row === undefined ? null : textIn(row, 'client')
    } catch (error) {
      // Whoever audits need not be allowed to read the keys; and a database of an older release has none.
      if (error instanceof Error && error.name === 'MysqlRefusal') return null
      throw error
    }
  }

  again(): ReturnType<AuditSnapshot['again']> {
    return lookAt(this.#connection, this.campaign.id)
  }
}

function forced(index: string | null): string {
  return index === null ? '' : `FORCE INDEX (\`${index.replaceAll('`', '``')}\`)`
}

function couponIn(row: Row): AuditedCoupon & { readonly id: number } {
  return {
    id: numberIn(row, 'id'),
    slot: numberIn(row, 'slot'),
    couponCode: textIn(row, 'coupon_code'),
    issuedAtMs: numberIn(row, 'issued_ms'),
    recipient: row['recipient'] === null ? null : textIn(row, 'recipient'),
    recipientKey: row['recipient_key'] === null ? null : textIn(row, 'recipient_key').toLowerCase(),
    requestKey: row['request_key'] === null ? null : textIn(row, 'request_key').toLowerCase(),
  }
}

function numberIn(row: Row, column: string): number {
  const value = row[column]
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new TypeError(`MySQL: ${column} is no whole number`)
  return value
}

function textIn(row: Row, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new TypeError(`MySQL: ${column} is no text`)
  return value
}
