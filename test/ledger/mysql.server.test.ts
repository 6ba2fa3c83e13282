// The contract of the ledger on MySQL, and whom its statements keep waiting there.

import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CAMPAIGN_STATUSES, type Campaign } from '../../src/campaign/campaign.ts'
import { type Ledger, LedgerUnavailable } from '../../src/ledger/ledger.ts'
import { campaignsPage } from '../../src/ledger/mysql/statements.ts'
import { aCampaign, aCoupon, newId, newKey } from '../contract/ledger-samples.ts'
import { keyStoreContract } from '../contract/key-store.ts'
import { ledgerContract } from '../contract/ledger.ts'
import { type MysqlUnderTest, openMysqlUnderTest, rowsOf, until, untilWaiting } from './mysql-database.ts'

ledgerContract('the ledger in MySQL', () => openMysqlUnderTest())

keyStoreContract('the keys in MySQL', async () => {
  const { ledger, operator, close } = await openMysqlUnderTest()
  return { ledger, keyStore: operator.keyStore, close }
})

/** All but the one that asks. */
const CONNECTIONS_HERE = 'SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()'

describe('the statements of MySQL', () => {
  let under: MysqlUnderTest
  beforeAll(async () => {
    under = await openMysqlUnderTest()
  })
  afterAll(() => under.close())

  it('a list takes start and end to the millisecond: the start belongs to the campaign, the end does not', async () => {
    const { nowMs } = await under.ledger.ping()
    const times = { startTimeMs: nowMs + 10, endTimeMs: nowMs + 20 }
    await under.ledger.createCampaign(aCampaign(nowMs, times))
    const { foreign } = under
    await foreign.query('SET NAMES utf8mb4 COLLATE utf8mb4_bin')
    const seen: [number, string][] = []
    for (const ms of [9, 10, 19, 20]) {
      await foreign.query('SET SESSION time_zone = ?, timestamp = ?', ['+00:00', (nowMs + ms) / 1_000])
      for (const status of CAMPAIGN_STATUSES) {
        const { text, values } = campaignsPage({ limit: 10, after: null, test: 'all', status, text: null })
        if ((await rowsOf(foreign, text, values)).length > 0) seen.push([ms, status])
      }
    }
    expect(seen).toEqual([
      [9, 'scheduled'],
      [10, 'open'],
      [19, 'open'],
      [20, 'ended'],
    ])
  })

  it('an export whose connection is lost says so, and is never taken for whole', async () => {
    const ledger = under.another()
    const { nowMs } = await ledger.ping()
    const { campaign } = await ledger.createCampaign(aCampaign(nowMs, { totalCoupons: 2_000 }))
    for (const from of [0, 1_000]) {
      await ledger.record(Array.from({ length: 1_000 }, (_, index) => aCoupon(campaign, from + index + 1)))
    }
    let taken = 0
    const broken = ledger.exportCoupons(campaign, async (coupons) => {
      taken += coupons.length
      for (const { id } of await rowsOf(under.foreign, CONNECTIONS_HERE)) {
        // Gone by itself meanwhile is as good: of idle ones the ledger closes some.
        await under.foreign.query('KILL ?', [id]).catch(() => {})
      }
    })
    await expect(broken).rejects.toBeInstanceOf(LedgerUnavailable)
    expect(taken).toBe(1_000)
    // The ones that break are replaced.
    await until(async () => (await ledger.ping().catch(() => null)) !== null)
    expect(await ledger.exportCoupons(campaign, async () => {})).toBe(true)
  })
})

