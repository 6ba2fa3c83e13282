// Rows without an order of codes and keys, which are no snapshot with their campaign; and pages whose values are not unique.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { auditCampaign } from '../../src/audit/audit.ts'
import { Numbers, numberOf } from '../../src/audit/distinct.ts'
import { recipientKey } from '../../src/audit/keys.ts'
import { pagesOf } from '../../src/audit/pages.ts'
import type { AuditedCoupon, AuditSource } from '../../src/audit/source.ts'
import { heldSource, type Held } from './held-rows.ts'

const NOW_MS = 1_800_000_000_000

const campaign = {
  id: 'spring',
  createdAtMs: NOW_MS - 3_600_000,
  startTimeMs: NOW_MS - 3_600_000,
  totalCoupons: 20,
  recipientRequired: false,
  version: 1,
}

function couponOf(slot: number, change: Partial<AuditedCoupon> = {}): AuditedCoupon {
  return {
    slot,
    couponCode: `CODE${slot}`,
    issuedAtMs: NOW_MS - 60_000,
    recipient: `user-${slot}`,
    recipientKey: recipientKey(change.recipient ?? `user-${slot}`),
    requestKey: String(slot).padStart(32, '0'),
    ...change,
  }
}

async function violations(held: Partial<Held>) {
  const coupons = held.coupons ?? Array.from({ length: 10 }, (_, index) => couponOf(index + 1))
  const source = heldSource({ campaign, nowMs: NOW_MS, ...held, coupons })
  const report = await auditCampaign(source, campaign.id, { graceMs: 30_000 })
  return report?.violations.map(({ check, count, examples }) => [check, count, examples])
}

const ten = Array.from({ length: 10 }, (_, index) => couponOf(index + 1))

describe('twins in rows without order', () => {
  test.each<[what: string, twin: Partial<AuditedCoupon>, check: string]>([
    ['a code', { couponCode: 'CODE3' }, 'codes_distinct'],
    ['a request', { requestKey: '3'.padStart(32, '0') }, 'requests_distinct'],
    ['a recipient', { recipient: 'user-3' }, 'recipients_distinct'],
  ])('%s', async (_what, twin, check) => {
    expect(await violations({ coupons: [...ten, couponOf(11, twin)] })).toEqual([[check, 1, ['slots 3 and 11']]])
  })

  test('a recipient whose key is not shown', async () => {
    const coupons = [...ten, couponOf(11, { recipient: 'user-3' })].map((coupon) => ({
      ...coupon,
      requestKey: null,
      recipientKey: null,
    }))
    expect(await violations({ coupons, showsKeys: false })).toEqual([['recipients_distinct', 1, ['slots 3 and 11']]])
  })

  test('numbers that are equal by chance are no twins', async () => {
    const numbers = new Numbers()
    for (const value of ['a', 'b', 'a', 'c', 'c', 'c']) numbers.add(value)
    expect(await numbers.suspects(async () => {})).toEqual(new Set([numberOf('a'), numberOf('c')]))
  })
})

test('an index that lacks a row is told', async () => {
  const held = heldSource({ campaign, coupons: ten, nowMs: NOW_MS })
  const values = async function* () {
    yield ten.slice(1).map(({ couponCode, slot }) => ({ value: couponCode, id: slot }))
  }
  const source: AuditSource = {
    snapshot: (id, work) =>
      held.snapshot(id, (snapshot) =>
        work({ ...snapshot, ordered: (column) => (column === 'coupon_code' ? values() : null) }),
      ),
  }
  const report = await auditCampaign(source, campaign.id, { graceMs: 30_000 })
  expect(report?.violations).toMatchObject([
    { check: 'scans_agree', count: 1, examples: ['9 by coupon_code, 10 rows'] },
  ])
})

