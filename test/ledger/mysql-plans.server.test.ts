// How many rows the statements of the ledger make MySQL read. Counted, not timed: a plan that scans is found on any machine.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Campaign } from '../../src/campaign/campaign.ts'
import type { CampaignFilter, Ledger, NewCoupon } from '../../src/ledger/ledger.ts'
import { COUPON_BY_CODE } from '../../src/ledger/mysql/statements.ts'
import { aCampaign, aCoupon, newId, newKey, SOMEBODY } from '../contract/ledger-samples.ts'
import { isMariadb, type MysqlUnderTest, openMysqlUnderTest, rowsOf } from './mysql-database.ts'

const everyCampaign: CampaignFilter = { test: 'all', status: null, text: null }

describe.each([
  ['known to the optimizer', false],
  ['that came after the optimizer looked last', true],
])('the statements of MySQL read few rows, in a campaign of 20,000 coupons %s', (_, stale) => {
  const ROWS = 20_000
  const REQUESTS = 100
  let under: MysqlUnderTest
  let ledger: Ledger
  let nowMs: number
  let campaign: Campaign
  let rows: NewCoupon[]

  async function create(totalCoupons = 100): Promise<Campaign> {
    return (await ledger.createCampaign(aCampaign(nowMs, { totalCoupons }))).campaign
  }

  beforeAll(async () => {
    under = await openMysqlUnderTest()
    ledger = under.ledger
    nowMs = (await ledger.ping()).nowMs
    if (stale) {
      // As in the first second of a rush: the tables seem to be empty.
      await rowsOf(under.foreign, 'ANALYZE TABLE campaigns, coupons')
      await under.foreign.query('ALTER TABLE coupons STATS_AUTO_RECALC = 0')
      await under.foreign.query('ALTER TABLE campaigns STATS_AUTO_RECALC = 0')
    }
    campaign = await create(2 * ROWS)
    rows = Array.from({ length: ROWS }, (_, index) =>
      aCoupon(campaign, index + 1, { recipient: `recipient ${index}`, recipientKey: newKey() }),
    )
    for (let from = 0; from < ROWS; from += 500) await ledger.record(rows.slice(from, from + 500))
    // Others beside it, so that a scan would not be the best plan.
    const others = await Promise.all(Array.from({ length: 20 }, () => create()))
    await ledger.record(others.flatMap((other) => [aCoupon(other, 1), aCoupon(other, 2)]))
    if (!stale) await rowsOf(under.foreign, 'ANALYZE TABLE campaigns, coupons')
  })
  afterAll(() => under.close())

  /** Rows that the whole server handed to its statements while `work` ran, without what asking for that takes. */
  async function rowsRead(work: () => Promise<unknown>): Promise<number> {
    const total = async () => {
      const counters = await rowsOf(under.foreign, "SHOW GLOBAL STATUS LIKE 'Handler\\_read%'")
      return counters.reduce((sum, counter) => sum + Number(counter['Value']), 0)
    }
    const [start, before] = [await total(), await total()]
    await work()
    return (await total()) - before - (before - start)
  }

  const some = () => rows.slice(7_000, 7_000 + REQUESTS)

  it('read: present and absent keys, by every branch', async () => {
    const present = some()
    const read = () =>
      ledger.read({
        campaignIds: [campaign.id],
        requestKeys: present.map((row) => ({ campaignId: campaign.id, key: row.requestKey })),
        recipientKeys: present.map(() => ({ campaignId: campaign.id, key: newKey() })),
        slots: present.map((row) => ({ campaignId: campaign.id, slot: row.slot })),
      })
    expect((await read()).coupons).toHaveLength(2 * REQUESTS)
    expect(await rowsRead(read)).toBeLessThanOrEqual(10 * REQUESTS)
  })

  it('record', async () => {
    let slot = ROWS
    const record = async () => {
      const next = some().map(() => aCoupon(campaign, (slot += 1), { recipient: 'r', recipientKey: newKey() }))
      expect(await ledger.record(next)).toEqual({ status: 'recorded', count: REQUESTS })
    }
    await record()
    expect(await rowsRead(record)).toBeLessThanOrEqual(10 * REQUESTS)
  })

  it('record of several campaigns', async () => {
    const [a, b] = [await create(), await create()]
    const record = async (from: number) => {
      const next = Array.from({ length: 20 }, (_, index) => [aCoupon(a, from + index), aCoupon(b, from + index)]).flat()
      expect(await ledger.record(next)).toEqual({ status: 'recorded', count: 40 })
    }
    await record(1)
    expect(await rowsRead(() => record(21))).toBeLessThanOrEqual(10 * 40)
  })

  it('maxSlots, of many campaigns', async () => {
    const ids = [campaign.id, ...Array.from({ length: 50 }, newId), campaign.id]
    await ledger.maxSlots(ids)
    expect(await rowsRead(() => ledger.maxSlots(ids))).toBeLessThanOrEqual(10 * ids.length)
  })

  it('countSegments: only what is inside the ranges', async () => {
    const ranges = Array.from({ length: 100 }, (_, index) => ({ from: index * 200 + 1, to: index * 200 + 5 }))
    const count = () => ledger.countSegments(campaign.id, ranges)
    expect((await count()).reduce((sum, segment) => sum + segment.count, 0)).toBe(500)
    expect(await rowsRead(count)).toBeLessThanOrEqual(10 * 500)
  })

  it('takenSlots, listCoupons, couponByCode, campaigns, listCampaigns', async () => {
    const page = { limit: 10, afterSlot: 12_000, order: 'desc' } as const
    const calls = async () => {
      expect(await ledger.takenSlots(campaign.id, { from: 9_000, to: 9_009 })).toHaveLength(10)
      expect(await ledger.listCoupons(campaign.id, page)).toHaveLength(10)
      expect(await ledger.couponByCode(campaign.id, rows[5_000]!.couponCode)).toMatchObject({ slot: 5_001 })
      expect((await ledger.campaigns([campaign.id])).campaigns).toHaveLength(1)
      expect((await ledger.listCampaigns({ limit: 2, after: campaign, ...everyCampaign })).campaigns).toHaveLength(0)
    }
    await calls()
    expect(await rowsRead(calls)).toBeLessThanOrEqual(200)
  })

  it.each<[string, Partial<CampaignFilter>]>([
    ['nothing', {}],
    ['tests', { test: 'only' }],
    ['a status', { status: 'ended' }],
    ['a text', { text: 'nobody has this' }],
    ['all of them', { test: 'none', status: 'sold_out', text: 'x' }],
  ])('listCampaigns that asks for %s reads each campaign that it passes once, and sorts nothing', async (_, filter) => {
    const count = Number((await rowsOf(under.foreign, 'SELECT COUNT(*) AS count FROM campaigns'))[0]?.['count'])
    const limit = 5
    const list = (after: Campaign | null) => ledger.listCampaigns({ limit, after, ...everyCampaign, ...filter })
    // Who finds enough stops there; who finds nothing has looked at all.
    const looked = (await list(null)).campaigns.length === limit ? limit : count
    expect(await rowsRead(() => list(null))).toBeLessThanOrEqual(looked + 3)
    // Behind the cursor there is only the oldest, and it is not read again.
    expect(await rowsRead(() => list(campaign))).toBeLessThanOrEqual(3)
  })

  it('exportCoupons reads what it gives', async () => {
    let taken = 0
    const run = async () => {
      taken = 0
      expect(await ledger.exportCoupons(campaign, async (coupons) => void (taken += coupons.length))).toBe(true)
    }
    await run()
    expect(taken).toBeGreaterThanOrEqual(ROWS)
    // Beside the rows, the campaign and the first step of every page.
    expect(await rowsRead(run)).toBeLessThanOrEqual(taken + 100)
  })

  it('markSoldOut reads one campaign, inside a lock and outside', async () => {
    await ledger.markSoldOut(campaign, 1)
    expect(await rowsRead(() => ledger.markSoldOut(campaign, campaign.totalCoupons))).toBeLessThanOrEqual(2)
    const inALock = () => ledger.lock([campaign.id], (locked) => locked.markSoldOut(campaign, campaign.totalCoupons))
    await inALock()
    expect(await rowsRead(inALock)).toBeLessThanOrEqual(4)
  })

  it('deleteCoupons reads each that it deletes a few times', async () => {
    const gone = await create(1_000)
    for (const from of [0, 500]) {
      await ledger.record(Array.from({ length: 500 }, (_, index) => aCoupon(gone, from + index + 1)))
    }
    const bite = () => ledger.lock([gone.id], (locked) => locked.deleteCoupons(gone.id, 500))
    expect(await rowsRead(bite)).toBeLessThanOrEqual(10 * 500)
    expect(await ledger.maxSlots([gone.id])).toEqual([500])
  })

  it('eraseRecipient reads the keys that it is given, in a hundred campaigns', async () => {
    const ids = [campaign.id, ...Array.from({ length: 99 }, newId)]
    const erase = (key: string) => under.operator.lock([], (locked) => locked.eraseRecipient(ids, key))
    await erase(newKey())
    expect(await rowsRead(() => erase(rows[9_000]!.recipientKey!))).toBeLessThanOrEqual(10 * ids.length)
    expect(
      (await ledger.listCoupons(campaign.id, { limit: 1, afterSlot: 9_000, order: 'asc' }))[0]?.recipient,
    ).toBeNull()
  })

  it('listChanges reads what it gives, of one campaign too', async () => {
    const change = { by: SOMEBODY, action: 'campaign.changed', before: null, after: null } as const
    await ledger.lock([], async (locked) => {
      for (let n = 0; n < 300; n++)
        await locked.noteChange({ ...change, campaignId: n % 30 === 0 ? campaign.id : newId() })
    })
    const page = { limit: 5, beforeId: null, client: null, action: null }
    for (const campaignId of [null, campaign.id]) {
      const list = () => ledger.listChanges({ ...page, campaignId })
      expect(await list()).toHaveLength(5)
      expect(await rowsRead(list)).toBeLessThanOrEqual(10)
    }
  })

  it('a code is looked up by the index of codes', async () => {
    const traditional = (await isMariadb(under.foreign)) ? 'EXPLAIN' : 'EXPLAIN FORMAT=TRADITIONAL'
    const values = [campaign.id, rows[5_000]!.couponCode]
    expect(await rowsOf(under.foreign, `${traditional} ${COUPON_BY_CODE}`, values)).toMatchObject([
      { type: 'const', key: 'coupons_code' },
    ])
  })
})
