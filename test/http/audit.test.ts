// The audit as a route: one at a time, kept for a while, told in pieces when it is long, and never in the way of a sale.

import { describe, expect, test } from 'vitest'
import type { AuditSnapshot, AuditSource } from '../../src/audit/source.ts'
import { CounterUnavailable } from '../../src/counter/counter.ts'
import { systemClock, type Clock } from '../../src/host.ts'
import {
  AUDIT_ANSWER_MS_MAX,
  AUDIT_FRESH_MS,
  AUDIT_MS_MAX,
  AUDIT_RETRY_MS,
  EXPORT_PAUSE_FACTOR,
} from '../../src/http/limits.ts'
import { LedgerUnavailable } from '../../src/ledger/ledger.ts'
import { callerOf } from './documented.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer, type Others } from './open-server.ts'

const AUDIT = '/v1/campaigns/c/audit'

async function open(others: Others = {}) {
  const server = await openServer(others)
  const call = callerOf(server.app)
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c' })
  return { ...server, call }
}

/** One row, which is handed out when the test says so. */
function heldSource(): AuditSource & { readonly begun: string[]; readonly ends: PromiseWithResolvers<void>[] } {
  const begun: string[] = []
  const ends: PromiseWithResolvers<void>[] = []
  return {
    begun,
    ends,
    async snapshot(id, work) {
      begun.push(id)
      const end = Promise.withResolvers<void>()
      ends.push(end)
      const campaign = { id, createdAtMs: 0, startTimeMs: 0, totalCoupons: 2, recipientRequired: false, version: 1 }
      const row = { slot: 1, couponCode: 'CODE', issuedAtMs: 5, recipient: null, recipientKey: null, requestKey: null }
      const snapshot: AuditSnapshot = {
        campaign,
        asOfMs: 10,
        expectedRows: 1,
        showsKeys: true,
        missingKeys: [],
        clientOf: async () => null,
        async rows(take) {
          await take([row])
          await end.promise
          await take([])
        },
        ordered: () => null,
        again: async () => ({ campaign, nowMs: 10 }),
      }
      return work(snapshot)
    },
  }
}

/** Time stands still until a test moves it. */
function heldClock(): { clock: Clock; pass(ms: number): void; slept: number[]; waiting(ms: number): number } {
  let passedMs = 0
  const armed = new Set<{ ms: number; atMs: number; work: () => void }>()
  const slept: number[] = []
  return {
    slept,
    waiting: (ms) => [...armed].filter((one) => one.ms === ms).length,
    pass(ms) {
      passedMs += ms
      for (const one of armed) {
        if (one.atMs > passedMs) continue
        armed.delete(one)
        one.work()
      }
    },
    clock: {
      ...systemClock,
      nowMs: () => passedMs,
      after(ms, work) {
        const one = { ms, atMs: passedMs + ms, work }
        armed.add(one)
        return () => armed.delete(one)
      },
      async sleep(ms) {
        slept.push(ms)
      },
    },
  }
}

test('a small campaign is told at once, over its own ledger', async () => {
  const { call } = await open()
  const { json: coupon } = await call('POST', '/v1/campaigns/c/coupons', { recipient: 'user-1' })
  const { status, json, text } = await call('GET', AUDIT)
  expect(status).toBe(200)
  expect(json).toMatchObject({ campaign_id: 'c', verdict: 'exact', complete: false, issued_count: 1, through_slot: 1 })
  expect(json['violations']).toEqual([])
  expect(text).not.toContain('user-1')
  expect(text).not.toContain(coupon['coupon_code'])
})

test.each<[what: string, answer: number | null | CounterUnavailable, shown: number | null]>([
  ['where it stands', 7, 7],
  ['that it knows nothing', null, null],
  ['nothing while it is away', new CounterUnavailable('away'), null],
])('of the counter it tells %s', async (_what, answer, shown) => {
  const { call } = await open({ counter: { peek: async () => [answer] } })
  const { json } = await call('GET', AUDIT)
  expect([json['verdict'], json['counter_next']]).toEqual(['exact', shown])
})

test('no such campaign', async () => {
  const { call } = await open()
  for (const id of ['nix', '%20', 'x'.repeat(65)]) {
    const { status, json } = await call('GET', `/v1/campaigns/${id}/audit`)
    expect([status, json['code']]).toEqual([404, 'campaign_not_found'])
  }
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'nix' })
  expect((await call('GET', '/v1/campaigns/nix/audit')).status).toBe(200)
})

test('of a campaign that was deleted, and of one that has its id now, no kept report tells', async () => {
  const { call } = await open()
  const create = () => call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'tried', test: true })
  const { json: first } = await create()
  await call('POST', '/v1/campaigns/tried/coupons', {})
  const audit = () => call('GET', '/v1/campaigns/tried/audit')
  expect((await audit()).json['issued_count']).toBe(1)
  expect((await call('DELETE', '/v1/campaigns/tried')).status).toBe(204)
  expect((await audit()).status).toBe(404)
  await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(String(first['created_at'])))
  await create()
  const { status, json } = await audit()
  expect([status, json['issued_count']]).toEqual([200, 0])
})

