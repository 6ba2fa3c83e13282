// The promises, as one suite that the whole path passes on every pair of stores.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Counter } from '../../src/counter/counter.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import type { crowd } from './open-path.ts'
import { allCoupons, change, countCodes, couponsOf, openCampaign, openPath, type Path, fill } from './open-path.ts'

/** What one server process holds. */
export interface Stores {
  readonly ledger: Ledger
  readonly counter: Counter | null
}

/**
 * @param open the stores of each server; all of them are connections to the same data
 * @param rounds how often the sell-out is repeated
 */
export function pathSuite(
  name: string,
  open: () => Promise<{ servers: Stores[]; close: () => Promise<void> }>,
  rounds: number,
): void {
  describe(name, () => {
    let paths: Path[] = []
    let stores: Stores
    let servers = 0
    let close = async () => {}
    const any = (index: number) => paths[index % paths.length] as Path

    beforeAll(async () => {
      const opened = await open()
      close = opened.close
      servers = opened.servers.length
      stores = opened.servers[0] as Stores
      paths = opened.servers.map(({ ledger, counter }) => openPath(ledger, counter))
    })
    afterAll(async () => {
      expect(paths.flatMap((path) => path.mistakes)).toEqual([])
      await close()
    })

    const everybody = (campaignId: string, count: number, call: Parameters<typeof crowd>[3] = () => ({})) =>
      Promise.all(Array.from({ length: count }, (_, index) => any(index).ask(campaignId, call(index))))

    test(`P1 P2 P6: 300 at once for 100, ${rounds} times: 100 issued, 200 sold out, nothing else`, async () => {
      for (let round = 0; round < rounds; round++) {
        const { id } = await openCampaign(stores.ledger, 100)
        const answers = await everybody(id, 300)
        expect(countCodes(answers)).toEqual({ issued: 100, sold_out: 200 })
        const rows = await allCoupons(stores.ledger, id)
        expect(rows.map((row) => row.slot)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
        expect(new Set(rows.map((row) => row.couponCode)).size).toBe(100)
        // P3: each answer is a row, with all that the answer said.
        const stored = new Map(rows.map((row) => [row.couponCode, row]))
        for (const coupon of couponsOf(answers))
          expect(stored.get(coupon.couponCode)).toMatchObject({ slot: coupon.slot, issuedAtMs: coupon.issuedAtMs })
      }
    })

    test('P2: not one fewer when demand is exactly the supply', async () => {
      const { id } = await openCampaign(stores.ledger, 1_234)
      expect(countCodes(await everybody(id, 1_234))).toEqual({ issued: 1_234 })
      expect(countCodes(await everybody(id, 10))).toEqual({ sold_out: 10 })
    })

    test('P4: one recipient asks 25 times of every server at once: one coupon, one code', async () => {
      const { id } = await openCampaign(stores.ledger, 10)
      const answers = await everybody(id, 25 * servers, () => ({ recipient: '김하나' }))
      expect(countCodes(answers)).toEqual({ issued: 1, replayed: 25 * servers - 1 })
      expect(new Set(couponsOf(answers).map((coupon) => coupon.couponCode)).size).toBe(1)
      expect(await allCoupons(stores.ledger, id)).toHaveLength(1)
    })

    test('P4: one key without a recipient, 25 times of every server at once: one coupon, one code', async () => {
      const { id } = await openCampaign(stores.ledger, 10)
      const answers = await everybody(id, 25 * servers, () => ({ idempotencyKey: 'order-7' }))
      expect(countCodes(answers)).toEqual({ issued: 1, replayed: 25 * servers - 1 })
      expect(new Set(couponsOf(answers).map((coupon) => coupon.couponCode)).size).toBe(1)
    })

    test('P4: double taps of everybody in a sell-out', async () => {
      const { id } = await openCampaign(stores.ledger, 100)
      const answers = await everybody(id, 450, (index) => ({ recipient: `m-${Math.floor(index / 3)}` }))
      const rows = await allCoupons(stores.ledger, id)
      expect(rows).toHaveLength(100)
      expect(new Set(rows.map((row) => row.recipient)).size).toBe(100)
      // 150 people, three calls each: whoever got one got it three times, whoever did not was told so three times.
      expect(countCodes(answers)).toEqual({ issued: 100, replayed: 200, sold_out: 150 })
    })

    test('P4: a key that comes with another recipient is refused, also while the first call is under way', async () => {
      const { id } = await openCampaign(stores.ledger, 10)
      const [first, second] = await Promise.all([
        any(0).ask(id, { idempotencyKey: 'k', recipient: 'a' }),
        any(0).ask(id, { idempotencyKey: 'k', recipient: 'b' }),
      ])
      expect([first.code, second.code]).toEqual(['issued', 'idempotency_key_reused'])
      expect(await any(1).ask(id, { idempotencyKey: 'k' })).toEqual({ code: 'idempotency_key_reused' })
    })

    test("P4: the key's own coupon goes before the recipient's", async () => {
      const { id } = await openCampaign(stores.ledger, 10)
      const first = await any(0).ask(id, { idempotencyKey: 'k', recipient: 'a' })
      const byKey = await any(1).ask(id, { idempotencyKey: 'k', recipient: 'a' })
      const byRecipient = await any(2).ask(id, { idempotencyKey: 'other', recipient: 'a' })
      expect(byKey).toMatchObject({ code: 'replayed', by: 'request', coupon: couponsOf([first])[0] })
      expect(byRecipient).toMatchObject({ code: 'replayed', by: 'recipient', coupon: couponsOf([first])[0] })
    })

    test('P4: keys belong to a client, recipients to a campaign', async () => {
      const one = await openCampaign(stores.ledger, 10)
      const other = await openCampaign(stores.ledger, 10)
      const call = { idempotencyKey: 'k', recipient: 'a' }
      const answers = await Promise.all([any(0).ask(one.id, call), any(0).ask(other.id, call)])
      answers.push(await any(0).ask(one.id, { ...call, client: 'shop', recipient: 'b' }))
      expect(countCodes(answers)).toEqual({ issued: 3 })
    })

    test('a retry by key, and by recipient, after sell-out, pause and end: their own coupon', async () => {
      const { id } = await openCampaign(stores.ledger, 2)
      const [byKey] = couponsOf([await any(0).ask(id, { idempotencyKey: 'k' })])
      const [byRecipient] = couponsOf([await any(1).ask(id, { recipient: 'a' })])
      const retry = async (refusal: string) => {
        expect(await any(2).ask(id, { idempotencyKey: 'k' })).toMatchObject({ code: 'replayed', coupon: byKey })
        expect(await any(0).ask(id, { recipient: 'a' })).toMatchObject({ code: 'replayed', coupon: byRecipient })
        expect((await any(1).ask(id, { recipient: 'new' })).code).toBe(refusal)
      }
      await retry('sold_out')
      await change(stores.ledger, id, { paused: true })
      await retry('campaign_paused')
      await change(stores.ledger, id, { paused: false, endTimeMs: (await stores.ledger.ping()).nowMs - 1 })
      await retry('campaign_ended')
    })

    test('P5: before the start nobody gets one; the answer says how long', async () => {
      const { nowMs } = await stores.ledger.ping()
      const { id, startTimeMs } = await openCampaign(stores.ledger, 5, { startTimeMs: nowMs + 60_000 })
      const answer = await any(0).ask(id, { recipient: 'a' })
      expect(answer).toMatchObject({ code: 'campaign_not_started', startTimeMs })
      expect(await allCoupons(stores.ledger, id)).toEqual([])
    })

    test('no such campaign, recipient required: in the order of precedence', async () => {
      expect(await any(0).ask('no-such')).toEqual({ code: 'campaign_not_found' })
      const { nowMs } = await stores.ledger.ping()
      const { id } = await openCampaign(stores.ledger, 5, {
        recipientRequired: true,
        paused: true,
        startTimeMs: nowMs + 60_000,
      })
      expect(await any(0).ask(id)).toEqual({ code: 'recipient_required' })
      expect(await any(0).ask(id, { recipient: 'a' })).toEqual({ code: 'campaign_paused' })
      await change(stores.ledger, id, { paused: false, endTimeMs: nowMs - 1 })
      expect((await any(0).ask(id, { recipient: 'a' })).code).toBe('campaign_not_started')
    })

    test('a raised total goes on after sold out, at every server; lowered to what is issued it is sold out again', async () => {
      const { id } = await openCampaign(stores.ledger, 10)
      expect(countCodes(await everybody(id, 30))).toEqual({ issued: 10, sold_out: 20 })
      await change(stores.ledger, id, { totalCoupons: 25 })
      expect(countCodes(await everybody(id, 10))).toEqual({ issued: 10 })
      await change(stores.ledger, id, { totalCoupons: 20 })
      expect(countCodes(await everybody(id, 30))).toEqual({ sold_out: 30 })
      expect((await allCoupons(stores.ledger, id)).at(-1)?.slot).toBe(20)
    })

    test('a pause is obeyed by every server at the next batch, also while it answers sold out', async () => {
      const { id } = await openCampaign(stores.ledger, 5)
      expect(countCodes(await everybody(id, 30))).toEqual({ issued: 5, sold_out: 25 })
      await change(stores.ledger, id, { paused: true })
      expect(countCodes(await everybody(id, 30))).toEqual({ campaign_paused: 30 })
    })

    test('many campaigns in one crowd, each exact', async () => {
      const campaigns = await Promise.all(Array.from({ length: 20 }, () => openCampaign(stores.ledger, 20)))
      const answers = await Promise.all(campaigns.map(({ id }) => everybody(id, 50)))
      for (const each of answers) expect(countCodes(each)).toEqual({ issued: 20, sold_out: 30 })
    })

    test('an id that came back after a deletion is another campaign', async () => {
      const { id } = await openCampaign(stores.ledger, 5)
      expect(countCodes(await everybody(id, 9))).toEqual({ issued: 5, sold_out: 4 })
      const [old] = (await stores.ledger.campaigns([id])).campaigns
      await stores.ledger.lock([id], (locked) => locked.deleteCampaign(id))
      expect(countCodes(await everybody(id, 3))).toEqual({ campaign_not_found: 3 })
      // Not within the same millisecond: that is what tells them apart.
      while ((await stores.ledger.ping()).nowMs <= (old?.createdAtMs ?? 0)) await new Promise(setImmediate)
      await openCampaign(stores.ledger, 7, { id })
      expect(countCodes(await everybody(id, 9))).toEqual({ issued: 7, sold_out: 2 })
    })

    test('gaps, wherever they are, are filled before anybody is told sold out', async () => {
      const campaign = await openCampaign(stores.ledger, 40)
      await fill(stores.ledger, campaign, [3, 4, 10, 25, 39, 40])
      expect(countCodes(await everybody(campaign.id, 60))).toEqual({ issued: 34, sold_out: 26 })
      expect((await allCoupons(stores.ledger, campaign.id)).map((row) => row.slot)).toEqual(
        Array.from({ length: 40 }, (_, index) => index + 1),
      )
    })

    test('callers who hang up: those who stay are served, the others find what they got, exactly N are issued', async () => {
      const { id } = await openCampaign(stores.ledger, 200)
      const gone = new Set<number>()
      const answers = Promise.all(
        Array.from({ length: 200 }, async (_, index) => {
          const answer = any(index).ask(id, { idempotencyKey: `k-${index}`, isGone: () => gone.has(index) })
          if (index % 2 === 1) setImmediate(() => gone.add(index))
          return answer
        }),
      )
      const stayed = (await answers).filter((_, index) => index % 2 === 0)
      expect(countCodes(stayed)).toEqual({ issued: 100 })
      gone.clear()
      const asked = await Promise.all(
        Array.from({ length: 100 }, (_, index) => any(index).ask(id, { idempotencyKey: `k-${2 * index + 1}` })),
      )
      expect(new Set(couponsOf([...stayed, ...asked]).map((coupon) => coupon.couponCode)).size).toBe(200)
      expect(await allCoupons(stores.ledger, id)).toHaveLength(200)
    })

    test('afterwards nothing waits and nothing is held', async () => {
      for (let turn = 0; turn < 1_000 && paths.some((path) => !path.issuer.isIdle); turn++)
        await new Promise(setImmediate)
      expect(paths.every((path) => path.issuer.isIdle)).toBe(true)
    })
  })
}
