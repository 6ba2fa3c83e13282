// What is read from SQLite, on one connection: the reader's own for everybody, the writer's inside a lock. All texts are
// fixed and prepared once; lists travel as one JSON array. CROSS JOIN is SQLite's way to say: the list first, then the index.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Campaign, CampaignState } from '../../campaign/campaign.ts'
import type { Clock } from '../../host.ts'
import { SEGMENT_SLOTS } from '../ledger.ts'
import type {
  CampaignPage,
  Coupon,
  CouponKey,
  CouponPage,
  ReadAnswer,
  ReadQuery,
  SegmentCount,
  SlotRange,
} from '../ledger.ts'

/** Segments counted in one statement: some 20 ms for full ones. Between two, everybody else gets a turn. */
const SEGMENTS_PER_STATEMENT = 64
/** Coupons of an export read at once: a few milliseconds, in which nothing is issued. */
const EXPORT_ROWS = 1000

const campaignState = `
  c.id, c.created_at AS createdAtMs, c.start_time AS startTimeMs, c.end_time AS endTimeMs, c.total_coupons AS totalCoupons,
  c.paused, c.recipient_required AS recipientRequired, c.code_format AS codeFormat, c.version`

const campaign = `${campaignState},
  c.name, c.test, c.metadata, c.sold_out_total AS soldOutTotal, c.updated_at AS updatedAtMs`

const coupon = `
  c.campaign_id AS campaignId, c.coupon_code AS couponCode, c.slot, lower(hex(c.request_key)) AS requestKey,
  c.recipient, lower(hex(c.recipient_key)) AS recipientKey, c.issued_at AS issuedAtMs`

/** Seen by a test that asks SQLite for the plan of each. */
export const readSql = {
  campaignStates: `SELECT ${campaignState} FROM campaigns AS c WHERE c.id IN (SELECT l.value FROM json_each(?) AS l)`,
  campaigns: `SELECT ${campaign} FROM campaigns AS c WHERE c.id IN (SELECT l.value FROM json_each(?) AS l)`,
  newestCampaigns: `
    SELECT ${campaign} FROM campaigns AS c
    WHERE (c.created_at, c.id) < (:createdAtMs, :id)
      AND (:test = 'all' OR c.test = (:test = 'only'))
      AND (:text IS NULL OR instr(upper_case(c.name), :text) > 0 OR instr(upper_case(c.id), :text) > 0)
      AND (:status IS NULL OR :status = CASE
        WHEN c.paused THEN 'paused' WHEN c.start_time > :nowMs THEN 'scheduled' WHEN c.end_time <= :nowMs THEN 'ended'
        WHEN c.sold_out_total = c.total_coupons THEN 'sold_out' ELSE 'open' END)
    ORDER BY c.created_at DESC, c.id DESC LIMIT :limit`,
  byRequest: `
    SELECT ${coupon} FROM json_each(?) AS l
    CROSS JOIN coupons AS c ON c.campaign_id = l.value ->> 0 AND c.request_key = unhex(l.value ->> 1)`,
  byRecipient: `
    SELECT ${coupon} FROM json_each(?) AS l
    CROSS JOIN coupons AS c ON c.campaign_id = l.value ->> 0 AND c.recipient_key = unhex(l.value ->> 1)`,
  bySlot: `
    SELECT ${coupon} FROM json_each(?) AS l
    CROSS JOIN coupons AS c ON c.campaign_id = l.value ->> 0 AND c.slot = l.value ->> 1`,
  byCode: `SELECT ${coupon} FROM coupons AS c WHERE c.campaign_id = ? AND c.coupon_code = ?`,
  upwards: `SELECT ${coupon} FROM coupons AS c WHERE c.campaign_id = ? AND c.slot > ? ORDER BY c.slot LIMIT ?`,
  downwards: `SELECT ${coupon} FROM coupons AS c WHERE c.campaign_id = ? AND c.slot < ? ORDER BY c.slot DESC LIMIT ?`,
  lastId: 'SELECT coalesce(max(c.id), 0) AS id FROM coupons AS c',
  upTo: `
    SELECT ${coupon} FROM coupons AS c WHERE c.campaign_id = ? AND c.slot > ? AND c.id <= ? ORDER BY c.slot LIMIT ${EXPORT_ROWS}`,
  slotsAfter: 'SELECT c.slot FROM coupons AS c WHERE c.campaign_id = ? AND c.slot > ? ORDER BY c.slot LIMIT ?',
  maxSlots: `
    SELECT coalesce((SELECT max(c.slot) FROM coupons AS c WHERE c.campaign_id = l.value), 0) AS slot
    FROM json_each(?) AS l ORDER BY l.key`,
  counts: `
    SELECT (SELECT count(*) FROM coupons AS c WHERE c.campaign_id = ? AND c.slot BETWEEN l.value ->> 0 AND l.value ->> 1) AS count
    FROM json_each(?) AS l ORDER BY l.key`,
  takenSlots: `SELECT c.slot FROM coupons AS c WHERE c.campaign_id = ? AND c.slot BETWEEN ? AND ? ORDER BY c.slot`,
  begin: 'BEGIN',
  commit: 'COMMIT',
}

