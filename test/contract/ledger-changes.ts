// The part of the ledger's contract that is about who changed what, and about recipients that are erased.

import { describe, expect, it } from 'vitest'
import type { Campaign } from '../../src/campaign/campaign.ts'
import type { Change, ChangePage, NewChange } from '../../src/ledger/changes.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { aCampaign, aCoupon, newId, newKey, SOMEBODY } from './ledger-samples.ts'

const EVERY: ChangePage = { limit: 100, beforeId: null, campaignId: null, client: null, action: null }

function aChange(campaignId: string | null, fields: Partial<NewChange> = {}): NewChange {
  return {
    by: SOMEBODY,
    action: 'campaign.changed',
    campaignId,
    before: { version: 1 },
    after: { version: 2 },
    ...fields,
  }
}

/** @param operatorOf of somebody who may erase */
export function changesContract(ledgerOf: () => Ledger, operatorOf: () => Ledger): void {
  async function create(): Promise<Campaign> {
    const { nowMs } = await ledgerOf().ping()
    return (await ledgerOf().createCampaign(aCampaign(nowMs))).campaign
  }
  const note = (...changes: NewChange[]) =>
    ledgerOf().lock([], async (locked) => {
      for (const change of changes) await locked.noteChange(change)
    })
  const of = (campaignId: string) => ledgerOf().listChanges({ ...EVERY, campaignId })
  /** As it was noted. */
  const noted = ({ id: _id, atMs: _atMs, ...change }: Change) => change

  describe('changes', () => {
    it('come back as they were noted, with the ledger’s time', async () => {
      const id = newId()
      const long = {
        name: '가을 🎟️ "\\'.repeat(30),
        metadata: { deep: [1, null, { a: true }], text: 'x'.repeat(8_000) },
      }
      const changes: NewChange[] = [
        aChange(id, { before: null, after: long }),
        aChange(id, { before: long, after: null, action: 'campaign.deleted' }),
        aChange(id, {
          by: { client: null, keyId: null, operator: '운영@host', requestId: null },
          action: 'campaign.purged',
        }),
        aChange(id, { by: { client: '샵', keyId: 'k'.repeat(12), operator: null, requestId: 'r'.repeat(64) } }),
      ]
      const before = (await ledgerOf().ping()).nowMs
      await note(...changes)
      const after = (await ledgerOf().ping()).nowMs
      const found = await of(id)
      expect(found.map(noted)).toEqual(changes.toReversed())
      for (const { atMs } of found) {
        expect(atMs).toBeGreaterThanOrEqual(before)
        expect(atMs).toBeLessThanOrEqual(after)
      }
    })

    it('are gone with their transaction; inside it they are there', async () => {
      const id = newId()
      const undone = new Error('undone')
      const seen: Change[][] = []
      const work = ledgerOf().lock([], async (locked) => {
        await locked.noteChange(aChange(id))
        seen.push(await locked.listChanges({ ...EVERY, campaignId: id }))
        throw undone
      })
      await expect(work).rejects.toBe(undone)
      expect(seen.map((changes) => changes.map(noted))).toEqual([[aChange(id)]])
      expect(await of(id)).toEqual([])
    })

    it('of a campaign that is created: once, and of one that is there already none', async () => {
      const { nowMs } = await ledgerOf().ping()
      const wish = aCampaign(nowMs, { startTimeMs: null })
      const noting = ({ id, createdAtMs, version }: Campaign) =>
        aChange(id, { before: null, after: { createdAtMs, version } })
      const { campaign } = await ledgerOf().createCampaign(wish, noting)
      expect(await ledgerOf().createCampaign(wish, noting)).toEqual({ created: false, campaign })
      expect((await of(wish.id)).map(noted)).toEqual([noting(campaign)])
    })

    it('no campaign is created when its change cannot be noted', async () => {
      const { nowMs } = await ledgerOf().ping()
      const wish = aCampaign(nowMs)
      const creating = ledgerOf().createCampaign(wish, () => {
        throw new Error('not to be noted')
      })
      await expect(creating).rejects.toThrow('not to be noted')
      expect((await ledgerOf().campaigns([wish.id])).campaigns).toEqual([])
    })

    it('page newest first, without repetition or loss', async () => {
      const [id, other] = [newId(), newId()]
      await note(...Array.from({ length: 7 }, (_, n) => aChange(n % 2 === 0 ? id : other, { after: { n } })))
      const whole = (await of(id)).map(({ after }) => after?.['n'])
      expect(whole).toEqual([6, 4, 2, 0])
      const paged: unknown[] = []
      for (let beforeId: number | null = null; ;) {
        const page: Change[] = await ledgerOf().listChanges({ ...EVERY, campaignId: id, limit: 3, beforeId })
        if (page.length === 0) break
        paged.push(...page.map(({ after }) => after?.['n']))
        beforeId = page.at(-1)?.id ?? 0
      }
      expect(paged).toEqual(whole)
    })

    it('are found by client and action, each alone and together, and nothing else with them', async () => {
      const [mine, other] = [newId(), newId()].map((client) => ({ ...SOMEBODY, client }))
      const id = newId()
      await note(
        aChange(id, { by: mine!, action: 'campaign.created' }),
        aChange(null, { by: mine!, action: 'key.created', after: { n: 1 } }),
        aChange(id, { by: other!, action: 'campaign.created' }),
      )
      const found = async (filter: Partial<ChangePage>) =>
        (await ledgerOf().listChanges({ ...EVERY, ...filter })).map(({ by, action }) => [by.client, action])
      expect(await found({ client: mine!.client })).toEqual([
        [mine!.client, 'key.created'],
        [mine!.client, 'campaign.created'],
      ])
      expect(await found({ client: mine!.client, action: 'key.created' })).toEqual([[mine!.client, 'key.created']])
      expect(await found({ campaignId: id, action: 'campaign.created' })).toEqual([
        [other!.client, 'campaign.created'],
        [mine!.client, 'campaign.created'],
      ])
      for (const action of ['key.created', 'campaign.created'] as const)
        expect(new Set((await found({ action })).map(([, of]) => of))).toEqual(new Set([action]))
      expect(await found({ client: "' OR 1=1 -- " })).toEqual([])
      expect(await found({ campaignId: 'no id at all, 없음' })).toEqual([])
    })
  })

  describe('eraseRecipient', () => {
    const erase = (campaigns: readonly Campaign[], key: string) =>
      operatorOf().lock([], (locked) =>
        locked.eraseRecipient(
          campaigns.map(({ id }) => id),
          key,
        ),
      )
    const recipients = async ({ id }: Campaign) =>
      (await ledgerOf().listCoupons(id, { limit: 10, afterSlot: null, order: 'asc' })).map(
        ({ recipient, recipientKey }) => [recipient, recipientKey],
      )

    it('empties the recipient in the campaigns named and keeps the key; all others stay as they are', async () => {
      const campaigns = [await create(), await create(), await create()]
      const [key, other] = [newKey(), newKey()]
      for (const campaign of campaigns) {
        await ledgerOf().record([
          aCoupon(campaign, 1, { recipient: '지우', recipientKey: key }),
          aCoupon(campaign, 2, { recipient: '하나', recipientKey: other }),
          aCoupon(campaign, 3),
        ])
      }
      const before = await ledgerOf().listCoupons(campaigns[0]!.id, { limit: 10, afterSlot: null, order: 'asc' })
      expect(await erase(campaigns.slice(0, 2), key)).toBe(2)
      const rest = [
        ['하나', other],
        [null, null],
      ]
      expect(await recipients(campaigns[0]!)).toEqual([[null, key], ...rest])
      expect(await recipients(campaigns[1]!)).toEqual([[null, key], ...rest])
      expect(await recipients(campaigns[2]!)).toEqual([['지우', key], ...rest])
      const after = await ledgerOf().listCoupons(campaigns[0]!.id, { limit: 10, afterSlot: null, order: 'asc' })
      expect(after).toEqual(before.map((coupon) => (coupon.slot === 1 ? { ...coupon, recipient: null } : coupon)))
      expect(await erase(campaigns, key)).toBe(1)
      expect(await erase(campaigns, key)).toBe(0)
      expect(await erase(campaigns, newKey())).toBe(0)
      expect(await erase([], key)).toBe(0)
    })

    it('by its key the coupon is found, and no second one is written', async () => {
      const campaign = await create()
      const coupon = aCoupon(campaign, 1, { recipient: 'r', recipientKey: newKey() })
      await ledgerOf().record([coupon])
      await erase([campaign], coupon.recipientKey!)
      const recipientKeys = [{ campaignId: campaign.id, key: coupon.recipientKey! }]
      const { coupons } = await ledgerOf().read({ campaignIds: [], requestKeys: [], recipientKeys, slots: [] })
      expect(coupons).toMatchObject([{ couponCode: coupon.couponCode, recipient: null }])
      const again = aCoupon(campaign, 2, { recipient: 'r', recipientKey: coupon.recipientKey })
      expect(await ledgerOf().record([again])).toEqual({ status: 'duplicate' })
    })

    it('is rolled back with its lock', async () => {
      const campaign = await create()
      const key = newKey()
      await ledgerOf().record([aCoupon(campaign, 1, { recipient: 'r', recipientKey: key })])
      const undone = new Error('undone')
      const work = operatorOf().lock([], async (locked) => {
        expect(await locked.eraseRecipient([campaign.id], key)).toBe(1)
        throw undone
      })
      await expect(work).rejects.toBe(undone)
      expect(await recipients(campaign)).toEqual([['r', key]])
    })
  })
}
