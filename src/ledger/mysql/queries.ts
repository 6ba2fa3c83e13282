// What the ledger asks, inside a lock and outside.

import type { Campaign, CampaignIdentity } from '../../campaign/campaign.ts'
import { SEGMENT_SLOTS } from '../ledger.ts'
import type * as Port from '../ledger.ts'
import type { Row, Statements } from './connection.ts'
import { MysqlRefusal } from './errors.ts'
import { COUNT_SEGMENTS_MAX, MAX_SLOTS_CAMPAIGNS_MAX } from './limits.ts'
import { isId, sqlTime, int, toCampaign, toReadAnswer, recordValue } from './rows.ts'
import * as sql from './statements.ts'

export async function read(connection: Statements, query: Port.ReadQuery): Promise<Port.ReadAnswer> {
  const statement = sql.readStatement(query)
  return toReadAnswer(await connection.select(statement.sql, statement.values))
}

export async function record(connection: Statements, rows: readonly Port.NewCoupon[]): Promise<Port.RecordAnswer> {
  const value = recordValue(rows)
  if (value === null) return { status: 'invalid' }
  try {
    return { status: 'recorded', count: await connection.write(sql.recordStatement(connection.dialect), [value]) }
  } catch (error) {
    if (error instanceof MysqlRefusal && error.kind !== 'mistake') return { status: error.kind }
    throw error
  }
}

/** null: the id is taken. */
export async function insertCampaign(connection: Statements, campaign: Port.NewCampaign): Promise<Campaign | null> {
  const nowMs = await clockOf(connection)
  const startTimeMs = campaign.startTimeMs ?? nowMs
  const now = sqlTime(nowMs)
  try {
    await connection.write(sql.INSERT_CAMPAIGN, [
      campaign.id,
      campaign.name,
      sqlTime(startTimeMs),
      campaign.totalCoupons,
      campaign.endTimeMs === null ? null : sqlTime(campaign.endTimeMs),
      Number(campaign.paused),
      Number(campaign.recipientRequired),
      Number(campaign.test),
      JSON.stringify(campaign.codeFormat),
      JSON.stringify(campaign.metadata),
      1,
      now,
      now,
    ])
  } catch (error) {
    if (error instanceof MysqlRefusal && error.kind === 'duplicate') return null
    throw error
  }
  return { ...campaign, startTimeMs, version: 1, soldOutTotal: null, createdAtMs: nowMs, updatedAtMs: nowMs }
}

export async function markSoldOut(
  connection: Statements,
  { id, createdAtMs }: CampaignIdentity,
  total: number,
): Promise<void> {
  await connection.write(sql.MARK_SOLD_OUT, [total, id, sqlTime(createdAtMs), total])
}

export async function campaignRows(connection: Statements, ids: readonly string[]): Promise<Row[]> {
  return connection.select(sql.CAMPAIGNS_BY_ID, [JSON.stringify([...new Set(ids)].filter(isId))])
}

export async function withClock(
  connection: Statements,
  rows: readonly Row[],
): Promise<{ nowMs: number; campaigns: Campaign[] }> {
  const [first] = rows
  const nowMs = first === undefined ? await clockOf(connection) : int(first, 'now')
  return { nowMs, campaigns: rows.map(toCampaign) }
}

export async function clockOf(connection: Statements): Promise<number> {
  const [row] = await connection.select(sql.NOW, [])
  if (row === undefined) throw new TypeError('MySQL: no clock')
  return int(row, 'now')
}

export async function maxSlots(connection: Statements, campaignIds: readonly string[]): Promise<number[]> {
  const found: number[] = campaignIds.map(() => 0)
  const asked = [...campaignIds.entries()].filter(([, id]) => isId(id))
  for (let from = 0; from < asked.length; from += MAX_SLOTS_CAMPAIGNS_MAX) {
    const part = asked.slice(from, from + MAX_SLOTS_CAMPAIGNS_MAX)
    const ids = part.map(([, id]) => id)
    const rows = await connection.selectText(sql.maxSlotsOf(ids.length), ids)
    for (const row of rows) {
      const [index] = part[int(row, 'position')] ?? []
      if (index !== undefined && row['slot'] !== null) found[index] = int(row, 'slot')
    }
  }
  return found
}

export async function countSegments(
  connection: Statements,
  campaignId: string,
  ranges: readonly Port.SlotRange[],
): Promise<Port.SegmentCount[]> {
  const counts = new Map<number, number>()
  const pieces = isId(campaignId) ? [...piecesOf(ranges)] : []
  for (let start = 0; start < pieces.length; start += COUNT_SEGMENTS_MAX) {
    const part = pieces.slice(start, start + COUNT_SEGMENTS_MAX)
    const values = part.flatMap(({ from, to }) => [campaignId, from, to])
    for (const row of await connection.selectText(sql.countPieces(part.length), values)) {
      const { segment } = part[int(row, 'position')] as Piece
      const count = int(row, 'count')
      if (count > 0) counts.set(segment, (counts.get(segment) ?? 0) + count)
    }
  }
  return [...counts].map(([segment, count]) => ({ segment, count })).sort((a, b) => a.segment - b.segment)
}

interface Piece extends Port.SlotRange {
  readonly segment: number
}

/** Each of one segment. */
function* piecesOf(ranges: readonly Port.SlotRange[]): Generator<Piece> {
  for (const { from, to } of ranges) {
    for (let start = from; start <= to;) {
      const segment = Math.floor((start - 1) / SEGMENT_SLOTS)
      const end = Math.min(to, (segment + 1) * SEGMENT_SLOTS)
      yield { segment, from: start, to: end }
      start = end + 1
    }
  }
}

export async function takenSlots(connection: Statements, campaignId: string, range: Port.SlotRange): Promise<number[]> {
  if (!isId(campaignId)) return []
  const rows = await connection.select(sql.SLOTS_BETWEEN, [campaignId, range.from, range.to])
  return rows.map((row) => int(row, 'slot'))
}