describe('a long one', () => {
  test('is told in pieces, made once for all who ask, and kept', async () => {
    const auditSource = heldSource()
    const { clock, pass, waiting } = heldClock()
    const { call } = await open({ auditSource, clock })
    const asked = [call('GET', AUDIT), call('GET', AUDIT), call('GET', AUDIT)]
    await expect.poll(() => waiting(AUDIT_ANSWER_MS_MAX)).toBe(3)
    pass(AUDIT_ANSWER_MS_MAX)
    for (const { status, headers, json } of await Promise.all(asked)) {
      expect([status, headers['retry-after']]).toEqual([202, String(AUDIT_RETRY_MS / 1_000)])
      expect(json).toEqual({
        campaign_id: 'c',
        status: 'running',
        step: 'rows',
        done: 1,
        expected: 1,
        retry_after_ms: AUDIT_RETRY_MS,
      })
    }
    const last = call('GET', AUDIT)
    await expect.poll(() => waiting(AUDIT_ANSWER_MS_MAX)).toBe(1)
    auditSource.ends[0]?.resolve()
    const report = await last
    expect([report.status, report.json['verdict']]).toEqual([200, 'exact'])
    expect(waiting(AUDIT_ANSWER_MS_MAX)).toBe(0)

    pass(AUDIT_FRESH_MS - 1)
    expect((await call('GET', AUDIT)).json).toEqual(report.json)
    expect(auditSource.begun).toEqual(['c'])
    pass(1)
    const next = call('GET', AUDIT)
    await expect.poll(() => auditSource.ends.length).toBe(2)
    auditSource.ends[1]?.resolve()
    expect((await next).status).toBe(200)
  })

  test('is kept for as long as it took', async () => {
    const auditSource = heldSource()
    const { clock, pass, waiting } = heldClock()
    const { call } = await open({ auditSource, clock })
    const first = call('GET', AUDIT)
    await expect.poll(() => waiting(AUDIT_ANSWER_MS_MAX)).toBe(1)
    pass(60_000)
    expect((await first).status).toBe(202)
    const second = call('GET', AUDIT)
    await expect.poll(() => waiting(AUDIT_ANSWER_MS_MAX)).toBe(1)
    auditSource.ends[0]?.resolve()
    expect((await second).status).toBe(200)
    pass(59_999)
    expect((await call('GET', AUDIT)).status).toBe(200)
    expect(auditSource.begun).toHaveLength(1)
  })

  test('keeps another campaign’s waiting: busy', async () => {
    const auditSource = heldSource()
    const { call } = await open({ auditSource })
    await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'other' })
    const first = call('GET', AUDIT)
    await expect.poll(() => auditSource.begun).toEqual(['c'])
    const { status, json } = await call('GET', '/v1/campaigns/other/audit')
    expect([status, json['code']]).toEqual([429, 'busy'])
    expect((await call('GET', '/v1/campaigns/c/coupons')).status).toBe(200)
    auditSource.ends[0]?.resolve()
    expect((await first).status).toBe(200)
    const other = call('GET', '/v1/campaigns/other/audit')
    await expect.poll(() => auditSource.ends.length).toBe(2)
    auditSource.ends[1]?.resolve()
    expect((await other).status).toBe(200)
  })

  test('that takes too long is given up', async () => {
    const auditSource = heldSource()
    const { clock, pass } = heldClock()
    const { call } = await open({ auditSource, clock })
    const first = call('GET', AUDIT)
    await expect.poll(() => auditSource.ends.length).toBe(1)
    pass(AUDIT_MS_MAX + 1)
    expect((await first).status).toBe(202)
    const second = call('GET', AUDIT)
    auditSource.ends[0]?.resolve()
    expect((await second).json['code']).toBe('unavailable')
  })
})

describe('while coupons are being issued', () => {
  test('it pauses: nine times as long as a page took', async () => {
    const { clock, pass, slept } = heldClock()
    const slow: AuditSource = {
      snapshot: (id, work) =>
        heldSource().snapshot(id, (snapshot) =>
          work({
            ...snapshot,
            async rows(take) {
              pass(20)
              await take([])
              pass(30)
              await take([])
            },
          }),
        ),
    }
    const issuer = { issue: () => Promise.reject(new Error('nobody asks')), isIdle: false }
    const { call } = await open({ auditSource: slow, clock, issuer })
    expect((await call('GET', AUDIT)).status).toBe(200)
    expect(slept).toEqual([20 * EXPORT_PAUSE_FACTOR, 30 * EXPORT_PAUSE_FACTOR])
  })

  test('and not when nobody waits for one', async () => {
    const { clock, slept } = heldClock()
    const { call } = await open({ clock })
    await call('POST', '/v1/campaigns/c/coupons', {})
    expect((await call('GET', AUDIT)).json['issued_count']).toBe(1)
    expect(slept).toEqual([])
  })
})

test('a database that does not answer is told once, and asked anew', async () => {
  let calls = 0
  const away: AuditSource = {
    snapshot: () => {
      calls++
      return Promise.reject(new LedgerUnavailable('away', { mayBeWritten: false }))
    },
  }
  const { call, logged } = await open({ auditSource: away })
  for (let i = 0; i < 2; i++) {
    const { status, json } = await call('GET', AUDIT)
    expect([status, json['code']]).toEqual([503, 'unavailable'])
  }
  expect(calls).toBe(2)
  expect(logged).toMatchObject([{ code: 'unavailable' }])
})

test('a server that closes ends it', async () => {
  let isOver = false
  const endless: AuditSource = {
    snapshot: (id, work) =>
      heldSource()
        .snapshot(id, (snapshot) =>
          work({
            ...snapshot,
            async rows(take) {
              for (;;) {
                await take([])
                await new Promise((resolve) => setImmediate(resolve))
              }
            },
          }),
        )
        .finally(() => (isOver = true)),
  }
  const { clock, pass, waiting } = heldClock()
  const { app, call } = await open({ auditSource: endless, clock })
  const asked = call('GET', AUDIT)
  await expect.poll(() => waiting(AUDIT_ANSWER_MS_MAX)).toBe(1)
  pass(AUDIT_ANSWER_MS_MAX)
  expect((await asked).status).toBe(202)
  await app.close()
  await expect.poll(() => isOver).toBe(true)
})
