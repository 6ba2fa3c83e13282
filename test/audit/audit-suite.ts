// What an audit finds, on every source that reads a database: rows that are made wrong one at a time, each by its name.
// The database is somebody else's in all of it, so that keys and checks can be taken away.

import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyStore } from '../../src/access/key-store.ts'
import { auditCampaign, type AuditOptions } from '../../src/audit/audit.ts'
import { EXAMPLES_MAX, type AuditReport, type Check } from '../../src/audit/report.ts'
import { CLOCK_STEP_MS_MAX } from '../../src/audit/rows.ts'
import type { AuditSource } from '../../src/audit/source.ts'
import { recipientKeyOf, requestKeyOf } from '../../src/ledger/coupon-keys.ts'
import type { HistoryCall } from '../../src/load/history.ts'
import { aKey } from '../contract/key-store.ts'
import { SOMEBODY } from '../contract/ledger-samples.ts'

export interface StoredCampaign {
  readonly id: string
  readonly createdAtMs: number
  readonly startTimeMs: number
  readonly totalCoupons: number
  readonly recipientRequired: boolean
}

export interface StoredCoupon {
  readonly campaignId: string
  readonly couponCode: string
  readonly issuedAtMs: number
  readonly slot: number
  /** Hex. */
  readonly requestKey: string
  readonly recipient: string | null
  readonly recipientKey: string | null
}

export type UniqueColumn = 'coupon_code' | 'slot' | 'request_key' | 'recipient_key'

/** A migrated database with nothing in it. */
export interface AuditedDatabase {
  readonly source: AuditSource
  putCampaign(campaign: StoredCampaign): Promise<void>
  putCoupons(coupons: readonly StoredCoupon[]): Promise<void>
  /** What the program does never. */
  setTotal(campaignId: string, total: number): Promise<void>
  /** Before there are rows. */
  dropUnique(column: UniqueColumn): Promise<void>
  /** In its place, one that forbids nothing. */
  indexPlainly(column: UniqueColumn): Promise<void>
  dropChecks(): Promise<void>
  readonly keyStore: KeyStore
  /** As a database of an older release. */
  dropKeys(): Promise<void>
  close(): Promise<void>
}

const GRACE_MS = 30_000

export function hex16(): string {
  return randomBytes(16).toString('hex')
}

export async function* told(calls: readonly HistoryCall[]): AsyncGenerator<HistoryCall> {
  yield* calls
}

