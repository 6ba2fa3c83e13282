// The contract of the ledger, passed by every adapter. One database serves all cases, so that each makes its own
// campaigns; nothing is assumed of the clock but that it is the ledger's, so that every time is relative to `ping()`.

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CAMPAIGN_STATUSES, campaignStatus } from '../../src/campaign/campaign.ts'
import type { Campaign, CampaignIdentity } from '../../src/campaign/campaign.ts'
import { LedgerUnavailable, SEGMENT_SLOTS } from '../../src/ledger/ledger.ts'
import type { CampaignFilter, Coupon, Ledger, NewCampaign, NewCoupon } from '../../src/ledger/ledger.ts'
import type { ReadQuery, SlotRange } from '../../src/ledger/ledger.ts'
import { changesContract } from './ledger-changes.ts'
import { aCampaign, aCoupon, asStored, newId, newKey } from './ledger-samples.ts'

export interface LedgerUnderTest {
  readonly ledger: Ledger
  /** Of somebody who may do what only people do, where not everybody may. Default: the ledger. */
  readonly operator?: Ledger
  /** Closes the ledger, and removes what was made for it. */
  close(): Promise<void>
}

const everyCampaign: CampaignFilter = { test: 'all', status: null, text: null }
const nothing: ReadQuery = { campaignIds: [], requestKeys: [], recipientKeys: [], slots: [] }

function byRequest(...rows: readonly Coupon[]): ReadQuery {
  return { ...nothing, requestKeys: rows.map((row) => ({ campaignId: row.campaignId, key: row.requestKey })) }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

function bySlot(coupons: readonly Coupon[]): Coupon[] {
  return [...coupons].sort((a, b) => a.slot - b.slot)
}

/** The same call again until it is answered: what a deadlock or a lock wait asks of every caller. */
async function answered<T>(call: () => Promise<T>): Promise<T> {
  for (let left = 50; ; left -= 1) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof LedgerUnavailable) || left === 0) throw error
    }
  }
}