type Row<T, Json extends keyof T> = {
  readonly [K in keyof T]: K extends Json ? string : T[K] extends boolean ? number : T[K]
}
type CampaignStateRow = Row<CampaignState, 'codeFormat'>
type CampaignRow = Row<Campaign, 'codeFormat' | 'metadata'>

type Statements = { readonly [K in keyof typeof readSql]: StatementSync }

export class SqliteReads {
  readonly #database: DatabaseSync
  readonly #clock: Pick<Clock, 'wallMs' | 'soon'>
  readonly #statements: Statements

  constructor(database: DatabaseSync, clock: Pick<Clock, 'wallMs' | 'soon'>) {
    this.#database = database
    this.#clock = clock
    // SQLite's own upper() knows ASCII only. Upper, for a small sigma looks different at the end of a word.
    database.function('upper_case', { deterministic: true }, (text) => String(text).toUpperCase())
    const prepared = Object.entries(readSql).map(([name, text]) => [name, database.prepare(text)])
    this.#statements = Object.fromEntries(prepared) as Statements
    const { byRequest, byRecipient, bySlot, byCode, upwards, downwards, upTo } = this.#statements
    // Of a row as an object SQLite's driver makes a dictionary, which V8 keeps until it is short of memory: an export of a
    // million took 150 MB.
    for (const coupons of [byRequest, byRecipient, bySlot, byCode, upwards, downwards, upTo])
      coupons.setReturnArrays(true)
  }