describe('a campaign that changes while its rows are read', () => {
  test('a total that was raised covers slots that came meanwhile', async () => {
    const held: Held = {
      campaign: { ...campaign, totalCoupons: 9 },
      coupons: ten,
      nowMs: NOW_MS,
      onRows: () => (held.campaign = { ...campaign, totalCoupons: 12, version: 2 }),
    }
    const report = await auditCampaign(heldSource(held), campaign.id, { graceMs: 30_000 })
    expect(report).toMatchObject({ violations: [], total_coupons: 12, complete: false })
  })

  test('but not those above it', async () => {
    const held: Held = {
      campaign: { ...campaign, totalCoupons: 5 },
      coupons: ten,
      nowMs: NOW_MS,
      onRows: () => (held.campaign = { ...campaign, totalCoupons: 8, version: 2 }),
    }
    const report = await auditCampaign(heldSource(held), campaign.id, { graceMs: 30_000 })
    expect(report?.violations.map(({ check }) => check)).toEqual(['rows_within_total', 'slots_in_range'])
  })

  test.each<[what: string, before: Partial<typeof campaign>, after: Partial<typeof campaign>, found: object]>([
    ['a start that was brought forward', { startTimeMs: NOW_MS + 60_000 }, {}, []],
    ['and one that was put off', {}, { startTimeMs: NOW_MS - 59_999 }, [{ check: 'not_before_start', count: 1 }]],
    ['a recipient that is not required any more', { recipientRequired: true }, {}, []],
    ['and one that is by now', {}, { recipientRequired: true }, [{ check: 'recipients_present', count: 10 }]],
  ])('%s, before there was a coupon: rows are judged by what it was then', async (_what, before, after, found) => {
    const held: Held = {
      campaign: { ...campaign, ...before },
      coupons: ten.map((coupon) => ({ ...coupon, recipient: null, recipientKey: null })),
      nowMs: NOW_MS,
      onRows: () => (held.campaign = { ...campaign, ...after, version: 2 }),
    }
    const report = await auditCampaign(heldSource(held), campaign.id, { graceMs: 30_000 })
    expect(report?.violations).toMatchObject(found)
    const isRequired = held.campaign.recipientRequired
    expect(report?.checks).toContainEqual(expect.objectContaining({ check: 'recipients_present', checked: isRequired }))
  })

  test('where keys are not shown, a recipient that is missing may have been erased', async () => {
    const coupons = ten.map((coupon, index) =>
      index === 3 ? { ...coupon, recipient: null, recipientKey: null } : coupon,
    )
    const held: Held = { campaign: { ...campaign, recipientRequired: true }, coupons, nowMs: NOW_MS, showsKeys: false }
    const doubtful = await auditCampaign(heldSource(held), campaign.id, { graceMs: 30_000 })
    expect(doubtful?.violations).toEqual([])
    expect(doubtful?.checks).toContainEqual(expect.objectContaining({ check: 'recipients_present', checked: false }))
    const whole = await auditCampaign(heldSource({ ...held, coupons: ten }), campaign.id, { graceMs: 30_000 })
    expect(whole?.checks).toContainEqual(expect.objectContaining({ check: 'recipients_present', checked: true }))
  })

  test('a clock that goes on is not taken for a coupon of the future', async () => {
    const held: Held = {
      campaign,
      coupons: [couponOf(1, { issuedAtMs: NOW_MS + 90_000 })],
      nowMs: NOW_MS,
      onRows: () => (held.nowMs = NOW_MS + 100_000),
    }
    const report = await auditCampaign(heldSource(held), campaign.id, { graceMs: 30_000 })
    expect(report?.violations).toEqual([])
  })

  test('one that is deleted, or deleted and made anew, is none', async () => {
    for (const now of [
      { ...campaign, id: 'gone' },
      { ...campaign, createdAtMs: NOW_MS },
    ]) {
      const held: Held = { campaign, coupons: ten, nowMs: NOW_MS, onRows: () => (held.campaign = now) }
      expect(await auditCampaign(heldSource(held), campaign.id, { graceMs: 30_000 })).toBeNull()
    }
  })
})

test('what a caller throws at its progress ends the audit', async () => {
  const source = heldSource({ campaign, coupons: ten, nowMs: NOW_MS })
  const onProgress = () => Promise.reject(new Error('enough'))
  await expect(auditCampaign(source, campaign.id, { graceMs: 30_000, onProgress })).rejects.toThrow('enough')
})

test('pages: every row once, in order, however often a value comes', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.nat({ max: 6 }), { maxLength: 40 }),
    fc.integer({ min: 1, max: 8 }),
    async (values, pageRows) => {
      const rows = values.sort((a, b) => a - b).map((value, id) => ({ value, id }))
      const pages = pagesOf<(typeof rows)[number], number>({
        rows: pageRows,
        read: async (from, isBeyond) =>
          rows.filter(({ value }) => from === null || value > from || (!isBeyond && value === from)).slice(0, pageRows),
        valueOf: ({ value }) => value,
        idOf: ({ id }) => id,
      })
      const read = (await Array.fromAsync(pages)).flat()
      expect(read).toEqual([...new Set(read)])
      expect(read.map(({ id }) => id)).toEqual(read.map(({ id }) => id).toSorted((a, b) => a - b))
      // Of a value that fills whole pages, more than one is enough.
      for (const value of new Set(values)) {
        const all = rows.filter((row) => row.value === value).length
        const seen = read.filter((row) => row.value === value).length
        if (all < pageRows || all <= 1) expect(seen).toBe(all)
        else if (pageRows > 1) expect(seen).toBeGreaterThan(1)
      }
    },
  )
  await fc.assert(property, { numRuns: 500 })
})
