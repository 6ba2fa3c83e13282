// The texts of the statements.

import { readFileSync } from 'node:fs'
import type { ChangePage } from '../changes.ts'
import type { CampaignPage, ReadQuery } from '../ledger.ts'
import type { Dialect } from './errors.ts'
import type { SqlValue } from './connection.ts'
import { isId, isKey, isSlot, sqlTime } from './rows.ts'

export const millis = (time: string) => `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${time}) DIV 1000`

export const NOW = `SELECT ${millis('UTC_TIMESTAMP(3)')} AS now`

const campaignColumns = `id, name, ${millis('start_time')} AS start_time, ${millis('end_time')} AS end_time,
  total_coupons, paused, recipient_required, test, code_format, metadata, version, sold_out_total,
  ${millis('created_at')} AS created_at, ${millis('updated_at')} AS updated_at`

export const CAMPAIGNS_BY_ID = `SELECT ${campaignColumns}, ${millis('UTC_TIMESTAMP(3)')} AS now FROM (
  SELECT c.* FROM JSON_TABLE(?, '$[*]' COLUMNS (id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) v
  STRAIGHT_JOIN campaigns c FORCE INDEX (PRIMARY) ON c.id = v.id) found`

/** SYSDATE, not UTC_TIMESTAMP: the time when the row is had, after the wait for its lock, not when the statement began. */
export const LOCK_CAMPAIGN = `SELECT ${campaignColumns}, ${millis('SYSDATE(3)')} AS now FROM campaigns WHERE id = ? FOR UPDATE`

const campaignStatus = `CASE
  WHEN paused <> 0 THEN 'paused' WHEN start_time > UTC_TIMESTAMP(3) THEN 'scheduled'
  WHEN end_time <= UTC_TIMESTAMP(3) THEN 'ended' WHEN sold_out_total = total_coupons THEN 'sold_out' ELSE 'open' END`

/** Sorted by the columns: `created_at` alone would be the number of the same name, and all campaigns read and sorted. */
export function campaignsPage({ limit, after, test, status, text }: CampaignPage): {
  text: string
  values: SqlValue[]
} {
  const conditions: string[] = []
  const values: SqlValue[] = []
  const where = (condition: string, ...given: SqlValue[]) => {
    conditions.push(condition)
    values.push(...given)
  }
  if (after !== null) {
    const time = sqlTime(after.createdAtMs)
    // Not (created_at, id) < (?, ?): neither server makes a range of that.
    where('created_at <= ? AND (created_at < ? OR id < ?)', time, time, after.id)
  }
  if (test !== 'all') where('test = ?', Number(test === 'only'))
  if (status !== null) where(`${campaignStatus} = ?`, status)
  if (text !== null) {
    // Not LIKE: in what somebody looks for, % and _ mean themselves. Both sides by the server, which knows fewer capitals
    // than we do, and byte by byte: a converted id would be compared as the server likes, and é found in every e.
    const id = 'CONVERT(id USING utf8mb4) COLLATE utf8mb4_bin'
    where(`(INSTR(UPPER(name), UPPER(?)) > 0 OR INSTR(UPPER(${id}), UPPER(?)) > 0)`, text, text)
  }
  return {
    text: `SELECT ${campaignColumns}, ${millis('UTC_TIMESTAMP(3)')} AS now FROM campaigns FORCE INDEX (campaigns_newest)
    ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
    ORDER BY campaigns.created_at DESC, campaigns.id DESC LIMIT ?`,
    values: [...values, limit],
  }
}