describe('the locks of MySQL', () => {
  let under: MysqlUnderTest
  let ledger: Ledger
  let nowMs: number

  beforeAll(async () => {
    under = await openMysqlUnderTest()
    ledger = under.ledger
    nowMs = (await ledger.ping()).nowMs
  })
  afterAll(() => under.close())

  async function create(totalCoupons = 100): Promise<Campaign> {
    return (await ledger.createCampaign(aCampaign(nowMs, { totalCoupons }))).campaign
  }

  /** Somebody else's transaction; ends with its connection. */
  async function foreignTransaction(sql: string, values: readonly unknown[] = []) {
    const connection = await createConnection(under.url)
    await connection.query('SET SESSION innodb_lock_wait_timeout = 50')
    await connection.beginTransaction()
    const done = rowsOf(connection, sql, values)
    return { connection, done, [Symbol.dispose]: () => connection.destroy() }
  }

  describe('record', () => {
    it('passes by a campaign that somebody holds, and writes the others of its batch', async () => {
      const [held, free] = [await create(), await create()]
      using foreign = await foreignTransaction('SELECT * FROM campaigns WHERE id = ? FOR UPDATE', [held.id])
      await foreign.done
      expect(await ledger.record([aCoupon(held, 1), aCoupon(free, 1)])).toEqual({ status: 'recorded', count: 1 })
      expect(await ledger.maxSlots([held.id, free.id])).toEqual([0, 1])
    })

    it('waits for nobody, alone in its batch or not: what is held is passed over', async () => {
      const held = await create()
      using foreign = await foreignTransaction('SELECT * FROM campaigns WHERE id = ? FOR UPDATE', [held.id])
      await foreign.done
      expect(await ledger.record([aCoupon(held, 1)])).toEqual({ status: 'recorded', count: 0 })
      await foreign.connection.commit()
      expect(await ledger.record([aCoupon(held, 1)])).toEqual({ status: 'recorded', count: 1 })
    })

    it('refuses what is too long even for the wide columns it travels in', async () => {
      const campaign = await create()
      const recipientKey = newKey()
      const invalid = [
        aCoupon(campaign, 1, { recipient: 'r'.repeat(5_000), recipientKey }),
        aCoupon(campaign, 1, { couponCode: 'X'.repeat(5_000) }),
        aCoupon(campaign, 1.5),
        aCoupon(campaign, 1, { issuedAtMs: Date.UTC(10_000, 0) }),
        aCoupon(campaign, 1, { recipient: '\ud800', recipientKey }),
      ]
      for (const row of invalid) expect(await ledger.record([row])).toEqual({ status: 'invalid' })
      expect(await ledger.maxSlots([campaign.id])).toEqual([0])
    })

    it('leaves out what says that it was issued at or after the end, though the clock is not there yet', async () => {
      const endTimeMs = nowMs + 3_600_000
      const { campaign } = await ledger.createCampaign(aCampaign(nowMs, { endTimeMs }))
      const rows = [endTimeMs - 1, endTimeMs].map((issuedAtMs, index) => aCoupon(campaign, index + 1, { issuedAtMs }))
      expect(await ledger.record(rows)).toEqual({ status: 'recorded', count: 1 })
      expect(await ledger.takenSlots(campaign.id, { from: 1, to: 2 })).toEqual([1])
    })

    it('locks its own campaign only, though a table of two rows invites to read it all', async () => {
      const small = await openMysqlUnderTest()
      try {
        const createHere = async () => (await small.ledger.createCampaign(aCampaign(nowMs))).campaign
        const [one, other] = [await createHere(), await createHere()]
        await small.foreign.query('ANALYZE TABLE campaigns, coupons')
        const rows = Array.from({ length: 100 }, (_, index) => aCoupon(one, index + 1))
        await small.ledger.lock([], async (locked) => {
          expect(await locked.record(rows)).toEqual({ status: 'recorded', count: rows.length })
          await small.ledger.lock([other.id], (lockedOther) => lockedOther.markSoldOut(other, 1))
          expect(await small.ledger.createCampaign(aCampaign(nowMs))).toMatchObject({ created: true })
        })
      } finally {
        await small.close()
      }
    })

    it.each([1, 2])(
      'of %i campaigns leaves the others alone while it is open: CREATE and changes pass',
      async (count) => {
        const campaigns = await Promise.all(Array.from({ length: count }, () => create()))
        const [before, after] = [await create(), await create()]
        const ids = ['!', '~', ...campaigns.map((campaign) => `${campaign.id}-`)].map((id) => `${id}${newId()}`)
        // The statement in a transaction that stays open, as a slow COMMIT would keep it.
        await ledger.lock([], async (open) => {
          expect(await open.record(campaigns.map((campaign) => aCoupon(campaign, 1)))).toEqual({
            status: 'recorded',
            count,
          })
          const passing = Promise.all([
            ...ids.map((id) => ledger.createCampaign(aCampaign(nowMs, { id }))),
            ...[before, after].map((other) => ledger.lock([other.id], (locked) => locked.markSoldOut(other, 1))),
          ])
          await expect(passing).resolves.toHaveLength(ids.length + 2)
        })
      },
    )
  })

  describe('lock', () => {
    it('waits for an INSERT that has not committed, and then sees its rows', async () => {
      const campaign = await create()
      // As another server's: a share of the campaign and its coupon, not committed yet.
      using foreign = await foreignTransaction('SELECT * FROM campaigns WHERE id = ? LOCK IN SHARE MODE', [campaign.id])
      await foreign.done
      await foreign.connection.query(
        `INSERT INTO coupons (campaign_id, coupon_code, issued_at, slot, request_key)
         VALUES (?, 'CODE', UTC_TIMESTAMP(3), 53, UNHEX(?))`,
        [campaign.id, newKey()],
      )
      const seen = ledger.lock([campaign.id], async (locked) => ({
        nowMs: locked.nowMs,
        max: await locked.maxSlots([campaign.id]),
        coupons: (
          await locked.read({
            campaignIds: [],
            requestKeys: [],
            recipientKeys: [],
            slots: [{ campaignId: campaign.id, slot: 53 }],
          })
        ).coupons.length,
      }))
      await untilWaiting(under.foreign)
      const { nowMs: whileWaiting } = await ledger.ping()
      await until(async () => (await ledger.ping()).nowMs > whileWaiting)
      await foreign.connection.commit()
      const { nowMs: granted, ...rest } = await seen
      expect(rest).toEqual({ max: [53], coupons: 1 })
      expect(granted).toBeGreaterThan(whileWaiting)
    })

    it('keeps no other campaign waiting, though one that is deleted has coupons right beside it', async () => {
      const [gone, beside] = [await create(), await create()]
      await ledger.record([aCoupon(gone, 1), aCoupon(gone, 2), aCoupon(gone, 100)])
      await ledger.lock([gone.id], async (locked) => {
        await locked.deleteCampaign(gone.id)
        expect(await ledger.record([aCoupon(beside, 1)])).toEqual({ status: 'recorded', count: 1 })
        expect(await ledger.createCampaign(aCampaign(nowMs, { id: `${gone.id}-` }))).toMatchObject({ created: true })
      })
      expect(await ledger.maxSlots([gone.id, beside.id])).toEqual([0, 1])
    })

    it('that fell to a deadlock does nothing more, whatever its work makes of it', async () => {
      const [a, b] = [await create(), await create()]
      using foreign = await foreignTransaction('SELECT * FROM campaigns WHERE id = ? FOR UPDATE', [b.id])
      await foreign.done
      // The foreign one has written more, so that the ledger's is the one that is given up.
      for (let slot = 1; slot <= 20; slot++) {
        const values = [b.id, `CODE${slot}`, slot, newKey()]
        await foreign.connection.query(
          'INSERT INTO coupons (campaign_id, coupon_code, issued_at, slot, request_key) VALUES (?, ?, UTC_TIMESTAMP(3), ?, UNHEX(?))',
          values,
        )
      }
      const outcomes: unknown[] = []
      const victim = ledger.lock([a.id], async (locked) => {
        const blocked = foreign.connection.query('UPDATE campaigns SET paused = 0 WHERE id = ?', [a.id])
        await untilWaiting(under.foreign)
        outcomes.push(await locked.markSoldOut(b, 1).catch((error: unknown) => error))
        await blocked
        outcomes.push(await locked.markSoldOut(a, 1).catch((error: unknown) => error))
      })
      await expect(victim).rejects.toBeInstanceOf(LedgerUnavailable)
      expect(outcomes).toEqual([expect.any(LedgerUnavailable), outcomes[0]])
      await foreign.connection.commit()
      expect((await ledger.campaigns([a.id])).campaigns).toEqual([a])
    })

    it('takes no statement after its end', async () => {
      const campaign = await create()
      const late = await ledger.lock([campaign.id], (locked) => Promise.resolve({ locked }))
      await expect(late.locked.markSoldOut(campaign, 1)).rejects.toBeInstanceOf(LedgerUnavailable)
    })
  })

  describe('errors', () => {
    it('carry no code, recipient or statement', async () => {
      const campaign = await create()
      const secret = aCoupon(campaign, 1, {
        couponCode: 'SECRETCODE',
        recipient: 'secret@example.com',
        recipientKey: newKey(),
      })
      const held = `INSERT INTO coupons (campaign_id, coupon_code, issued_at, slot, request_key)
        VALUES (?, 'HELD', NOW(3), 1, REPEAT('x', 16))`
      using foreign = await foreignTransaction(held, [campaign.id])
      await foreign.done
      const hasty = under.another({ limits: { lockWaitSMax: 1 } })
      const error: unknown = await hasty.record([secret]).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(LedgerUnavailable)
      expect(JSON.stringify(everything(error))).not.toMatch(/secret|INSERT/i)
    })
  })
})

/** All that a logger could find in it. */
function everything(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.getOwnPropertyNames(value).map((name) => [name, everything((value as Record<string, unknown>)[name])]),
  )
}