export function auditSuite(name: string, open: () => Promise<AuditedDatabase>, pageRows: number): void {
  describe(name, () => {
    let database: AuditedDatabase
    let campaign: StoredCampaign
    let nowMs: number

    beforeEach(async () => {
      database = await open()
      nowMs = Date.now()
      campaign = {
        id: `audited-${randomBytes(4).toString('hex')}`,
        createdAtMs: nowMs - 3_600_000,
        startTimeMs: nowMs - 1_800_000,
        totalCoupons: 10,
        recipientRequired: false,
      }
    })
    afterEach(() => database.close())

    const couponOf = (slot: number, change: Partial<StoredCoupon> = {}): StoredCoupon => {
      const recipient = change.recipient === undefined ? `user-${slot}` : change.recipient
      return {
        campaignId: campaign.id,
        couponCode: `CODE${String(slot).padStart(8, '0')}`,
        issuedAtMs: nowMs - 600_000 + slot,
        slot,
        requestKey: hex16(),
        recipient,
        recipientKey: recipient === null ? null : recipientKeyOf(recipient),
        ...change,
      }
    }
    const slots = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
    const put = async (coupons: readonly StoredCoupon[], change: Partial<StoredCampaign> = {}) => {
      campaign = { ...campaign, ...change }
      await database.putCampaign(campaign)
      await database.putCoupons(coupons)
    }
    const audit = async (options: Partial<AuditOptions> = {}): Promise<AuditReport> => {
      const report = await auditCampaign(database.source, campaign.id, { graceMs: GRACE_MS, ...options })
      if (report === null) throw new Error('there is no campaign')
      return report
    }
    /** Each check that is violated, and how often. */
    const violated = ({ violations }: AuditReport) =>
      Object.fromEntries(violations.map(({ check, count }) => [check, count])) as Partial<Record<Check, number>>

    describe('nothing is wrong:', () => {
      test('recipients that were erased: their keys are there, and are theirs alone', async () => {
        const erased = slots(1, 4).map((slot) => couponOf(slot, { recipient: null, recipientKey: hex16() }))
        await put([...erased, couponOf(5), couponOf(6)], { recipientRequired: true })
        expect(await audit()).toMatchObject({ verdict: 'exact', issued_count: 6, violations: [] })
      })

      test('a campaign without coupons', async () => {
        await put([])
        expect(await audit()).toMatchObject({
          campaign_id: campaign.id,
          verdict: 'exact',
          complete: false,
          total_coupons: 10,
          issued_count: 0,
          highest_slot: 0,
          through_slot: 0,
          gaps: { count: 0, ranges: [] },
          in_flight: { count: 0, ranges: [] },
          violations: [],
          history: null,
        })
      })

      test('one that is sold out, with recipients and without', async () => {
        await put(slots(1, 10).map((slot) => couponOf(slot, slot % 3 === 0 ? { recipient: null } : {})))
        const report = await audit()
        expect(report.violations).toEqual([])
        expect(report).toMatchObject({
          verdict: 'exact',
          complete: true,
          issued_count: 10,
          highest_slot: 10,
          through_slot: 10,
        })
        expect(report.checks.filter(({ checked }) => !checked).map(({ check }) => check)).toEqual([
          'recipients_present',
          'acknowledged_stored',
          'acknowledged_recipient',
          'acknowledged_after_start',
          'one_coupon_each',
          'one_owner',
          'sold_out_true',
          'sold_out_full',
        ])
        expect(Math.abs(Date.parse(report.as_of) - nowMs)).toBeLessThan(3_600_000)
      })

      test('recipients of every script, and the first moment', async () => {
        const recipients = ['지우', 'é', '👩‍👩‍👧', 'Ω'.repeat(255), '1:x']
        await put(
          recipients.map((recipient, index) =>
            couponOf(index + 1, {
              recipient,
              recipientKey: recipientKeyOf(recipient),
              issuedAtMs: campaign.startTimeMs,
            }),
          ),
          { recipientRequired: true },
        )
        expect(await audit()).toMatchObject({ verdict: 'exact', violations: [], issued_count: 5 })
      })

      test('coupons of other campaigns are none of ours', async () => {
        await put([couponOf(1)])
        await database.putCoupons([couponOf(1, { campaignId: `${campaign.id}x` })])
        expect(await audit()).toMatchObject({ verdict: 'exact', issued_count: 1 })
      })

      test('an id that does not exist, be it almost', async () => {
        await put([])
        for (const id of ['none', campaign.id.toUpperCase(), `${campaign.id} `, '한']) {
          expect(await auditCampaign(database.source, id, { graceMs: GRACE_MS }), id).toBeNull()
        }
      })

      test('more rows than fit on some pages', async () => {
        const count = 2 * pageRows + 1
        await put(
          slots(1, count).map((slot) => couponOf(slot)),
          { totalCoupons: count },
        )
        const told: string[] = []
        const report = await audit({
          onProgress: ({ step, done, expected }) => {
            told.push(step)
            expect(done).toBeLessThanOrEqual(expected ?? 0)
          },
        })
        expect(report).toMatchObject({ verdict: 'exact', complete: true, issued_count: count, violations: [] })
        expect([...new Set(told)]).toEqual(['rows', 'coupon_code', 'request_key', 'recipient_key'])
      })
    })

    describe('what is wrong is found', () => {
      const cases: readonly [
        title: string,
        change: (rows: StoredCoupon[]) => StoredCoupon[],
        expected: Partial<Record<Check, number>>,
        campaign?: Partial<StoredCampaign>,
      ][] = [
        [
          'a coupon a moment before the start',
          (rows) => rows.with(3, couponOf(4, { issuedAtMs: campaign.startTimeMs - 1 })),
          { not_before_start: 1 },
        ],
        [
          'a coupon before its campaign was created',
          (rows) => rows.with(3, couponOf(4, { issuedAtMs: campaign.createdAtMs - CLOCK_STEP_MS_MAX - 1 })),
          { not_before_creation: 1 },
          { startTimeMs: 1_000_000_000_000 },
        ],
        [
          'a coupon of tomorrow',
          (rows) => rows.with(3, couponOf(4, { issuedAtMs: nowMs + 86_400_000 })),
          { not_in_future: 1 },
        ],
        [
          'a recipient with the key of another',
          (rows) => rows.with(3, couponOf(4, { recipientKey: recipientKeyOf('user-99') })),
          { recipient_keys: 1 },
        ],
        [
          'a row without the recipient that is required',
          (rows) => rows.with(3, couponOf(4, { recipient: null })),
          { recipients_present: 1 },
          { recipientRequired: true },
        ],
        [
          'slots above the total',
          (rows) => [...rows, couponOf(11), couponOf(12)],
          { rows_within_total: 2, slots_in_range: 2 },
        ],
        [
          'a slot above the total, with room below it',
          (rows) => [...rows.slice(0, 9), couponOf(11)],
          { slots_in_range: 1 },
        ],
      ]
      test.each(cases)('%s', async (_title, change, expected, changed = {}) => {
        campaign = { ...campaign, ...changed }
        await put(change(slots(1, 10).map((slot) => couponOf(slot))))
        const report = await audit()
        expect(violated(report)).toEqual(expected)
        expect(report.verdict).toBe('violated')
      })

      test('a total that somebody lowered', async () => {
        await put(slots(1, 10).map((slot) => couponOf(slot)))
        await database.setTotal(campaign.id, 7)
        expect(violated(await audit())).toEqual({ rows_within_total: 3, slots_in_range: 3 })
      })

      test('slot 0', async () => {
        await database.dropChecks()
        await put([couponOf(0), ...slots(1, 9).map((slot) => couponOf(slot))])
        const report = await audit()
        expect(violated(report)).toEqual({ slots_in_range: 1 })
        expect(report.through_slot).toBe(9)
      })

      test('a recipient without key', async () => {
        await database.dropChecks()
        await put([couponOf(1, { recipientKey: null })])
        expect(violated(await audit())).toEqual({ recipient_keys: 1 })
      })
    })

    describe('twins are found, though the unique key is gone, which is told:', () => {
      const twins: readonly [
        column: UniqueColumn,
        check: Check,
        twin: (of: StoredCoupon, slot: number) => StoredCoupon,
      ][] = [
        ['slot', 'slots_distinct', (of) => couponOf(90, { slot: of.slot })],
        ['coupon_code', 'codes_distinct', (of, slot) => couponOf(slot, { couponCode: of.couponCode })],
        ['request_key', 'requests_distinct', (of, slot) => couponOf(slot, { requestKey: of.requestKey })],
        [
          'recipient_key',
          'recipients_distinct',
          (of, slot) => couponOf(slot, { recipient: of.recipient, recipientKey: of.recipientKey }),
        ],
      ]

      const indexes = twins.flatMap(([column, ...twin]) => [
        [column, 'no index', ...twin] as const,
        [column, 'a plain index', ...twin] as const,
      ])
      test.each(indexes)('%s, %s', async (column, index, check, twin) => {
        await database.dropUnique(column)
        if (index === 'a plain index') await database.indexPlainly(column)
        const rows = slots(1, 8).map((slot) => couponOf(slot))
        await put([...rows, twin(rows[2] as StoredCoupon, 9)])
        const report = await audit()
        expect(violated(report)).toEqual({ [check]: 1, unique_keys: 1 })
        const told = report.violations.find((violation) => violation.check === 'unique_keys')
        expect(told?.examples).toEqual([`(campaign_id, ${column})`])
        expect(JSON.stringify(report)).not.toContain('user-')
      })

      test('no key at all, and everything twice', async () => {
        for (const [column] of twins) await database.dropUnique(column)
        const rows = slots(1, 5).map((slot) => couponOf(slot))
        await put([...rows, ...rows])
        const { verdict, violations } = await audit()
        expect(verdict).toBe('violated')
        expect(Object.fromEntries(violations.map(({ check, count }) => [check, count]))).toEqual({
          slots_distinct: 5,
          codes_distinct: 5,
          requests_distinct: 5,
          recipients_distinct: 5,
          unique_keys: 4,
        })
      })

      test('where a page ends, and many of one', async () => {
        await database.dropUnique('slot')
        await database.indexPlainly('slot')
        const rows = slots(1, 2 * pageRows).map((slot) => couponOf(slot))
        const more = (count: number, slot: number) =>
          Array.from({ length: count }, (_, index) => couponOf(10_000 + slot + index, { slot }))
        await put([...rows, ...more(1, pageRows), ...more(EXAMPLES_MAX + 5, 7)], { totalCoupons: 10 * pageRows })
        const report = await audit()
        expect(violated(report)).toEqual({ slots_distinct: EXAMPLES_MAX + 6, unique_keys: 1 })
        expect(report.violations[0]?.examples).toHaveLength(EXAMPLES_MAX)
        expect(report.issued_count).toBe(2 * pageRows + EXAMPLES_MAX + 6)
      })
    })

    describe('gaps', () => {
      test('young ones are in flight', async () => {
        await put([1, 2, 5, 7].map((slot) => couponOf(slot, slot > 2 ? { issuedAtMs: nowMs - 1_000 } : {})))
        expect(await audit()).toMatchObject({
          verdict: 'exact',
          complete: false,
          through_slot: 2,
          highest_slot: 7,
          gaps: { count: 0, ranges: [] },
          in_flight: {
            count: 3,
            ranges: [
              { from: 3, to: 4 },
              { from: 6, to: 6 },
            ],
          },
        })
      })

      test('old ones wait for somebody', async () => {
        await put([3, 4, 8].map((slot) => couponOf(slot, { issuedAtMs: nowMs - GRACE_MS - 10_000 })))
        expect(await audit()).toMatchObject({
          verdict: 'healing',
          through_slot: 0,
          gaps: {
            count: 5,
            ranges: [
              { from: 1, to: 2 },
              { from: 5, to: 7 },
            ],
          },
          in_flight: { count: 0, ranges: [] },
        })
      })

      test('one is as old as the oldest coupon above it, however far above', async () => {
        await put([
          couponOf(2, { issuedAtMs: nowMs - 1_000 }),
          couponOf(4, { issuedAtMs: nowMs - 900 }),
          couponOf(5, { issuedAtMs: nowMs - 2 * GRACE_MS }),
          couponOf(7, { issuedAtMs: nowMs - 1_000 }),
        ])
        expect(await audit()).toMatchObject({
          verdict: 'healing',
          gaps: {
            count: 2,
            ranges: [
              { from: 1, to: 1 },
              { from: 3, to: 3 },
            ],
          },
          in_flight: { count: 1, ranges: [{ from: 6, to: 6 }] },
        })
      })

      test('a grace of another length', async () => {
        await put([2].map((slot) => couponOf(slot, { issuedAtMs: nowMs - 10_000 })))
        expect(await audit({ graceMs: 3_600_000 })).toMatchObject({ verdict: 'exact', in_flight: { count: 1 } })
        expect(await audit({ graceMs: 1_000 })).toMatchObject({ verdict: 'healing', gaps: { count: 1 } })
      })

      test('what is wrong counts for more', async () => {
        await put([couponOf(5, { issuedAtMs: campaign.startTimeMs - 1 })])
        expect(await audit()).toMatchObject({ verdict: 'violated', gaps: { count: 4 } })
      })
    })

    describe('the checksum', () => {
      test('is the same again, whatever came above a gap', async () => {
        const rows = [1, 2, 3, 5].map((slot) => couponOf(slot))
        await put(rows)
        const first = await audit()
        expect(first.checksum).toMatch(/^[0-9a-f]{64}$/)
        await database.putCoupons([couponOf(6)])
        const second = await audit()
        expect([second.through_slot, second.checksum]).toEqual([first.through_slot, first.checksum])
        await database.putCoupons([couponOf(4)])
        const third = await audit()
        expect(third.through_slot).toBe(6)
        expect(third.checksum).not.toBe(first.checksum)
      })

      test.each<[title: string, change: Partial<StoredCoupon>]>([
        ['code', { couponCode: 'CODE9' }],
        ['recipient', { recipient: 'somebody', recipientKey: recipientKeyOf('somebody') }],
        ['time', { issuedAtMs: 1_800_000_000_000 }],
      ])('is another one with another %s', async (_title, change) => {
        const checksums: string[] = []
        for (const changed of [{}, change]) {
          campaign = { ...campaign, id: `${campaign.id}-${checksums.length}` }
          await put([1, 2, 3].map((slot) => couponOf(slot, slot === 2 ? changed : {})))
          checksums.push((await audit()).checksum)
        }
        expect(checksums[0]).not.toBe(checksums[1])
      })
    })

    describe('a history', () => {
      const callFor = (coupon: StoredCoupon, change: Partial<HistoryCall> = {}): HistoryCall => ({
        request: `request-${coupon.slot}`,
        call: 1,
        campaign_id: campaign.id,
        recipient: coupon.recipient,
        idempotency_key: null,
        server: 'http://127.0.0.1:8080',
        intended_at: coupon.issuedAtMs - 5,
        sent_at: coupon.issuedAtMs - 4,
        answered_at: coupon.issuedAtMs + 4,
        answer: 'ok',
        status: 201,
        code: 'issued',
        coupon: {
          coupon_code: coupon.couponCode,
          slot: coupon.slot,
          recipient: coupon.recipient,
          issued_at: new Date(coupon.issuedAtMs).toISOString(),
        },
        ...change,
      })

      test('that agrees with the rows', async () => {
        const rows = slots(1, 10).map((slot) => couponOf(slot))
        await put(rows)
        const calls = [
          ...rows.map((row) => callFor(row)),
          callFor(couponOf(11), { answer: 'refused', status: 409, code: 'sold_out', coupon: null }),
        ]
        const report = await audit({ histories: [{ calls: told(calls) }] })
        expect(report.violations).toEqual([])
        expect(report).toMatchObject({
          verdict: 'exact',
          history: { calls: 11, requests: 11, acknowledged: 10, refused: 1, unknown_left: 0, unjudged: 0 },
        })
      })

      test('of a client with an API key, whose requests it finds by their keys', async () => {
        const key = aKey({ client: 'shop' })
        await database.keyStore.createKey(key, SOMEBODY)
        await put([couponOf(1, { recipient: null, requestKey: requestKeyOf('shop', 'order-1') })])
        const lost = {
          recipient: null,
          idempotency_key: 'order-1',
          answer: 'unknown',
          code: null,
          coupon: null,
        } as const
        const history = () => ({ calls: told([callFor(couponOf(1), lost)]), api_key_id: key.id })
        expect((await audit({ histories: [history()] })).history).toMatchObject({ unknown_left: 1, unknown_stored: 1 })
        await database.dropKeys()
        expect((await audit({ histories: [history()] })).history).toMatchObject({ unknown_left: 1, unknown_stored: 0 })
      })

      test('with a coupon that is not stored', async () => {
        const rows = slots(1, 3).map((slot) => couponOf(slot))
        await put(rows.slice(0, 2))
        const report = await audit({ histories: [{ calls: told(rows.map((row) => callFor(row))) }] })
        expect(violated(report)).toEqual({ acknowledged_stored: 1 })
      })
    })
  })
}