  read(query: ReadQuery): ReadAnswer {
    const nowMs = this.#clock.wallMs()
    const { campaignStates, byRequest, byRecipient, bySlot } = this.#statements
    const list = (statement: StatementSync, values: readonly unknown[]) =>
      values.length === 0 ? [] : statement.all(JSON.stringify(values))
    return this.#snapshot(() => ({
      nowMs,
      campaigns: new Map(
        (list(campaignStates, query.campaignIds) as unknown as CampaignStateRow[]).map((row) => [row.id, toState(row)]),
      ),
      coupons: [
        ...list(byRequest, query.requestKeys.map(pair)),
        ...list(byRecipient, query.recipientKeys.map(pair)),
        ...list(
          bySlot,
          query.slots.map(({ campaignId, slot }) => [campaignId, slot]),
        ),
      ].map(toCoupon),
    }))
  }

  campaigns(ids: readonly string[]): Campaign[] {
    return this.#statements.campaigns.all(JSON.stringify(ids)).map(toCampaign)
  }

  listCampaigns({ limit, after, test, status, text }: CampaignPage, nowMs: number): Campaign[] {
    const { createdAtMs, id } = after ?? { createdAtMs: Number.MAX_SAFE_INTEGER, id: '' }
    const folded = text === null ? null : text.toUpperCase()
    return this.#statements.newestCampaigns
      .all({ createdAtMs, id, test, status, text: folded, nowMs, limit })
      .map(toCampaign)
  }

  /** 0: there is none. */
  lastCouponId(): number {
    return (this.#statements.lastId.get() as { id: number }).id
  }

  /** The next page of an export: those of at most this id. */
  couponsUpTo(campaignId: string, afterSlot: number, lastId: number): Coupon[] {
    return this.#statements.upTo.all(campaignId, afterSlot, lastId).map(toCoupon)
  }

  slotsAfter(campaignId: string, afterSlot: number, limit: number): number[] {
    return (this.#statements.slotsAfter.all(campaignId, afterSlot, limit) as unknown as { slot: number }[]).map(
      (row) => row.slot,
    )
  }

  listCoupons(campaignId: string, { limit, afterSlot, order }: CouponPage): Coupon[] {
    const rows =
      order === 'asc'
        ? this.#statements.upwards.all(campaignId, afterSlot ?? 0, limit)
        : this.#statements.downwards.all(campaignId, afterSlot ?? Number.MAX_SAFE_INTEGER, limit)
    return rows.map(toCoupon)
  }

  couponByCode(campaignId: string, couponCode: string): Coupon | null {
    const row = this.#statements.byCode.get(campaignId, couponCode)
    return row === undefined ? null : toCoupon(row)
  }

  maxSlots(campaignIds: readonly string[]): number[] {
    const rows = this.#statements.maxSlots.all(JSON.stringify(campaignIds))
    return (rows as unknown as { slot: number }[]).map((row) => row.slot)
  }

  /** Not one snapshot over all statements: outside a lock, rows that come meanwhile may be counted or not. */
  async countSegments(campaignId: string, ranges: readonly SlotRange[]): Promise<SegmentCount[]> {
    const [max = 0] = this.maxSlots([campaignId])
    const counts = new Map<number, number>()
    let pieces: SlotRange[] = []
    const count = () => {
      const rows = this.#statements.counts.all(campaignId, JSON.stringify(pieces.map(({ from, to }) => [from, to])))
      for (const [index, row] of (rows as unknown as { count: number }[]).entries()) {
        const segment = segmentOf(pieces[index]!.from)
        if (row.count > 0) counts.set(segment, (counts.get(segment) ?? 0) + row.count)
      }
      pieces = []
    }
    for (const range of ranges) {
      // Nothing lies above the highest slot: a range may well reach to the end of all numbers.
      for (const piece of bySegment({ from: range.from, to: Math.min(range.to, max) })) {
        pieces.push(piece)
        if (pieces.length < SEGMENTS_PER_STATEMENT) continue
        count()
        await new Promise<void>((resolve) => this.#clock.soon(resolve))
      }
    }
    if (pieces.length > 0) count()
    return [...counts].map(([segment, count]) => ({ segment, count })).sort((a, b) => a.segment - b.segment)
  }

  takenSlots(campaignId: string, { from, to }: SlotRange): number[] {
    return (this.#statements.takenSlots.all(campaignId, from, to) as unknown as { slot: number }[]).map(
      (row) => row.slot,
    )
  }

  /** Inside a lock its transaction is the snapshot. */
  #snapshot<T>(read: () => T): T {
    if (this.#database.isTransaction) return read()
    this.#statements.begin.run()
    try {
      return read()
    } finally {
      if (this.#database.isTransaction) this.#statements.commit.run()
    }
  }
}

function pair({ campaignId, key }: CouponKey): readonly [string, string] {
  return [campaignId, key]
}

function segmentOf(slot: number): number {
  return Math.floor((slot - 1) / SEGMENT_SLOTS)
}

function* bySegment({ from, to }: SlotRange): Iterable<SlotRange> {
  for (let start = from; start <= to;) {
    const end = Math.min(to, (segmentOf(start) + 1) * SEGMENT_SLOTS)
    yield { from: start, to: end }
    start = end + 1
  }
}

// STRICT tables hold what their columns say: the casts below say the same to TypeScript.

function toState(row: CampaignStateRow): CampaignState {
  return {
    ...row,
    paused: row.paused === 1,
    recipientRequired: row.recipientRequired === 1,
    codeFormat: JSON.parse(row.codeFormat) as Campaign['codeFormat'],
  }
}

function toCampaign(from: unknown): Campaign {
  const row = from as CampaignRow
  return {
    ...row,
    ...toState(row),
    test: row.test === 1,
    metadata: JSON.parse(row.metadata) as Campaign['metadata'],
  }
}

/** The columns of `coupon`, in its order. */
type CouponRow = [
  campaignId: string,
  couponCode: string,
  slot: number,
  requestKey: string,
  recipient: string | null,
  recipientKey: string,
  issuedAtMs: number,
]

function toCoupon(row: unknown): Coupon {
  const [campaignId, couponCode, slot, requestKey, recipient, recipientKey, issuedAtMs] = row as CouponRow
  // hex(NULL) is '', not NULL.
  return {
    campaignId,
    couponCode,
    slot,
    requestKey,
    recipient,
    recipientKey: recipientKey === '' ? null : recipientKey,
    issuedAtMs,
  }
}