export const INSERT_CAMPAIGN = `INSERT INTO campaigns (id, name, start_time, total_coupons, end_time, paused,
  recipient_required, test, code_format, metadata, version, created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

export const UPDATE_CAMPAIGN = `UPDATE campaigns SET name = ?, start_time = ?, total_coupons = ?, end_time = ?, paused = ?,
  recipient_required = ?, code_format = ?, metadata = ?, version = ?, updated_at = UTC_TIMESTAMP(3)
  WHERE id = ? AND created_at = ?`

export const MARK_SOLD_OUT = `UPDATE campaigns SET sold_out_total = ?
  WHERE id = ? AND created_at = ? AND total_coupons = ?`

export const DELETE_CAMPAIGN = 'DELETE FROM campaigns WHERE id = ?'

/** By whole unique keys, never by a range: that would lock the gap in which the neighbour's next coupon goes. */
export const DELETE_SLOTS = `DELETE cp FROM JSON_TABLE(?, '$[*]' COLUMNS (slot INT PATH '$')) v
  STRAIGHT_JOIN coupons cp FORCE INDEX (coupons_slot) ON cp.campaign_id = ? AND cp.slot = v.slot`

/** By a whole unique key, and only where it was found before: on a key that is not there it would lock the gap. */
export const ERASE_RECIPIENT = `UPDATE coupons FORCE INDEX (coupons_recipient) SET recipient = NULL
  WHERE campaign_id = ? AND recipient_key = UNHEX(?)`

export const INSERT_CHANGE = `INSERT INTO changes (at, client, key_id, operator, action, campaign_id, \`before\`, \`after\`,
  request_id) VALUES (UTC_TIMESTAMP(3), ?, ?, ?, ?, ?, ?, ?, ?)`

export function changesPage({ limit, beforeId, campaignId, client, action }: ChangePage): {
  text: string
  values: SqlValue[]
} {
  const wanted = [
    ['campaign_id = ?', campaignId],
    ['id < ?', beforeId],
    ['client = ?', client],
    ['action = ?', action],
  ] as const
  const asked = wanted.filter(([, value]) => value !== null)
  return {
    text: `SELECT id, ${millis('at')} AS at_ms, client, key_id, operator, action, campaign_id, \`before\` AS noted_before,
    \`after\` AS noted_after, request_id
    FROM changes FORCE INDEX (${campaignId === null ? 'PRIMARY' : 'changes_campaign'})
    ${asked.length === 0 ? '' : `WHERE ${asked.map(([condition]) => condition).join(' AND ')}`} ORDER BY id DESC LIMIT ?`,
    values: [...asked.map(([, value]) => value), limit],
  }
}

const couponColumns = `campaign_id, coupon_code, ${millis('issued_at')} AS time_a, slot AS number,
  LOWER(HEX(request_key)) AS request_key, recipient, LOWER(HEX(recipient_key)) AS recipient_key`

export const COUPON_BY_CODE = `SELECT ${couponColumns} FROM coupons FORCE INDEX (coupons_code)
  WHERE campaign_id = ? AND coupon_code = ?`

export function couponsPage(after: boolean, order: 'asc' | 'desc'): string {
  return `SELECT ${couponColumns} FROM coupons FORCE INDEX (coupons_slot)
    WHERE campaign_id = ?${after ? ` AND slot ${order === 'asc' ? '>' : '<'} ?` : ''} ORDER BY slot ${order} LIMIT ?`
}

export const SLOTS_BETWEEN = `SELECT slot FROM coupons FORCE INDEX (coupons_slot)
  WHERE campaign_id = ? AND slot BETWEEN ? AND ? ORDER BY slot`

export const SLOTS_PAGE = `SELECT slot FROM coupons FORCE INDEX (coupons_slot)
  WHERE campaign_id = ? AND slot > ? ORDER BY slot LIMIT ?`

/** With a constant each is one dive into the index; for a column of another table MySQL would read the whole campaign. */
export function maxSlotsOf(campaigns: number): string {
  return Array.from(
    { length: campaigns },
    (_, index) =>
      `SELECT ${index} AS position, MAX(slot) AS slot FROM coupons FORCE INDEX (coupons_slot) WHERE campaign_id = ?`,
  ).join(' UNION ALL ')
}

/** A dive and a scan for each piece: with one scan and GROUP BY each row would cost half as much again. */
export function countPieces(pieces: number): string {
  return Array.from(
    { length: pieces },
    (_, index) =>
      `SELECT ${index} AS position, COUNT(*) AS count FROM coupons FORCE INDEX (coupons_slot)
        WHERE campaign_id = ? AND slot BETWEEN ? AND ?`,
  ).join(' UNION ALL ')
}

// The two long ones have files of their own, with their heads; the driver gets them without.

function sqlFile(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}

function withoutComments(sql: string): string {
  return sql.replace(/^--.*\n/gm, '').trim()
}

const [recordAll, skippingMysql, skippingMariadb] = sqlFile('record.sql')
  .split(/^-- in the words of .*\n/m)
  .map(withoutComments) as [string, string, string]

export function recordStatement(dialect: Dialect): string {
  return `${recordAll}\n${dialect === 'mysql' ? skippingMysql : skippingMariadb}`
}

const readBranches = new Map(
  [...sqlFile('read.sql').matchAll(/^-- branch: (\w+).*\n([^]*?)(?=^-- branch|$(?![^]))/gm)].map(
    ([, name, sql]) => [name, withoutComments(sql ?? '')] as const,
  ),
)

/** A key or an id that does not look like one is nobody's, and is not asked for: it would be cut off or converted. */
export function readStatement(query: ReadQuery): { sql: string; values: string[] } {
  const keys = (wanted: ReadQuery['requestKeys']) =>
    wanted
      .filter(({ campaignId, key }) => isId(campaignId) && isKey(key))
      .map(({ campaignId, key }) => [campaignId, key])
  const questions: [branch: string, wanted: readonly unknown[]][] = [
    ['campaigns', query.campaignIds.filter(isId)],
    ['requests', keys(query.requestKeys)],
    ['recipients', keys(query.recipientKeys)],
    [
      'slots',
      query.slots
        .filter((wanted) => isId(wanted.campaignId) && isSlot(wanted.slot))
        .map((wanted) => [wanted.campaignId, wanted.slot]),
    ],
  ]
  const asked = questions.filter(([, wanted]) => wanted.length > 0)
  return {
    sql: ['clock', ...asked.map(([branch]) => branch)].map((branch) => readBranches.get(branch)).join('\nUNION ALL\n'),
    values: asked.map(([, wanted]) => JSON.stringify(wanted)),
  }
}