export function ledgerContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(name, () => {
    let under: LedgerUnderTest | undefined
    let ledger: Ledger
    let nowMs: number

    beforeAll(async () => {
      under = await open()
      ledger = under.ledger
      nowMs = (await ledger.ping()).nowMs
    })
    afterAll(() => under?.close())

    async function create(change: Partial<NewCampaign> = {}): Promise<Campaign> {
      return (await ledger.createCampaign(aCampaign(nowMs, change))).campaign
    }

    async function stored(campaign: { readonly id: string }): Promise<Campaign | undefined> {
      return (await ledger.campaigns([campaign.id])).campaigns[0]
    }

    async function coupons(campaign: { readonly id: string }): Promise<Coupon[]> {
      return ledger.listCoupons(campaign.id, { limit: 20_000, afterSlot: null, order: 'asc' })
    }

    /** Recorded to the last one, or the test is wrong. */
    async function fill(rows: readonly NewCoupon[]): Promise<void> {
      expect(await ledger.record(rows)).toEqual({ status: 'recorded', count: rows.length })
    }

    /** Until the ledger's clock has moved on: identities and orders by time need a millisecond between. */
    async function nextMillisecond(): Promise<number> {
      const { nowMs: before } = await ledger.ping()
      for (;;) {
        const { nowMs: now } = await ledger.ping()
        if (now > before) return now
      }
    }

    async function change(campaign: Campaign, to: Partial<Campaign>): Promise<void> {
      await ledger.lock([campaign.id], async (locked) => {
        const current = locked.campaigns.get(campaign.id)
        expect(current).toBeDefined()
        await locked.updateCampaign({ ...current!, ...to })
      })
    }

    describe('the clock', () => {
      it('is a whole number of milliseconds that does not run backwards', async () => {
        const first = await ledger.ping()
        const second = await ledger.read(nothing)
        const third = await ledger.campaigns([])
        const fourth = await ledger.lock([], async (locked) => locked.nowMs)
        const fifth = await ledger.listCampaigns({ limit: 1, after: null, ...everyCampaign })
        for (const value of [first.nowMs, second.nowMs, third.nowMs, fourth, fifth.nowMs]) {
          expect(Number.isInteger(value)).toBe(true)
        }
        expect(second.nowMs).toBeGreaterThanOrEqual(first.nowMs)
        expect(third.nowMs).toBeGreaterThanOrEqual(second.nowMs)
        expect(fourth).toBeGreaterThanOrEqual(third.nowMs)
        expect(fifth.nowMs).toBeGreaterThanOrEqual(fourth)
      })

      it('stands for a generation that is a number', () => {
        expect(typeof ledger.generation).toBe('number')
        expect(['campaign', 'database']).toContain(ledger.lockScope)
        expect(ledger.isAway).toBe(false)
      })
    })

    describe('createCampaign', () => {
      it('round-trips every field', async () => {
        const asked = aCampaign(nowMs, {
          name: '가을 🎟️ '.padEnd(200, '쿠') + '🦄'.repeat(20),
          startTimeMs: nowMs - 86_400_000 - 7,
          endTimeMs: nowMs + 86_400_000 + 3,
          totalCoupons: 2_147_483_647,
          recipientRequired: true,
          test: true,
          paused: true,
          codeFormat: { alphabet: 'hangul', length: 10, prefix: '가을-' },
          metadata: { ko: '안녕', emoji: '🎉', deep: { list: [1, 2.5, null, true, { a: 'b' }] }, quote: '"\\\'' },
        })
        const before = (await ledger.ping()).nowMs
        const answer = await ledger.createCampaign(asked)
        const after = (await ledger.ping()).nowMs
        expect(answer.created).toBe(true)
        expect(answer.campaign).toEqual({
          ...asked,
          version: 1,
          soldOutTotal: null,
          createdAtMs: expect.any(Number),
          updatedAtMs: answer.campaign.createdAtMs,
        })
        expect(answer.campaign.createdAtMs).toBeGreaterThanOrEqual(before)
        expect(answer.campaign.createdAtMs).toBeLessThanOrEqual(after)
        expect(await stored(asked)).toEqual(answer.campaign)
        const listed = await ledger.listCampaigns({
          limit: 1,
          after: { createdAtMs: answer.campaign.createdAtMs, id: `${asked.id}~` },
          ...everyCampaign,
        })
        expect(listed.campaigns[0]).toEqual(answer.campaign)
        const state = (await ledger.read({ ...nothing, campaignIds: [asked.id] })).campaigns.get(asked.id)
        expect(state).toMatchObject({
          id: asked.id,
          createdAtMs: answer.campaign.createdAtMs,
          startTimeMs: asked.startTimeMs,
          endTimeMs: asked.endTimeMs,
          totalCoupons: asked.totalCoupons,
          paused: true,
          recipientRequired: true,
          codeFormat: asked.codeFormat,
        })
        expect(await ledger.lock([asked.id], async (locked) => locked.campaigns.get(asked.id))).toEqual(answer.campaign)
      })

      it('round-trips the shortest and the longest text', async () => {
        for (const asked of [
          aCampaign(nowMs, { name: '쿠' }),
          aCampaign(nowMs, { name: '🎟'.repeat(255), id: newId().padEnd(64, 'x') }),
        ]) {
          const { campaign } = await ledger.createCampaign(asked)
          expect(campaign.name).toBe(asked.name)
          expect((await stored(asked))?.id).toBe(asked.id)
        }
      })

      it('starts now by its own clock when no start is given', async () => {
        const before = (await ledger.ping()).nowMs
        const campaign = await create({ startTimeMs: null })
        const after = (await ledger.ping()).nowMs
        expect(campaign.startTimeMs).toBe(campaign.createdAtMs)
        expect(campaign.startTimeMs).toBeGreaterThanOrEqual(before)
        expect(campaign.startTimeMs).toBeLessThanOrEqual(after)
        await fill([aCoupon(campaign, 1, { issuedAtMs: after })])
      })

      it('leaves the one that has the id as it is', async () => {
        const first = await create({ name: 'first', metadata: { a: 1 } })
        const again = await ledger.createCampaign(aCampaign(nowMs, { id: first.id, name: 'second', totalCoupons: 7 }))
        expect(again).toEqual({ created: false, campaign: first })
        expect(await stored(first)).toEqual(first)
      })

      it('gives one id to one of many at once', async () => {
        const id = newId()
        const answers = await Promise.all(
          range(1, 10).map((total) =>
            answered(() => ledger.createCampaign(aCampaign(nowMs, { id, totalCoupons: total }))),
          ),
        )
        expect(answers.filter((answer) => answer.created)).toHaveLength(1)
        for (const answer of answers) expect(answer.campaign).toEqual(answers[0]!.campaign)
      })

      it('tells ids apart by case', async () => {
        const lower = await create({ id: `${newId()}-abc`, name: 'lower' })
        const upper = await ledger.createCampaign(
          aCampaign(nowMs, { id: lower.id.replace('abc', 'ABC'), name: 'upper' }),
        )
        expect(upper.created).toBe(true)
        expect((await stored(lower))?.name).toBe('lower')
        expect((await stored(upper.campaign))?.name).toBe('upper')
        await fill([aCoupon(lower, 1)])
        expect(await coupons(upper.campaign)).toEqual([])
        expect(await ledger.maxSlots([upper.campaign.id, lower.id])).toEqual([0, 1])
      })
    })

    describe('campaigns', () => {
      it('answers those that exist, however often they are named', async () => {
        const [a, b] = [await create(), await create()]
        const { campaigns } = await ledger.campaigns([a.id, newId(), b.id])
        expect([...campaigns].sort((x, y) => (x.id === a.id ? -1 : y.id === a.id ? 1 : 0))).toEqual([a, b])
        expect((await ledger.campaigns([b.id, b.id])).campaigns).toEqual([b])
        expect((await ledger.campaigns([])).campaigns).toEqual([])
      })
    })

    describe('listCampaigns', () => {
      /** All pages, newest first. Others may be in the database: past the oldest of `mine` there is nothing to learn. */
      async function listed(mine: readonly Campaign[], limit: number, filter: CampaignFilter): Promise<Campaign[]> {
        const oldest = Math.min(...mine.map((campaign) => campaign.createdAtMs))
        const seen: Campaign[] = []
        let after: CampaignIdentity | null = null
        for (;;) {
          const page: Campaign[] = (await ledger.listCampaigns({ limit, after, ...filter })).campaigns
          expect(page.length).toBeLessThanOrEqual(limit)
          seen.push(...page)
          const last = page.at(-1)
          // A cursor that stands still would page for ever.
          if (last !== undefined) expect(last.id).not.toBe(after?.id)
          if (last === undefined || last.createdAtMs < oldest) break
          after = { createdAtMs: last.createdAtMs, id: last.id }
        }
        for (const [index, campaign] of seen.entries()) {
          const next = seen[index + 1]
          if (next === undefined) continue
          const later = campaign.createdAtMs - next.createdAtMs
          expect(later > 0 || (later === 0 && campaign.id > next.id)).toBe(true)
        }
        const ids = new Set(mine.map((campaign) => campaign.id))
        return seen.filter((campaign) => ids.has(campaign.id))
      }

      const idsOf = (campaigns: readonly Campaign[]) => campaigns.map((campaign) => campaign.id).sort()

      it('pages newest first without repetition or loss, equal times by id, whatever is asked for', async () => {
        const made = await Promise.all(
          range(1, 24).map((n) =>
            create({ test: n % 4 === 0, paused: n % 3 === 0, name: n % 2 === 0 ? '가을 쿠폰' : '봄 쿠폰' }),
          ),
        )
        const everything = await listed(made, 1_000, everyCampaign)
        expect(idsOf(everything)).toEqual(idsOf(made))
        for (const test of ['none', 'only', 'all'] as const) {
          for (const status of [null, 'paused', 'open'] as const) {
            for (const text of [null, '가을']) {
              const expected = everything.filter(
                (campaign) =>
                  (test === 'all' || campaign.test === (test === 'only')) &&
                  (status === null || campaign.paused === (status === 'paused')) &&
                  (text === null || campaign.name.includes(text)),
              )
              // More on a page is a matter of fewer statements: the smallest pages go wrong first.
              for (const limit of [1, 3]) expect(await listed(made, limit, { test, status, text })).toEqual(expected)
            }
          }
        }
      })

      it('knows each status; of one that is sold out by the hint, and only while the total stands', async () => {
        const [past, future] = [nowMs - 30_000, nowMs + 3_600_000]
        const scheduled = await create({ startTimeMs: future })
        const ended = await create({ endTimeMs: past })
        const open = await create({ endTimeMs: future })
        const paused = [{}, { startTimeMs: future }, { endTimeMs: past }].map((times) =>
          create({ ...times, paused: true }),
        )
        const soldOut = await create({ totalCoupons: 7 })
        const endless = await create()
        const hinted = [scheduled, ended, await paused[0]!, soldOut]
        for (const campaign of hinted) await ledger.markSoldOut(campaign, campaign.totalCoupons)
        const all = [scheduled, ended, open, endless, soldOut, ...(await Promise.all(paused))]
        const of = async (status: CampaignFilter['status']) =>
          idsOf(await listed(all, 100, { ...everyCampaign, status }))

        expect(await of('scheduled')).toEqual([scheduled.id])
        expect(await of('ended')).toEqual([ended.id])
        expect(await of('paused')).toEqual(idsOf(await Promise.all(paused)))
        expect(await of('sold_out')).toEqual([soldOut.id])
        expect(await of('open')).toEqual(idsOf([open, endless]))
        expect(await of(null)).toEqual(idsOf(all))

        for (const totalCoupons of [8, 6]) {
          await change(soldOut, { totalCoupons })
          expect(await of('sold_out')).toEqual([])
          expect(await of('open')).toEqual(idsOf([open, endless, soldOut]))
        }
        await change(soldOut, { totalCoupons: 7 })
        expect(await of('sold_out')).toEqual([soldOut.id])
      })

      it('judges by the clock that it answers, to the millisecond', async () => {
        const soonMs = (await ledger.ping()).nowMs + 30
        const made = await Promise.all(
          range(0, 7).map((n) => create({ startTimeMs: soonMs + 6 * n, endTimeMs: soonMs + 6 * n + 9 })),
        )
        const oldest = Math.min(...made.map((campaign) => campaign.createdAtMs))
        const ids = new Set(idsOf(made))
        for (let turn = 0, done = false; !done; turn += 1) {
          const status = CAMPAIGN_STATUSES[turn % CAMPAIGN_STATUSES.length]!
          const page = await ledger.listCampaigns({ limit: 1_000, after: null, ...everyCampaign, status })
          const shown = idsOf(page.campaigns.filter((campaign) => ids.has(campaign.id)))
          expect(page.campaigns.length < 1_000 || page.campaigns.at(-1)!.createdAtMs < oldest).toBe(true)
          expect(shown).toEqual(idsOf(made.filter((campaign) => campaignStatus(campaign, page.nowMs, 0) === status)))
          done = page.nowMs > soonMs + 100
        }
      })

      describe('finds a part of name or id', () => {
        /** By its name: what it is found by, and what it is not, though it looks alike. */
        const names: [name: string, found: string[], notFound: string[]][] = [
          ['가을 선착순 쿠폰', ['가을', '을 선', '쿠폰', '가을 선착순 쿠폰'], ['가 을', '가을 쿠폰', '갸을', 'ㄱ']],
          ['CAFÉ Été', ['café', 'CAFÉ', 'É', 'é été', 'fÉ ét'], ['Cafe', 'ete', 'E\u0301']],
          ['a 🎉 party 🦄', ['🎉', ' 🎉 P', '🦄'], ['🎊', '🎉🦄']],
          ['100% off_now', ['100%', '% OFF', 'off_', '%'], ['1%', '100_', '%%', 'offXnow', '__']],
          [`it's "C:\\new"`, ["it's", "'", '"c:', '\\', '\\N', '\\new"'], ['\\\\', "''", '\n', '\\"']],
          ['ΟΔΟΣΑ', ['οδοσ', 'ΟΔΟΣ', 'δος'], ['ΟΔΑ']],
        ]

        it('in any case, and otherwise to the letter', async () => {
          const made = await Promise.all(names.map(async ([name]) => create({ name })))
          for (const [index, [, found, notFound]] of names.entries()) {
            const shows = async (text: string) => idsOf(await listed(made, 1_000, { ...everyCampaign, text }))
            for (const text of found) expect(await shows(text), text).toContain(made[index]!.id)
            for (const text of notFound) expect(await shows(text), text).not.toContain(made[index]!.id)
          }
        })

        it('each by its own name, whatever letters the database knows the small ones of', async () => {
          const letters = ['ŞİŞLİ', 'ıstanbul', 'Straße ẞ', 'Ⱥ Ҋ Ӏ', 'ŉ ǰ ﬁ', '𐐀𐐨', 'Ა', 'ꭰ', 'ς', 'Å Å K']
          const made = await Promise.all(letters.map((name) => create({ name })))
          for (const campaign of made) {
            const shown = await listed(made, 1_000, { ...everyCampaign, text: campaign.name })
            expect(idsOf(shown), campaign.name).toContain(campaign.id)
          }
        })

        it('an id is compared as strictly as a name', async () => {
          const id = `${newId()}-Cafe_X-100`
          const made = [await create({ id, name: '봄' }), await create({ name: '봄' })]
          for (const text of ['cafe', 'CAFE_x', '-100', id, id.toUpperCase()]) {
            expect(idsOf(await listed(made, 1_000, { ...everyCampaign, text })), text).toEqual([id])
          }
          for (const text of ['café', 'e\u0301', 'ｃａｆｅ', 'cafe%', 'cafe__', 'cafe-x', '\u200b', '🙂', `${id} `]) {
            expect(await listed(made, 1_000, { ...everyCampaign, text }), text).toEqual([])
          }
        })
      })
    })

    describe('read', () => {
      it('answers its clock when nothing is asked, and nothing for what is not there', async () => {
        const empty = await ledger.read(nothing)
        expect(typeof empty.nowMs).toBe('number')
        expect(empty.campaigns.size).toBe(0)
        expect(empty.coupons).toEqual([])
        const campaign = await create()
        const absent = await ledger.read({
          campaignIds: [newId()],
          requestKeys: [{ campaignId: campaign.id, key: newKey() }],
          recipientKeys: [{ campaignId: campaign.id, key: newKey() }],
          slots: [{ campaignId: campaign.id, slot: 1 }],
        })
        expect(absent.campaigns.size).toBe(0)
        expect(absent.coupons).toEqual([])
      })

      it('finds a coupon by request key, by recipient key and by slot, in its own campaign only', async () => {
        const [a, b] = [await create(), await create()]
        const [recipientKey, requestKey] = [newKey(), newKey()]
        const inA = aCoupon(a, 5, { recipient: '김하나 🙂', recipientKey, requestKey })
        const inB = aCoupon(b, 6, { recipient: '김하나 🙂', recipientKey, requestKey, couponCode: inA.couponCode })
        await fill([inA, inB, aCoupon(a, 7), aCoupon(b, 5)])

        for (const [wanted, campaignId] of [
          [inA, a.id],
          [inB, b.id],
        ] as const) {
          const slot = wanted.slot
          for (const query of [
            { ...nothing, requestKeys: [{ campaignId, key: requestKey }] },
            { ...nothing, recipientKeys: [{ campaignId, key: recipientKey }] },
            { ...nothing, slots: [{ campaignId, slot }] },
          ]) {
            expect((await ledger.read(query)).coupons).toEqual([asStored(wanted)])
          }
        }
        // A key of one kind is not one of the other, and b has nothing on 7.
        const crossed = await ledger.read({
          campaignIds: [],
          requestKeys: [{ campaignId: a.id, key: recipientKey }],
          recipientKeys: [{ campaignId: a.id, key: requestKey }],
          slots: [{ campaignId: b.id, slot: 7 }],
        })
        expect(crossed.coupons).toEqual([])
      })

      it('answers 500 of each kind at once', async () => {
        const [a, b] = [await create({ totalCoupons: 1_000 }), await create({ totalCoupons: 1_000 })]
        const rows = range(1, 500).map((slot) =>
          aCoupon(slot % 2 === 0 ? a : b, slot, { recipient: `r${slot}`, recipientKey: newKey() }),
        )
        await fill(rows)
        const answer = await ledger.read({
          campaignIds: [a.id, b.id, newId()],
          requestKeys: rows.map((row) => ({ campaignId: row.campaignId, key: row.requestKey })),
          recipientKeys: rows.map((row) => ({ campaignId: row.campaignId, key: row.recipientKey! })),
          slots: rows.map((row) => ({ campaignId: row.campaignId, slot: row.slot })),
        })
        expect([...answer.campaigns.keys()].sort()).toEqual([a.id, b.id].sort())
        const distinct = new Map(answer.coupons.map((coupon) => [coupon.requestKey, coupon]))
        expect(bySlot([...distinct.values()])).toEqual(rows.map(asStored))
      })

      it('is one snapshot: never half of a statement', async () => {
        const campaign = await create({ totalCoupons: 200 })
        const pairs = range(1, 40).map((n) => [aCoupon(campaign, 2 * n - 1), aCoupon(campaign, 2 * n)] as const)
        let reads = 0
        let writing = true
        const reading = (async () => {
          while (writing || reads === 0) {
            reads += 1
            const found = new Set((await ledger.read(byRequest(...pairs.flat()))).coupons.map((coupon) => coupon.slot))
            for (const [first, second] of pairs) expect(found.has(first.slot)).toBe(found.has(second.slot))
          }
        })()
        for (const pair of pairs) await fill(pair)
        writing = false
        await reading
      })

      it('does not see what is not committed', async () => {
        const campaign = await create()
        const rows = [aCoupon(campaign, 1), aCoupon(campaign, 2)]
        let reading: Promise<number> | undefined
        await ledger.lock([campaign.id], async (locked) => {
          await locked.record([rows[0]!])
          // Not awaited here: an adapter with one connection answers it after the lock.
          reading = ledger.read(byRequest(...rows)).then((answer) => answer.coupons.length)
          await ledger.ping()
          await locked.record([rows[1]!])
        })
        expect([0, 2]).toContain(await reading)
        expect((await ledger.read(byRequest(...rows))).coupons).toHaveLength(2)
      })
    })

    describe('record', () => {
      it('writes all rows and gives them back as they are, to the millisecond', async () => {
        const campaign = await create()
        const rows = range(1, 20).map((slot) =>
          aCoupon(campaign, slot, {
            issuedAtMs: campaign.startTimeMs + slot * 7 + (slot % 10),
            couponCode: slot === 1 ? '가나-2' : slot === 2 ? 'X'.repeat(64) : `CODE${slot}`,
            ...(slot % 2 === 0
              ? {
                  recipient:
                    slot === 4 ? '🙂'.repeat(255) : slot === 6 ? 'a\u0000b\n\u2028' : `받는 사람 "${slot}" \\ 'x'`,
                  recipientKey: newKey(),
                }
              : {}),
          }),
        )
        expect(await ledger.record(rows)).toEqual({ status: 'recorded', count: 20 })
        expect(await coupons(campaign)).toEqual(rows.map(asStored))
      })

      it('writes nothing when nothing is given', async () => {
        expect(await ledger.record([])).toEqual({ status: 'recorded', count: 0 })
      })

      it('writes 500 rows of many campaigns at once', async () => {
        const campaigns = await Promise.all(range(1, 20).map(() => create()))
        const rows = range(1, 500).map((n) => aCoupon(campaigns[n % 20]!, Math.ceil(n / 20)))
        expect(await ledger.record(rows)).toEqual({ status: 'recorded', count: 500 })
        expect(await ledger.maxSlots(campaigns.map((campaign) => campaign.id))).toEqual(campaigns.map(() => 25))
      })

      describe('the guard refuses', () => {
        /** Whatever is wrong with `row`: the good ones of the same statement are written, it is not. */
        async function refuses(row: NewCoupon): Promise<void> {
          const good = await create()
          const others = [aCoupon(good, 1), aCoupon(good, 2)]
          expect(await ledger.record([others[0]!, row, others[1]!])).toEqual({ status: 'recorded', count: 2 })
          expect((await ledger.read(byRequest(row))).coupons).toEqual([])
          expect(await coupons(good)).toEqual(others.map(asStored))
          expect(await ledger.record([row])).toEqual({ status: 'recorded', count: 0 })
        }

        it('a campaign that is not there', async () => {
          const campaign = await create()
          await refuses(aCoupon({ ...campaign, id: newId() }, 1))
        })

        it('another identity of the same id', async () => {
          const campaign = await create()
          await refuses(aCoupon(campaign, 1, { campaignCreatedAtMs: campaign.createdAtMs - 1 }))
          await refuses(aCoupon(campaign, 1, { campaignCreatedAtMs: campaign.createdAtMs + 1 }))
        })

        it('what was made before the campaign was changed', async () => {
          const campaign = await create()
          await change(campaign, { version: campaign.version + 1 })
          await refuses(aCoupon(campaign, 1))
          await fill([aCoupon({ ...campaign, version: campaign.version + 1 }, 1)])
        })

        it('what was issued before the start', async () => {
          const campaign = await create()
          await refuses(aCoupon(campaign, 1, { issuedAtMs: campaign.startTimeMs - 1 }))
          await fill([aCoupon(campaign, 1, { issuedAtMs: campaign.startTimeMs })])
        })

        it('what the ledger itself finds not started, whatever the row says', async () => {
          const campaign = await create({ startTimeMs: nowMs + 3_600_000 })
          await refuses(aCoupon(campaign, 1, { issuedAtMs: nowMs + 7_200_000 }))
        })

        it('what has ended meanwhile', async () => {
          const campaign = await create({ endTimeMs: nowMs })
          await refuses(aCoupon(campaign, 1, { issuedAtMs: nowMs - 1_000 }))
          const open = await create({ endTimeMs: nowMs + 3_600_000 })
          await fill([aCoupon(open, 1)])
        })

        it('a paused campaign', async () => {
          const campaign = await create({ paused: true })
          await refuses(aCoupon(campaign, 1))
          await change(campaign, { paused: false })
          await fill([aCoupon(campaign, 1)])
          await change(campaign, { paused: true })
          await refuses(aCoupon(campaign, 2))
        })

        it('a slot below 1 or above the total', async () => {
          const campaign = await create({ totalCoupons: 3 })
          await refuses(aCoupon(campaign, 0))
          await refuses(aCoupon(campaign, -1))
          await refuses(aCoupon(campaign, 4))
          await refuses(aCoupon(campaign, 2_147_483_647))
          await fill([aCoupon(campaign, 1), aCoupon(campaign, 3)])
          expect((await coupons(campaign)).map((coupon) => coupon.slot)).toEqual([1, 3])
        })
      })

      describe('says duplicate, and writes nothing,', () => {
        async function duplicate(change: (taken: NewCoupon) => Partial<NewCoupon>): Promise<void> {
          const [campaign, other] = [await create(), await create()]
          const taken = aCoupon(campaign, 1, { recipient: 'one', recipientKey: newKey() })
          await fill([taken])
          const same = change(taken)
          const row = aCoupon(campaign, 2, { recipient: 'two', recipientKey: newKey(), ...same })
          expect(await ledger.record([aCoupon(other, 1), aCoupon(campaign, 8), row, aCoupon(campaign, 9)])).toEqual({
            status: 'duplicate',
          })
          expect(await coupons(campaign)).toEqual([asStored(taken)])
          expect(await coupons(other)).toEqual([])
          // The same twice in one statement is as taken as a row that was there before.
          const twin = { recipient: 'three', recipientKey: newKey() }
          const first = aCoupon(other, 3, twin)
          expect(
            await ledger.record([first, aCoupon(other, 4, { ...twin, recipientKey: newKey(), ...change(first) })]),
          ).toEqual({
            status: 'duplicate',
          })
          expect(await coupons(other)).toEqual([])
          // In another campaign it is not taken.
          await fill([aCoupon(other, 2, { recipient: 'two', recipientKey: newKey(), ...same })])
        }

        it('for a slot', () => duplicate(({ slot }) => ({ slot })))
        it('for a code', () => duplicate(({ couponCode }) => ({ couponCode })))
        it('for a request key', () => duplicate(({ requestKey }) => ({ requestKey })))
        it('for a recipient key', () => duplicate(({ recipientKey }) => ({ recipientKey })))

        it('for the very same statement again', async () => {
          const campaign = await create()
          const rows = [aCoupon(campaign, 1), aCoupon(campaign, 2)]
          await fill(rows)
          expect(await ledger.record(rows)).toEqual({ status: 'duplicate' })
          expect(await coupons(campaign)).toEqual(rows.map(asStored))
        })
      })

      it('takes any number of rows without a recipient', async () => {
        const campaign = await create()
        await fill(range(1, 50).map((slot) => aCoupon(campaign, slot)))
      })

      it('tells codes apart by case and accent', async () => {
        const campaign = await create()
        const codes = ['A', 'a', 'á', 'Á', 'ａ', '가', '각']
        await fill(codes.map((couponCode, index) => aCoupon(campaign, index + 1, { couponCode })))
        for (const [index, code] of codes.entries()) {
          expect((await ledger.couponByCode(campaign.id, code))?.slot).toBe(index + 1)
        }
        expect(await ledger.couponByCode(campaign.id, 'À')).toBeNull()
      })

      describe('says invalid, and writes nothing,', () => {
        async function invalid(change: Partial<NewCoupon>): Promise<void> {
          const campaign = await create()
          const rows = [aCoupon(campaign, 1), aCoupon(campaign, 2, change), aCoupon(campaign, 3)]
          expect(await ledger.record(rows)).toEqual({ status: 'invalid' })
          expect(await coupons(campaign)).toEqual([])
          await fill([rows[0]!, rows[2]!])
        }

        it('for a code of 65 characters', () => invalid({ couponCode: 'X'.repeat(65) }))
        it('for a code of 65 wide characters', () => invalid({ couponCode: '가'.repeat(65) }))
        it('for a recipient of 256 code points', () => invalid({ recipient: 'r'.repeat(256), recipientKey: newKey() }))
        it('for a recipient of 256 wide code points', () =>
          invalid({ recipient: '🙂'.repeat(256), recipientKey: newKey() }))
        it('for a recipient without a key', () => invalid({ recipient: 'somebody' }))
        it('for half a surrogate pair', () => invalid({ recipient: 'r\ud83d', recipientKey: newKey() }))
        it('for a request key that is too short', () => invalid({ requestKey: newKey().slice(2) }))
        it('for a request key that is too long', () => invalid({ requestKey: `${newKey()}00` }))
        it('for a request key that is not hex', () => invalid({ requestKey: 'x'.repeat(32) }))
        it('for a recipient key that is not hex', () => invalid({ recipient: 'r', recipientKey: 'x'.repeat(32) }))
        it('for a recipient key that is too short', () => invalid({ recipient: 'r', recipientKey: newKey().slice(2) }))
        it('for a recipient key that is too long', () => invalid({ recipient: 'r', recipientKey: `${newKey()}00` }))
      })

      it('of many statements at once on one slot lets one through', async () => {
        const campaign = await create()
        const answers = await Promise.all(range(1, 20).map(() => answered(() => ledger.record([aCoupon(campaign, 1)]))))
        const recorded = answers.filter((answer) => answer.status === 'recorded' && answer.count === 1)
        expect(await coupons(campaign)).toHaveLength(1)
        expect(recorded.length).toBeLessThanOrEqual(1)
      })
    })

    describe('lock', () => {
      it('shows the campaigns as they are now, absent ones absent', async () => {
        const [a, b] = [await create(), await create()]
        const absent = newId()
        await change(a, { name: 'changed' })
        const seen = await ledger.lock([b.id, absent, a.id], async (locked) => {
          expect(typeof locked.nowMs).toBe('number')
          return new Map(locked.campaigns)
        })
        expect([...seen.keys()].sort()).toEqual([a.id, b.id].sort())
        expect(seen.get(a.id)).toEqual(await stored(a))
        expect(seen.get(a.id)?.name).toBe('changed')
        expect(seen.get(b.id)).toEqual(b)
      })

      it('resolves with what its work resolves with', async () => {
        expect(await ledger.lock([newId()], async () => 'worked')).toBe('worked')
      })

      it('rolls back when its work throws, and passes the very error on', async () => {
        const campaign = await create()
        const error = new Error('changed my mind')
        const work = ledger.lock([campaign.id], async (locked) => {
          expect(await locked.record([aCoupon(campaign, 1)])).toEqual({ status: 'recorded', count: 1 })
          await locked.updateCampaign({ ...campaign, name: 'other', version: 2 })
          throw error
        })
        await expect(work).rejects.toBe(error)
        expect(await stored(campaign)).toEqual(campaign)
        expect(await coupons(campaign)).toEqual([])
        await fill([aCoupon(campaign, 1)])
      })

      it('sees what it wrote itself', async () => {
        const campaign = await create({ totalCoupons: 10_000 })
        await fill([aCoupon(campaign, 1)])
        const rows = [aCoupon(campaign, 3, { recipient: 'r', recipientKey: newKey() }), aCoupon(campaign, 4_097)]
        await ledger.lock([campaign.id], async (locked) => {
          expect(await locked.maxSlots([campaign.id])).toEqual([1])
          expect(await locked.record(rows)).toEqual({ status: 'recorded', count: 2 })
          expect(await locked.maxSlots([campaign.id])).toEqual([4_097])
          expect(await locked.takenSlots(campaign.id, { from: 1, to: SEGMENT_SLOTS })).toEqual([1, 3])
          expect(await locked.countSegments(campaign.id, [{ from: 1, to: 10_000 }])).toEqual([
            { segment: 0, count: 2 },
            { segment: 1, count: 1 },
          ])
          expect(bySlot((await locked.read(byRequest(...rows))).coupons)).toEqual(rows.map(asStored))
        })
        expect((await ledger.read(byRequest(...rows))).coupons).toHaveLength(2)
      })

      it('goes on after a duplicate or an invalid statement, without its rows', async () => {
        const campaign = await create()
        await fill([aCoupon(campaign, 1)])
        const last = aCoupon(campaign, 2)
        await ledger.lock([campaign.id], async (locked) => {
          expect(await locked.record([aCoupon(campaign, 5), aCoupon(campaign, 1)])).toEqual({ status: 'duplicate' })
          expect(
            await locked.record([aCoupon(campaign, 6), aCoupon(campaign, 7, { couponCode: 'X'.repeat(65) })]),
          ).toEqual({
            status: 'invalid',
          })
          expect(await locked.record([last, aCoupon(campaign, 101)])).toEqual({ status: 'recorded', count: 1 })
        })
        expect((await coupons(campaign)).map((coupon) => coupon.slot)).toEqual([1, 2])
      })

      it('keeps every other writer of its campaign out until it ends', async () => {
        const campaign = await create()
        let before: readonly number[] = []
        let after: readonly number[] = []
        let outside: Promise<{ status: string; count?: number }[]> | undefined
        await ledger.lock([campaign.id], async (locked) => {
          before = await locked.takenSlots(campaign.id, { from: 1, to: 100 })
          outside = Promise.all(range(1, 5).map((slot) => answered(() => ledger.record([aCoupon(campaign, slot)]))))
          for (let turn = 0; turn < 20; turn += 1) await ledger.ping()
          after = await locked.takenSlots(campaign.id, { from: 1, to: 100 })
          // A snapshot could hide their rows from a read, but not from a unique key.
          const mine = range(1, 5).map((slot) => aCoupon(campaign, slot))
          expect(await locked.record(mine)).toEqual({ status: 'recorded', count: 5 })
        })
        expect(before).toEqual([])
        expect(after).toEqual([])
        for (const answer of (await outside) ?? []) {
          expect(answer.status === 'duplicate' || answer.count === 0).toBe(true)
        }
        expect(await coupons(campaign)).toHaveLength(5)
      })

      it('lets each of many on one campaign see all that went before', async () => {
        const campaign = await create()
        await Promise.all(
          range(1, 20).map(() =>
            answered(() =>
              ledger.lock([campaign.id], async (locked) => {
                const [max] = await locked.maxSlots([campaign.id])
                expect(await locked.record([aCoupon(campaign, max! + 1)])).toEqual({ status: 'recorded', count: 1 })
              }),
            ),
          ),
        )
        expect((await coupons(campaign)).map((coupon) => coupon.slot)).toEqual(range(1, 20))
      })

      it('of two campaigns does not deadlock with one that names them the other way round', async () => {
        const [a, b] = [await create(), await create()]
        const done = await Promise.all(
          range(1, 20).map((n) =>
            ledger.lock(n % 2 === 0 ? [a.id, b.id] : [b.id, a.id], async (locked) => {
              await locked.record([aCoupon(a, n), aCoupon(b, n)])
              return n
            }),
          ),
        )
        expect(done).toEqual(range(1, 20))
        expect(await ledger.maxSlots([a.id, b.id])).toEqual([20, 20])
      })

      it('leaves the total as low as it set it: no row above it, whoever writes at the same time', async () => {
        const campaign = await create({ totalCoupons: 40 })
        const recording = range(1, 40).map((slot) => answered(() => ledger.record([aCoupon(campaign, slot)])))
        const lowering = answered(() =>
          ledger.lock([campaign.id], async (locked) => {
            const [max] = await locked.maxSlots([campaign.id])
            const totalCoupons = Math.max(1, max!)
            await locked.updateCampaign({ ...campaign, totalCoupons })
            return totalCoupons
          }),
        )
        const total = await lowering
        await Promise.all(recording)
        expect((await stored(campaign))?.totalCoupons).toBe(total)
        for (const coupon of await coupons(campaign)) expect(coupon.slot).toBeLessThanOrEqual(total)
        expect(await ledger.record([aCoupon(campaign, total + 1)])).toEqual({ status: 'recorded', count: 0 })
      })
    })

    describe('updateCampaign', () => {
      it('replaces all that may change; version is the caller’s, the time the ledger’s', async () => {
        const campaign = await create({ endTimeMs: nowMs + 1_000_000, metadata: { a: 1 }, totalCoupons: 5 })
        const other = await create()
        const laterMs = await nextMillisecond()
        const changed: Campaign = {
          ...campaign,
          name: '바뀐 이름 🎟',
          startTimeMs: campaign.startTimeMs - 5_001,
          endTimeMs: null,
          totalCoupons: 9,
          paused: true,
          recipientRequired: true,
          codeFormat: { alphabet: 'digits', length: 20, prefix: 'P' },
          metadata: { b: ['둘'] },
          version: 7,
        }
        await ledger.lock([campaign.id], (locked) => locked.updateCampaign(changed))
        const now = await stored(campaign)
        expect(now).toEqual({ ...changed, updatedAtMs: expect.any(Number) })
        expect(now!.updatedAtMs).toBeGreaterThanOrEqual(laterMs)
        expect(now!.updatedAtMs).toBeLessThanOrEqual((await ledger.ping()).nowMs)
        expect(await stored(other)).toEqual(other)
      })
    })

    describe('markSoldOut', () => {
      const inALock = (campaign: Campaign, total: number) =>
        ledger.lock([campaign.id], (locked) => locked.markSoldOut(campaign, total))

      it.each([
        ['by itself', (campaign: Campaign, total: number) => ledger.markSoldOut(campaign, total)],
        ['in a lock', inALock],
      ])('%s writes the hint, and touches neither version nor time', async (_, mark) => {
        const [campaign, other] = [await create(), await create()]
        await nextMillisecond()
        for (let time = 0; time < 2; time += 1) {
          await mark(campaign, 100)
          expect(await stored(campaign)).toEqual({ ...campaign, soldOutTotal: 100 })
        }
        expect(await stored(other)).toEqual(other)
      })

      it.each([
        ['by itself', (campaign: Campaign, total: number) => ledger.markSoldOut(campaign, total)],
        ['in a lock', inALock],
      ])('%s leaves alone what has another identity or another total', async (_, mark) => {
        const campaign = await create()
        await mark({ ...campaign, createdAtMs: campaign.createdAtMs - 1 }, 100)
        await mark({ ...campaign, createdAtMs: campaign.createdAtMs + 1 }, 100)
        await mark(campaign, 99)
        await mark(campaign, 101)
        await mark({ ...campaign, id: newId() }, 100)
        expect(await stored(campaign)).toEqual(campaign)
        // What the campaign had when it was counted is not what it has now.
        await change(campaign, { totalCoupons: 101 })
        await mark(campaign, 100)
        expect((await stored(campaign))?.soldOutTotal).toBeNull()
      })
    })

    describe('deleteCoupons', () => {
      it('bites: the last slot that was deleted, and null when there was none', async () => {
        const [campaign, other] = [await create({ totalCoupons: 20_000 }), await create()]
        const slots = range(1, 5_400).map((n) => 3 * n)
        for (let from = 0; from < slots.length; from += 1_800) {
          await fill(slots.slice(from, from + 1_800).map((slot) => aCoupon(campaign, slot)))
        }
        await fill([aCoupon(other, 7)])
        const bite = (afterSlot: number) =>
          ledger.lock([campaign.id], (locked) => locked.deleteCoupons(campaign.id, afterSlot))

        // Beyond 600: the first 200 stay, and so many go that everybody else soon has a turn.
        const first = await bite(600)
        expect(slots).toContain(first)
        expect(first).toBeGreaterThan(600)
        expect(first).toBeLessThan(slots.at(-1)!)
        const left = slots.filter((slot) => slot <= 600 || slot > first!)
        expect((await coupons(campaign)).map((coupon) => coupon.slot)).toEqual(left)

        let bites = 1
        for (let slot: number | null = 0; slot !== null; bites += 1) {
          const afterSlot: number = slot
          slot = await bite(afterSlot)
          if (slot !== null) expect(slot).toBeGreaterThan(afterSlot)
        }
        expect(bites).toBeLessThan(30)
        expect(await coupons(campaign)).toEqual([])
        expect(await coupons(other)).toHaveLength(1)
        expect(await stored(campaign)).toEqual(campaign)
        expect(await bite(0)).toBeNull()
        expect(await ledger.lock([], (locked) => locked.deleteCoupons(newId(), 0))).toBeNull()
      })

      it('is rolled back with its lock; inside it the slots are free', async () => {
        const campaign = await create()
        await fill(range(1, 30).map((slot) => aCoupon(campaign, slot)))
        const before = await coupons(campaign)
        const error = new Error('changed my mind')
        const work = ledger.lock([campaign.id], async (locked) => {
          expect(await locked.deleteCoupons(campaign.id, 10)).toBe(30)
          expect(await locked.maxSlots([campaign.id])).toEqual([10])
          expect(await locked.record([aCoupon(campaign, 11)])).toEqual({ status: 'recorded', count: 1 })
          throw error
        })
        await expect(work).rejects.toBe(error)
        expect(await coupons(campaign)).toEqual(before)
      })
    })

    describe('deleteCampaign', () => {
      it('takes the campaign and all its coupons, and nothing else', async () => {
        const [campaign, other] = [await create(), await create()]
        await fill([...range(1, 50).map((slot) => aCoupon(campaign, slot)), aCoupon(other, 1)])
        await ledger.lock([campaign.id], (locked) => locked.deleteCampaign(campaign.id))
        expect(await stored(campaign)).toBeUndefined()
        expect(await coupons(campaign)).toEqual([])
        expect(await coupons(other)).toHaveLength(1)
        expect(await ledger.record([aCoupon(campaign, 60)])).toEqual({ status: 'recorded', count: 0 })
      })

      it('makes room for a new one with the same id, which is another campaign', async () => {
        const campaign = await create()
        const row = aCoupon(campaign, 1)
        await fill([row])
        await ledger.lock([campaign.id], (locked) => locked.deleteCampaign(campaign.id))
        const { created, campaign: next } = await ledger.createCampaign(
          aCampaign(nowMs, { id: campaign.id, name: 'next' }),
        )
        expect(created).toBe(true)
        expect(next.createdAtMs).toBeGreaterThan(campaign.createdAtMs)
        expect(next.version).toBe(1)
        expect(await ledger.record([row])).toEqual({ status: 'recorded', count: 0 })
        await fill([{ ...row, campaignCreatedAtMs: next.createdAtMs }])
      })
    })

    changesContract(
      () => ledger,
      () => under?.operator ?? ledger,
    )

    describe('slots', () => {
      /** Rows on both sides of segment borders, and few enough to be quick. */
      const slots = [1, 2, 4_095, 4_096, 4_097, 4_098, 8_192, 8_193, 20_480, 2_147_483_647]
      let campaign: Campaign

      beforeAll(async () => {
        campaign = await create({ totalCoupons: 2_147_483_647 })
        const neighbour = await create({ totalCoupons: 2_147_483_647, id: `${campaign.id}0` })
        await fill([
          ...slots.map((slot) => aCoupon(campaign, slot)),
          ...range(3, 30).map((slot) => aCoupon(neighbour, slot)),
        ])
      })

      it('maxSlots: in the order asked, 0 where there is none', async () => {
        const empty = await create()
        const few = await create()
        await fill([aCoupon(few, 2), aCoupon(few, 10), aCoupon(few, 9)])
        const max = await ledger.maxSlots([few.id, empty.id, campaign.id, newId(), few.id])
        expect(max).toEqual([10, 0, 2_147_483_647, 0, 10])
        for (const value of max) expect(typeof value).toBe('number')
        expect(await ledger.maxSlots([])).toEqual([])
      })

      it('countSegments: by segment, only inside the ranges', async () => {
        const count = (...ranges: SlotRange[]) => ledger.countSegments(campaign.id, ranges)
        expect(await count({ from: 1, to: 20_480 })).toEqual([
          { segment: 0, count: 4 },
          { segment: 1, count: 3 },
          { segment: 2, count: 1 },
          { segment: 4, count: 1 },
        ])
        expect(await count({ from: 4_096, to: 4_097 })).toEqual([
          { segment: 0, count: 1 },
          { segment: 1, count: 1 },
        ])
        expect(await count({ from: 2, to: 4_095 })).toEqual([{ segment: 0, count: 2 }])
        expect(await count({ from: 8_192, to: 8_192 })).toEqual([{ segment: 1, count: 1 }])
        expect(await count({ from: 3, to: 4_094 })).toEqual([])
        expect(await count({ from: 2_147_483_000, to: 2_147_483_647 })).toEqual([{ segment: 524_287, count: 1 }])
        expect(await count()).toEqual([])
        expect(await ledger.countSegments(newId(), [{ from: 1, to: 100 }])).toEqual([])
        for (const { segment, count: rows } of await count({ from: 1, to: 9_000 })) {
          expect([typeof segment, typeof rows]).toEqual(['number', 'number'])
        }
      })

      it('countSegments: several ranges of one segment are one number; the answer ascends', async () => {
        const ranges = [
          { from: 8_193, to: 30_000 },
          { from: 1, to: 1 },
          { from: 4_096, to: 4_097 },
          { from: 3, to: 4_095 },
        ]
        expect(await ledger.countSegments(campaign.id, ranges)).toEqual([
          { segment: 0, count: 3 },
          { segment: 1, count: 1 },
          { segment: 2, count: 1 },
          { segment: 4, count: 1 },
        ])
      })

      it('countSegments: a hundred ranges', async () => {
        const full = await create({ totalCoupons: 1_000_000 })
        // Every 1,024th slot: four in a segment.
        await fill(range(1, 400).map((n) => aCoupon(full, n * 1_024)))
        const ranges = range(0, 99).map((n) => ({ from: n * SEGMENT_SLOTS + 1, to: n * SEGMENT_SLOTS + 2_048 }))
        expect(await ledger.countSegments(full.id, ranges)).toEqual(
          range(0, 99).map((segment) => ({ segment, count: 2 })),
        )
      })

      it('takenSlots: ascending, borders included', async () => {
        const taken = await ledger.takenSlots(campaign.id, { from: 4_097, to: 8_192 })
        expect(taken).toEqual([4_097, 4_098, 8_192])
        for (const slot of taken) expect(typeof slot).toBe('number')
        expect(await ledger.takenSlots(campaign.id, { from: 1, to: 4_096 })).toEqual([1, 2, 4_095, 4_096])
        expect(await ledger.takenSlots(campaign.id, { from: 3, to: 4_094 })).toEqual([])
        expect(await ledger.takenSlots(campaign.id, { from: 2_147_483_647, to: 2_147_483_647 })).toEqual([
          2_147_483_647,
        ])
        expect(await ledger.takenSlots(newId(), { from: 1, to: 4_096 })).toEqual([])
      })

      it('takenSlots: a full segment', async () => {
        const full = await create({ totalCoupons: SEGMENT_SLOTS })
        for (const from of [1, 2_049]) await fill(range(from, from + 2_047).map((slot) => aCoupon(full, slot)))
        expect(await ledger.takenSlots(full.id, { from: 1, to: SEGMENT_SLOTS })).toEqual(range(1, SEGMENT_SLOTS))
        expect(await ledger.countSegments(full.id, [{ from: 1, to: SEGMENT_SLOTS }])).toEqual([
          { segment: 0, count: SEGMENT_SLOTS },
        ])
      })
    })

    describe('listCoupons', () => {
      it('pages by slot in both orders, strictly beyond the cursor', async () => {
        const [campaign, other] = [await create(), await create()]
        // Not in order of slot, so that the order of writing is not the answer by chance.
        const slots = [7, 3, 9, 1, 30, 100, 8]
        await fill([...slots.map((slot) => aCoupon(campaign, slot)), aCoupon(other, 2)])
        const sorted = [...slots].sort((a, b) => a - b)
        const list = async (limit: number, afterSlot: number | null, order: 'asc' | 'desc') =>
          (await ledger.listCoupons(campaign.id, { limit, afterSlot, order })).map((coupon) => coupon.slot)
        expect(await list(100, null, 'asc')).toEqual(sorted)
        expect(await list(100, null, 'desc')).toEqual([...sorted].reverse())
        expect(await list(3, null, 'asc')).toEqual([1, 3, 7])
        expect(await list(3, 7, 'asc')).toEqual([8, 9, 30])
        expect(await list(3, 5, 'asc')).toEqual([7, 8, 9])
        expect(await list(3, 100, 'asc')).toEqual([])
        expect(await list(3, null, 'desc')).toEqual([100, 30, 9])
        expect(await list(3, 9, 'desc')).toEqual([8, 7, 3])
        expect(await list(3, 1, 'desc')).toEqual([])
        expect(await ledger.listCoupons(newId(), { limit: 10, afterSlot: null, order: 'asc' })).toEqual([])
      })
    })

    describe('exportCoupons', () => {
      /** More than two pages of either adapter. */
      const EXPORT_ROWS = 2_300
      let campaign: Campaign
      beforeAll(async () => {
        campaign = await many(EXPORT_ROWS)
      })

      /** With a gap at every tenth slot; not in order of slot, so that the order of writing is not the answer by chance. */
      async function many(count: number, to: Ledger = ledger): Promise<Campaign> {
        const { campaign: made } = await to.createCampaign(aCampaign(nowMs, { totalCoupons: 20_000, test: true }))
        const slots = range(1, count).map((n) => n + Math.floor((n - 1) / 9))
        const half = Math.ceil(count / 2)
        for (const part of [slots.slice(half), slots.slice(0, half)]) {
          const rows = part.map((slot) => aCoupon(made, slot, { recipient: `받는 이 ${slot}`, recipientKey: newKey() }))
          expect(await to.record(rows)).toEqual({ status: 'recorded', count: rows.length })
        }
        return made
      }

      /** What was taken, and what it resolved with; `onPage` runs while the page is being taken. */
      async function exported(
        of: CampaignIdentity,
        onPage: (pages: number, coupons: readonly Coupon[]) => void | Promise<void> = () => {},
        from: Ledger = ledger,
      ): Promise<{ taken: Coupon[]; pages: number; whole: boolean }> {
        const taken: Coupon[] = []
        let pages = 0
        let taking = 0
        const whole = await from.exportCoupons(of, async (page) => {
          taking += 1
          expect(taking).toBe(1)
          expect(page.length).toBeGreaterThan(0)
          taken.push(...page)
          await onPage((pages += 1), page)
          taking -= 1
        })
        expect(taking).toBe(0)
        return { taken, pages, whole }
      }

      it('gives all rows by slot, in pages, and none for an empty campaign', async () => {
        const { taken, pages, whole } = await exported(campaign)
        expect(whole).toBe(true)
        expect(taken).toHaveLength(EXPORT_ROWS)
        expect(taken).toEqual(await coupons(campaign))
        // Memory is bounded by the page.
        expect(pages).toBeGreaterThanOrEqual(2)
        expect(await exported(await create())).toEqual({ taken: [], pages: 0, whole: true })
      })

      it('is false for what is not there, or is another campaign now', async () => {
        const none = { taken: [], pages: 0, whole: false }
        expect(await exported({ id: newId(), createdAtMs: nowMs })).toEqual(none)
        expect(await exported({ id: campaign.id, createdAtMs: campaign.createdAtMs - 1 })).toEqual(none)
        expect(await exported({ id: campaign.id, createdAtMs: campaign.createdAtMs + 1 })).toEqual(none)
        const old = await create()
        await fill([aCoupon(old, 1)])
        await ledger.lock([old.id], (locked) => locked.deleteCampaign(old.id))
        expect(await exported(old)).toEqual(none)
        const next = await create({ id: old.id })
        await fill([aCoupon(next, 2)])
        expect(await exported(old)).toEqual(none)
        expect(await exported(next)).toMatchObject({ taken: [{ slot: 2 }], whole: true })
      })

      it('waits for `take`, while everybody else goes on', async () => {
        const beside = await create()
        let calls = 0
        const { taken, whole } = await exported(campaign, async (pages) => {
          calls = pages
          await fill([aCoupon(beside, pages)])
          await change(beside, { name: `${pages}` })
          await create()
          await ledger.ping()
          await new Promise(setImmediate)
          expect(calls).toBe(pages)
        })
        expect(whole).toBe(true)
        expect(taken).toHaveLength(EXPORT_ROWS)
        expect(await coupons(beside)).toHaveLength(calls)
      })

      it('shows one moment: rows that come while it runs are not in it, below its place or above', async () => {
        const before = await coupons(campaign)
        const late: NewCoupon[] = []
        const { taken, pages, whole } = await exported(campaign, async (page, rows) => {
          const last = rows.at(-1)!.slot
          // Gaps before, at and behind the place where it is, and beyond all that there was.
          const gaps = [10 * page, 10 * Math.floor(last / 10), 10 * (Math.floor(last / 10) + 2), 10_000 + page]
          const free = gaps.filter((slot) => ![...before, ...late].some((row) => row.slot === slot))
          const news = free.map((slot) => aCoupon(campaign, slot))
          await fill(news)
          late.push(...news)
        })
        expect(whole).toBe(true)
        expect(taken).toEqual(before)
        expect(late.length).toBeGreaterThan(2 * pages)
        // They are in the next one.
        expect((await exported(campaign)).taken).toEqual(await coupons(campaign))
        expect(await coupons(campaign)).toHaveLength(before.length + late.length)
      })

      it('begun while a transaction is open has all or nothing of it', async () => {
        const open = await create()
        for (const commit of [true, false]) {
          const slots = commit ? [1, 2] : [3, 4]
          let running: Promise<{ taken: Coupon[]; whole: boolean }> | undefined
          const lock = ledger.lock([open.id], async (locked) => {
            await locked.record([aCoupon(open, slots[0]!)])
            // Not awaited here: one adapter begins it after the lock.
            running = exported(open)
            for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
            await locked.record([aCoupon(open, slots[1]!)])
            if (!commit) throw new LedgerUnavailable('abandoned', { mayBeWritten: false })
          })
          await lock.catch(() => {})
          const { taken, whole } = (await running)!
          expect(whole).toBe(true)
          expect([[], [1, 2]]).toContainEqual(taken.map((coupon) => coupon.slot))
        }
      })

      it('passes on what `take` throws, and hands nothing more; the ledger works on', async () => {
        const error = new Error('hung up')
        // Three times: more than there are connections for it anywhere.
        for (let time = 0; time < 3; time += 1) {
          let pages = 0
          const broken = exported(campaign, (page) => {
            pages = page
            if (page === 2) throw error
          })
          await expect(broken).rejects.toBe(error)
          expect(pages).toBe(2)
        }
        expect(await exported(campaign)).toMatchObject({ whole: true })
        await fill([aCoupon(campaign, 19_000)])
        await change(campaign, { name: 'works on' })
      })

      it('two at once are both whole', async () => {
        const before = await coupons(campaign)
        for (const { taken, whole } of await Promise.all([exported(campaign), exported(campaign)])) {
          expect(whole).toBe(true)
          expect(taken).toEqual(before)
        }
      })

      describe('when it is deleted meanwhile', () => {
        it.each([
          ['whole', (id: string) => ledger.lock([id], (locked) => locked.deleteCampaign(id))],
          ['by a bite', (id: string) => ledger.lock([id], (locked) => locked.deleteCoupons(id, 0))],
          [
            'and made anew',
            async (id: string) => {
              await ledger.lock([id], (locked) => locked.deleteCampaign(id))
              const next = await create({ id, totalCoupons: 20_000 })
              await fill(range(1, 1_500).map((slot) => aCoupon(next, slot * 3)))
            },
          ],
        ])('%s: all rows, or false; never others', async (_, remove) => {
          const gone = await many(2_100)
          const before = await coupons(gone)
          const { taken, whole } = await exported(gone, async (page) => {
            if (page === 1) await remove(gone.id)
          })
          if (whole) expect(taken).toEqual(before)
          else expect(taken).toEqual(before.slice(0, taken.length))
        })
      })

      it.each(['before it begins', 'while it runs', 'and it begins in the midst of that'])(
        'is not disturbed by another campaign that is deleted %s: what comes afterwards is not in it',
        async (when) => {
          const mine = await many(1_200)
          // Written last: of what was written before, nothing is newer.
          const other = await many(60)
          const before = await coupons(mine)
          const take = async (page: number) => {
            if (page !== 1) return
            if (when === 'while it runs') await ledger.lock([other.id], (locked) => locked.deleteCampaign(other.id))
            await fill(range(1, 50).map((slot) => aCoupon(mine, 15_000 + slot)))
          }
          let running = when === 'while it runs' ? exported(mine, take) : undefined
          if (running === undefined) {
            await ledger.lock([other.id], async (locked) => {
              await locked.deleteCoupons(other.id, 0)
              if (when !== 'before it begins') running = exported(mine, take)
              for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
            })
          }
          const { taken, whole } = await (running ?? exported(mine, take))
          expect(whole).toBe(true)
          expect(taken).toEqual(before)
        },
      )

      it('a close in the middle of it ends it, or waits for its end', async () => {
        const { ledger: closing, close } = await open()
        const closed = await many(2_100, closing)
        let ending: Promise<void> | undefined
        let taken = 0
        const outcome = await closing
          .exportCoupons(closed, async (page) => {
            taken += page.length
            ending ??= closing.close()
            await new Promise(setImmediate)
          })
          .catch((error: unknown) => error)
        await ending
        if (outcome === true) expect(taken).toBe(2_100)
        else expect(outcome).toBeInstanceOf(LedgerUnavailable)
        await close()
      })
    })

    describe('couponByCode', () => {
      it('finds the exact code, in its campaign', async () => {
        const [campaign, other] = [await create(), await create()]
        const row = aCoupon(campaign, 4, { couponCode: 'ABCD', recipient: '받는 이', recipientKey: newKey() })
        await fill([row, aCoupon(campaign, 5, { couponCode: 'ABCDE' })])
        expect(await ledger.couponByCode(campaign.id, 'ABCD')).toEqual(asStored(row))
        for (const code of ['abcd', 'ABC', 'ABCDEF', '', 'ÀBCD']) {
          expect(await ledger.couponByCode(campaign.id, code)).toBeNull()
        }
        expect(await ledger.couponByCode(other.id, 'ABCD')).toBeNull()
      })
    })

    describe('checkSettings', () => {
      it('answers warnings that an operator can read', async () => {
        for (const warning of await ledger.checkSettings()) {
          expect(warning).toEqual({
            setting: expect.any(String),
            value: expect.any(String),
            wanted: expect.any(String),
            risk: expect.any(String),
          })
        }
      })
    })

    describe('close', () => {
      it('twice is fine, and then nothing is answered any more', async () => {
        const { ledger: closed, close } = await open()
        const { campaign } = await closed.createCampaign(aCampaign(nowMs))
        await Promise.all([closed.close(), closed.close()])
        await closed.close()
        let worked = false
        const calls: Record<string, () => Promise<unknown>> = {
          read: () => closed.read(nothing),
          record: () => closed.record([aCoupon(campaign, 1)]),
          lock: () =>
            closed.lock([campaign.id], async () => {
              worked = true
            }),
          createCampaign: () => closed.createCampaign(aCampaign(nowMs)),
          campaigns: () => closed.campaigns([campaign.id]),
          listCampaigns: () => closed.listCampaigns({ limit: 1, after: null, ...everyCampaign }),
          listCoupons: () => closed.listCoupons(campaign.id, { limit: 1, afterSlot: null, order: 'asc' }),
          exportCoupons: () => closed.exportCoupons(campaign, async () => void (worked = true)),
          markSoldOut: () => closed.markSoldOut(campaign, campaign.totalCoupons),
          couponByCode: () => closed.couponByCode(campaign.id, 'A'),
          maxSlots: () => closed.maxSlots([campaign.id]),
          countSegments: () => closed.countSegments(campaign.id, [{ from: 1, to: 10 }]),
          takenSlots: () => closed.takenSlots(campaign.id, { from: 1, to: 10 }),
          ping: () => closed.ping(),
        }
        for (const [method, call] of Object.entries(calls)) {
          const error: unknown = await call().then(
            () => undefined,
            (reason: unknown) => reason,
          )
          expect(error, method).toBeInstanceOf(LedgerUnavailable)
          expect((error as LedgerUnavailable).mayBeWritten, method).toBe(false)
        }
        expect(worked).toBe(false)
        await close()
      })

      it('lets what was asked before finish', async () => {
        const { ledger: closing, close } = await open()
        const { campaign } = await closing.createCampaign(aCampaign(nowMs))
        const asked = [1, 2, 3].map((slot) => closing.record([aCoupon(campaign, slot)]))
        const closed = closing.close()
        for (const answer of await Promise.allSettled(asked)) {
          // Written, or refused in so many words: never lost between the two.
          if (answer.status === 'fulfilled') expect(answer.value).toEqual({ status: 'recorded', count: 1 })
          else expect(answer.reason).toBeInstanceOf(LedgerUnavailable)
        }
        await closed
        await close()
      })
    })

    describe('any sequence of statements', () => {
      // Few slots, codes and keys, so that most batches collide with something.
      const word = (letter: string) => fc.integer({ min: 1, max: 12 }).map((n) => `${letter}${n}`)
      const row = fc.record({
        which: fc.constantFrom(0, 1),
        slot: fc.integer({ min: 0, max: 10 }),
        code: word('C'),
        request: word('Q'),
        recipient: fc.option(word('R'), { nil: null }),
      })
      const batch = fc.array(row, { maxLength: 4 })
      const step = fc.oneof(
        { weight: 6, arbitrary: fc.record({ kind: fc.constant('record' as const), batch }) },
        {
          weight: 2,
          arbitrary: fc.record({
            kind: fc.constant('lock' as const),
            batches: fc.array(batch, { maxLength: 3 }),
            total: fc.option(fc.integer({ min: 1, max: 9 }), { nil: null }),
            abandon: fc.boolean(),
          }),
        },
      )
      const hex = (text: string) => Buffer.from(text).toString('hex').padStart(32, '0')

      type Row = typeof row extends fc.Arbitrary<infer T> ? T : never

      function coupon(campaign: Campaign, { slot, code, request, recipient }: Row): NewCoupon {
        const recipientKey = recipient === null ? null : hex(recipient)
        return aCoupon(campaign, slot, { couponCode: code, requestKey: hex(request), recipient, recipientKey })
      }

      /** What the port promises, in ten lines: rows by campaign, and the totals. */
      class Model {
        rows = new Map<string, NewCoupon>()
        readonly totals = new Map<string, number>()

        record(batch: readonly NewCoupon[]): { status: string; count?: number } {
          const passed = batch.filter((row) => row.slot >= 1 && row.slot <= (this.totals.get(row.campaignId) ?? 0))
          const next = new Map(this.rows)
          for (const row of passed) {
            const taken = (other: NewCoupon) =>
              other.campaignId === row.campaignId &&
              (other.slot === row.slot ||
                other.couponCode === row.couponCode ||
                other.requestKey === row.requestKey ||
                (other.recipientKey !== null && other.recipientKey === row.recipientKey))
            if ([...next.values()].some(taken)) return { status: 'duplicate' }
            next.set(`${row.campaignId} ${row.slot}`, row)
          }
          this.rows = next
          return { status: 'recorded', count: passed.length }
        }

        of(campaign: Campaign): Coupon[] {
          return bySlot([...this.rows.values()].filter((row) => row.campaignId === campaign.id).map(asStored))
        }
      }

      async function agrees(campaigns: readonly Campaign[], model: Model): Promise<void> {
        for (const campaign of campaigns) {
          const expected = model.of(campaign)
          expect(await coupons(campaign)).toEqual(expected)
          const slots = expected.map((row) => row.slot)
          expect(await ledger.maxSlots([campaign.id])).toEqual([slots.at(-1) ?? 0])
          expect(await ledger.takenSlots(campaign.id, { from: 1, to: 10 })).toEqual(slots)
          expect(await ledger.countSegments(campaign.id, [{ from: 1, to: 10 }])).toEqual(
            slots.length === 0 ? [] : [{ segment: 0, count: slots.length }],
          )
        }
      }

      it('one after another, leaves what a plain map holds', async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
            const campaigns = [await create({ totalCoupons: 8 }), await create({ totalCoupons: 5 })]
            const model = new Model()
            for (const campaign of campaigns) model.totals.set(campaign.id, campaign.totalCoupons)
            const rows = (batch: readonly Row[]) => batch.map((each) => coupon(campaigns[each.which]!, each))

            for (const step of steps) {
              if (step.kind === 'record') {
                const batch = rows(step.batch)
                expect(await ledger.record(batch)).toEqual(model.record(batch))
                continue
              }
              const before = model.rows
              const abandoned = new Error('abandoned')
              const work = ledger.lock(
                campaigns.map((campaign) => campaign.id),
                async (locked) => {
                  for (const batch of step.batches.map(rows))
                    expect(await locked.record(batch)).toEqual(model.record(batch))
                  if (step.abandon) throw abandoned
                  const first = locked.campaigns.get(campaigns[0]!.id)!
                  const [max] = await locked.maxSlots([first.id])
                  if (step.total === null || step.total < max!) return
                  await locked.updateCampaign({ ...first, totalCoupons: step.total })
                  model.totals.set(first.id, step.total)
                },
              )
              if (step.abandon) {
                await expect(work).rejects.toBe(abandoned)
                model.rows = before
              } else await work
            }
            await agrees(campaigns, model)
          }),
          { numRuns: 25 },
        )
      })

      it('all at once, leaves every acknowledged row, none twice, none above the total', async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), async (steps) => {
            const campaigns = [await create({ totalCoupons: 8 }), await create({ totalCoupons: 5 })]
            const rows = (batch: readonly Row[]) => batch.map((each) => coupon(campaigns[each.which]!, each))
            const ids = campaigns.map((campaign) => campaign.id)
            let acknowledged = 0
            let unknown = 0

            await Promise.all(
              steps.map(async (step) => {
                try {
                  if (step.kind === 'record') {
                    const answer = await ledger.record(rows(step.batch))
                    if (answer.status === 'recorded') acknowledged += answer.count
                    return
                  }
                  let counted = 0
                  await ledger.lock(ids, async (locked) => {
                    for (const batch of step.batches.map(rows)) {
                      const answer = await locked.record(batch)
                      if (answer.status === 'recorded') counted += answer.count
                    }
                    if (step.abandon) throw new LedgerUnavailable('abandoned', { mayBeWritten: false })
                  })
                  acknowledged += counted
                } catch (error) {
                  if (!(error instanceof LedgerUnavailable)) throw error
                  if (error.mayBeWritten) unknown += 12
                }
              }),
            )

            let found = 0
            for (const campaign of campaigns) {
              const all = await coupons(campaign)
              found += all.length
              for (const key of ['slot', 'couponCode', 'requestKey'] as const) {
                expect(new Set(all.map((each) => each[key])).size).toBe(all.length)
              }
              const named = all.filter((each) => each.recipientKey !== null)
              expect(new Set(named.map((each) => each.recipientKey)).size).toBe(named.length)
              for (const each of all) {
                expect(each.slot).toBeGreaterThanOrEqual(1)
                expect(each.slot).toBeLessThanOrEqual(campaign.totalCoupons)
              }
            }
            expect(found).toBeGreaterThanOrEqual(acknowledged)
            expect(found).toBeLessThanOrEqual(acknowledged + unknown)
          }),
          { numRuns: 25 },
        )
      })
    })
  })
}
