// The simulator itself: a seed is the same run again, and a promise that is broken is told with its seed.

import { describe, expect, test } from 'vitest'
import { SimDatabase } from './database.ts'
import { Judge } from './judge.ts'
import { runSeeds } from './seeds.ts'
import { World } from './world.ts'

test('200 seeds keep every promise', async () => {
  expect(await runSeeds({ from: 1, count: 200, workers: 1 })).toMatchObject({ done: 200, broken: null })
})

test('the same seed is the same run, step by step', async () => {
  const traced = async () => {
    const lines: string[] = []
    const world = new World(20, (line) => void lines.push(line))
    expect(await world.run()).toBeNull()
    return { lines, steps: world.scheduler.steps, saw: [...world.saw.counts] }
  }
  const first = await traced()
  expect(first.lines.length).toBeGreaterThan(20)
  expect(await traced()).toEqual(first)
})

describe('the judge accuses', () => {
  const wish = { campaignId: 'c', recipient: 'a', idempotencyKey: null }

  function court() {
    let nowMs = 1_000
    const judge = new Judge(
      () => nowMs,
      () => nowMs,
    )
    const database = new SimDatabase(() => nowMs, judge)
    judge.database = database
    const made = database.createCampaign({
      id: 'c',
      name: 'c',
      startTimeMs: 500,
      endTimeMs: null,
      totalCoupons: 2,
      paused: false,
      recipientRequired: false,
      test: false,
      codeFormat: { alphabet: 'base32', length: 16, prefix: '' },
      metadata: {},
    })
    if (typeof made === 'symbol') throw new Error('nobody holds it')
    const { campaign } = made
    const coupon = (slot: number, recipient: string | null) => ({
      campaignId: 'c',
      couponCode: `CODE${slot}`,
      slot,
      requestKey: String(slot).padStart(32, '0'),
      recipient,
      recipientKey: recipient === null ? null : recipient.padStart(32, '0'),
      issuedAtMs: 600,
    })
    return {
      judge,
      database,
      campaign,
      coupon,
      begun: { wish, step: 900, nowMs: 1_000, campaign },
      later: () => (nowMs += 100),
    }
  }

  test('whoever says sold out too soon', () => {
    const { judge, begun } = court()
    judge.answered(begun, { code: 'sold_out' })
    expect(judge.violation?.message).toMatch(/^P6: .*sold out, with 0 of 2/)
  })

  test('whoever tells of a coupon that is no row', () => {
    const { judge, begun, coupon } = court()
    judge.answered(begun, { code: 'issued', coupon: coupon(1, 'a') })
    expect(judge.violation?.message).toMatch(/^P3: .*CODE1, which is no row/)
  })

  test('whoever gives away more than there are, or too early', () => {
    const { judge, campaign, coupon } = court()
    judge.committed([coupon(3, null)], campaign)
    expect(judge.violation?.message).toMatch(/^P1: slot 3/)
    const { judge: other } = court()
    other.committed([{ ...coupon(1, null), issuedAtMs: 499 }], campaign)
    expect(other.violation?.message).toMatch(/^P5: /)
  })

  test('whoever leaves some', () => {
    const { judge, campaign } = court()
    judge.atTheEnd(campaign)
    expect(judge.violation?.message).toBe('P2: c ends with 0 of 2, up to slot 0')
  })

  test('nobody for what is so', () => {
    const { judge, begun, campaign } = court()
    const early = { code: 'campaign_not_started', startTimeMs: campaign.startTimeMs, nowMs: 400 } as const
    judge.answered({ ...begun, nowMs: 400 }, early)
    expect(judge.violation).toBeNull()
    // Long after the start, whatever the path says it saw.
    judge.answered(begun, early)
    expect(judge.violation?.message).toMatch(/^P6: .*campaign_not_started, which is not so/)
  })

  test('whoever tells two of one coupon', () => {
    const { judge, database, begun, coupon } = court()
    const transaction = database.begin()
    transaction.inserted.push(coupon(1, null))
    database.commit(transaction)
    const nobody = { ...begun, wish: { ...wish, recipient: null } }
    judge.answered(nobody, { code: 'issued', coupon: coupon(1, null) })
    expect(judge.violation).toBeNull()
    judge.answered(nobody, { code: 'issued', coupon: coupon(1, null) })
    expect(judge.violation?.message).toMatch(/^P4: /)
    const { judge: other, database: rows } = court()
    const another = rows.begin()
    another.inserted.push(coupon(1, null))
    rows.commit(another)
    other.answered(
      { ...begun, wish: { ...wish, recipient: null, idempotencyKey: 'k' } },
      { code: 'issued', coupon: coupon(1, null) },
    )
    expect(other.violation?.message).toMatch(/^P4: .*somebody else's/)
  })
})
