// The campaigns' rules on the embedded ledger: what is decided under the lock, and what is drawn.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { Campaigns, type CampaignWish } from '../../src/campaign/campaigns.ts'
import { systemRandomness, type Randomness } from '../../src/host.ts'
import type { Ledger, LockedLedger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { SOMEBODY } from '../contract/ledger-samples.ts'
import { openPath, type Path } from '../issue/open-path.ts'

let ledger: Ledger
let path: Path

beforeEach(async () => {
  ledger = await openSqliteLedger({ path: ':memory:' })
  path = openPath(ledger, null)
})

afterEach(() => ledger.close())

const WISH: CampaignWish = {
  id: 'c',
  name: 'c',
  startTimeMs: 'now',
  endTimeMs: null,
  totalCoupons: 10,
  paused: false,
  recipientRequired: false,
  test: false,
  codeFormat: {},
  metadata: {},
}

function campaignsOf(of: Ledger = ledger, randomness: Randomness = systemRandomness): Campaigns {
  return new Campaigns(of, path.segments, randomness)
}

test('an id that is taken is drawn again', async () => {
  const draws = [7, 7, 7, 9]
  const randomness = { ...systemRandomness, fill: (bytes: Uint8Array) => void bytes.fill(draws.shift() ?? 0) }
  const campaigns = campaignsOf(ledger, randomness)
  const first = await campaigns.create({ ...WISH, id: null }, SOMEBODY)
  const second = await campaigns.create({ ...WISH, id: null }, SOMEBODY)
  expect([first, second]).toMatchObject([
    { view: { campaign: { id: '777777777777' } } },
    { view: { campaign: { id: '999999999999' } } },
  ])
})

test('randomness that repeats itself for ever is a mistake, not a loop', async () => {
  const campaigns = campaignsOf(ledger, { ...systemRandomness, fill: (bytes) => void bytes.fill(0) })
  await campaigns.create({ ...WISH, id: null }, SOMEBODY)
  await expect(campaigns.create({ ...WISH, id: null }, SOMEBODY)).rejects.toThrow('taken')
})

test('the same wish twice at once makes one campaign', async () => {
  const campaigns = campaignsOf()
  const answers = await Promise.all(Array.from({ length: 5 }, () => campaigns.create(WISH, SOMEBODY)))
  expect(answers.filter((answer) => answer.code === 'ready')).toHaveLength(5)
  expect(answers.filter((answer) => answer.code === 'ready' && answer.created)).toHaveLength(1)
})

test('what a change is judged by is read under the lock: a coupon that was issued a moment before counts', async () => {
  const campaigns = campaignsOf()
  await campaigns.create({ ...WISH, startTimeMs: 'now' }, SOMEBODY)
  // The coupon comes after the change was asked for and before its lock is granted.
  const late = new Proxy(ledger, {
    get: (target, name) => {
      if (name !== 'lock') return Reflect.get(target, name, target) as unknown
      return async (ids: string[], work: (locked: LockedLedger) => Promise<unknown>) => {
        await path.ask('c')
        return target.lock(ids, work)
      }
    },
  })
  expect(await campaignsOf(late).change('c', { recipientRequired: true }, SOMEBODY)).toEqual({
    code: 'campaign_has_coupons',
    fields: ['recipient_required'],
  })
})

test('lowering goes down to the highest slot, not to the count', async () => {
  const campaigns = campaignsOf()
  await campaigns.create(WISH, SOMEBODY)
  const [first] = (await ledger.campaigns(['c'])).campaigns
  const coupon = {
    campaignId: 'c',
    couponCode: 'X',
    slot: 6,
    requestKey: '0'.repeat(32),
    recipient: null,
    recipientKey: null,
  }
  const createdAtMs = first?.createdAtMs ?? 0
  await ledger.record([{ ...coupon, campaignCreatedAtMs: createdAtMs, campaignVersion: 1, issuedAtMs: createdAtMs }])
  expect(await campaigns.change('c', { totalCoupons: 5 }, SOMEBODY)).toEqual({
    code: 'total_below_issued',
    lowestTotal: 6,
  })
  expect(await campaigns.change('c', { totalCoupons: 6 }, SOMEBODY)).toMatchObject({
    code: 'ready',
    view: { issuedCount: 1, campaign: { totalCoupons: 6 } },
  })
})

test('two changes at once are both made', async () => {
  const campaigns = campaignsOf()
  await campaigns.create(WISH, SOMEBODY)
  await Promise.all([
    campaigns.change('c', { name: 'new' }, SOMEBODY),
    campaigns.change('c', { paused: true }, SOMEBODY),
  ])
  expect(await campaigns.read('c')).toMatchObject({ campaign: { name: 'new', paused: true, version: 3 } })
})

test('a rule that became stricter does not keep an old campaign from being paused', async () => {
  await ledger.createCampaign({
    ...WISH,
    id: 'old',
    startTimeMs: null,
    codeFormat: { alphabet: 'digits', length: 4, prefix: '' },
  })
  const campaigns = campaignsOf()
  expect(await campaigns.change('old', { paused: true }, SOMEBODY)).toMatchObject({ code: 'ready' })
  expect(await campaigns.change('old', { totalCoupons: 11 }, SOMEBODY)).toMatchObject({
    code: 'misfit',
    misfits: [{ pointer: '/total_coupons' }],
  })
  expect(await campaigns.change('old', { totalCoupons: 9 }, SOMEBODY)).toMatchObject({ code: 'ready' })
})
