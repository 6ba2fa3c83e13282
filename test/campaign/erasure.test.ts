// A recipient that is erased, on the embedded ledger: whoever asks again with the id is still told of the one coupon.

import { afterEach, beforeEach, expect, test } from 'vitest'
import { auditCampaign } from '../../src/audit/audit.ts'
import { eraseRecipient } from '../../src/campaign/erasure.ts'
import type { Author } from '../../src/access/author.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { ledgerAuditSource } from '../../src/wire.ts'
import { allCoupons, couponsOf, openCampaign, openPath, withFaults, type Path } from '../issue/open-path.ts'

const OPERATOR: Author = { client: null, keyId: null, operator: 'ops@db', requestId: null }
let ledger: Ledger
let path: Path

beforeEach(async () => {
  ledger = await openSqliteLedger({ path: ':memory:' })
  path = openPath(ledger, null)
})
afterEach(() => ledger.close())

const erase = (recipient: string, of: Ledger = ledger) => eraseRecipient(of, recipient, OPERATOR)
const erasures = async () =>
  (
    await ledger.listChanges({ limit: 100, beforeId: null, campaignId: null, client: null, action: 'recipient.erased' })
  ).map(({ by, campaignId, before, after }) => ({ by, campaignId, before, after }))

test('who asks again is told of their coupon, without the name, and gets no second one', async () => {
  const { id } = await openCampaign(ledger, 3, { recipientRequired: true })
  const first = couponsOf([await path.ask(id, { recipient: '지우', idempotencyKey: 'k-1' })])[0]!
  await path.ask(id, { recipient: 'other' })
  expect(await erase('지우')).toBe(1)

  const coupon = { ...first, recipient: null }
  const replayed = (by: string) => ({ code: 'replayed', by, coupon })
  expect(await path.ask(id, { recipient: '지우', idempotencyKey: 'k-1' })).toEqual(replayed('request'))
  expect(await path.ask(id, { recipient: '지우' })).toEqual(replayed('recipient'))
  expect(await path.ask(id, { recipient: '지우', idempotencyKey: 'k-2' })).toEqual(replayed('recipient'))
  for (const recipient of ['other', null])
    expect(await path.ask(id, { recipient, idempotencyKey: 'k-1' })).toEqual({ code: 'idempotency_key_reused' })
  expect((await allCoupons(ledger, id)).map(({ recipient }) => recipient)).toEqual([null, 'other'])
  const report = await auditCampaign(ledgerAuditSource(ledger), id, { graceMs: 0 })
  expect([report?.verdict, report?.issued_count]).toEqual(['exact', 2])
})

test('in all campaigns, whatever they are; what is noted is how many coupons, and of none nothing', async () => {
  const made = []
  for (let n = 0; n < 230; n++) made.push(await openCampaign(ledger, 1, { test: n % 2 === 0 }))
  const theirs = [made[0]!, made[1]!, made[120]!, made[229]!]
  for (const { id } of theirs) await path.ask(id, { recipient: '지우' })
  expect(await erase('하나')).toBe(0)
  expect(await erasures()).toEqual([])
  expect(await erase('지우')).toBe(4)
  const noted = await erasures()
  expect(noted.reduce((sum, { after }) => sum + Number(after?.['coupons']), 0)).toBe(4)
  for (const change of noted) expect(change).toMatchObject({ by: OPERATOR, campaignId: null, before: null })
  expect(JSON.stringify(noted)).not.toContain('지우')
  for (const { id } of theirs) expect((await allCoupons(ledger, id))[0]?.recipient).toBeNull()
  expect(await erase('지우')).toBe(0)
  expect(await erasures()).toEqual(noted)
})

test('while they ask all the time: one coupon, and the last erasure leaves no name', async () => {
  const { id } = await openCampaign(ledger, 50)
  const asked = []
  for (let round = 0; round < 20; round++) {
    asked.push(path.ask(id, { recipient: '지우' }), path.ask(id, { recipient: '지우', idempotencyKey: `k-${round}` }))
    await erase('지우')
  }
  const codes = new Set(couponsOf(await Promise.all(asked)).map(({ couponCode }) => couponCode))
  await erase('지우')
  const coupons = await allCoupons(ledger, id)
  expect(coupons.map(({ recipient }) => recipient)).toEqual([null])
  expect([...codes]).toEqual(coupons.map(({ couponCode }) => couponCode))
})

test('an erasure that cannot be noted is not made', async () => {
  const { id } = await openCampaign(ledger, 1)
  await path.ask(id, { recipient: '지우' })
  const deaf = withFaults(ledger, {
    lock: (ids, work) =>
      ledger.lock(ids, (locked) => work({ ...locked, noteChange: () => Promise.reject(new Error('not to be noted')) })),
  })
  await expect(erase('지우', deaf)).rejects.toThrow('not to be noted')
  expect((await allCoupons(ledger, id))[0]?.recipient).toBe('지우')
})
