// The load engine against servers that stall, refuse, break off and come back.

import { expect, test } from 'vitest'
import { systemClock, systemRandomness } from '../../src/host.ts'
import type { HistoryCall } from '../../src/load/history.ts'
import { runLoad, type LoadOptions } from '../../src/load/load.ts'
import type { LoadNumbers } from '../../src/load/numbers.ts'
import { burst, steady, withEarly } from '../../src/load/plan.ts'
import { freePort } from '../servers/server.ts'
import { coupon, openCouponServer, problem, type CouponServer } from './coupon-server.ts'

interface Ran {
  readonly numbers: LoadNumbers
  readonly calls: readonly HistoryCall[]
}

async function load(options: Pick<LoadOptions, 'servers'> & Partial<LoadOptions>): Promise<Ran> {
  const calls: HistoryCall[] = []
  const numbers = await runLoad({
    campaignId: 'spring',
    plan: { kind: 'closed', requests: 1, callers: 1, fromMs: 0 },
    want: (number) => ({ request: `r${number}`, recipient: `user-${number}`, idempotencyKey: `key-${number}` }),
    connections: 8,
    patienceMs: 30_000,
    onCall: (call) => void calls.push(call),
    signal: new AbortController().signal,
    clock: systemClock,
    randomness: systemRandomness,
    ...options,
  })
  return { numbers, calls }
}

test('a stall of the server is in the p99 of an open loop, though few requests are under way when it happens', async () => {
  const { promise: goesOn, resolve: goOn } = Promise.withResolvers<void>()
  let stalledAt = 0
  let stallMs = 0
  await using server = await openCouponServer(async (_asked, count) => {
    if (count === 250) {
      stalledAt = performance.now()
      setTimeout(() => {
        stallMs = performance.now() - stalledAt
        goOn()
      }, 700)
    }
    if (count >= 250) await goesOn
    return coupon(count)
  })
  const { numbers, calls } = await load({
    servers: [server.url],
    plan: steady(250, 3, Date.now()),
    connections: 4,
  })
  expect(numbers).toMatchObject({ requests: 750, issued: 750, notSent: 0, unknownLeft: 0 })
  expect(numbers.latency.count).toBe(750)
  expect(numbers.latency.p99Ms).toBeGreaterThan(stallMs / 2)
  // Counted from when they were sent it would be hidden: the four that were under way are less than one in a hundred.
  const sinceSent = calls.map(({ sent_at, answered_at }) => answered_at - sent_at).sort((a, b) => a - b)
  expect(sinceSent[Math.floor(sinceSent.length * 0.99) - 1]).toBeLessThan(stallMs / 2)
})

test('the schedule waits for no answer; what is more than may be outstanding is counted', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  await using server = await openCouponServer(async (_asked, count) => {
    await released
    return coupon(count)
  })
  const seen: LoadNumbers[] = []
  const { numbers } = await load({
    servers: [server.url],
    plan: burst(200, Date.now()),
    outstandingMax: 50,
    onNumbers: (numbers) => {
      seen.push(numbers)
      if (numbers.notSent === 150) release()
    },
  })
  expect(Math.max(...seen.map(({ outstanding }) => outstanding))).toBe(50)
  expect(numbers).toMatchObject({ requests: 50, calls: 50, issued: 50, notSent: 150, outstanding: 0 })
})

test('a closed loop has as many under way as it has callers, and no more', async () => {
  const { promise: allCame, resolve: come } = Promise.withResolvers<void>()
  await using server = await openCouponServer(async (_asked, count) => {
    if (count === 5) come()
    await allCame
    return coupon(count)
  })
  const plan = { kind: 'closed', requests: 100, callers: 5, fromMs: 0 } as const
  const { numbers } = await load({ servers: [server.url], plan, connections: 100 })
  expect(numbers.issued).toBe(100)
  expect(server.mostAtOnce).toBe(5)
})

test('no reply, 429, 5xx and what is no answer are asked again, with the same key and recipient, at another server', async () => {
  const answers = [
    null,
    problem(503, 'overloaded', { retry_after_ms: 30 }),
    problem(429, 'busy', { retry_after_ms: 20 }),
    { status: 502, body: '<html>Bad gateway</html>' },
    { status: 200, body: '{"coupon_code":"CU' },
    coupon(7, '김하나'),
  ]
  let count = 0
  const answer = () => answers[count++] ?? null
  await using first = await openCouponServer(answer)
  await using second = await openCouponServer(answer)
  const want = () => ({ request: 'r', recipient: '김하나', idempotencyKey: 'k' })
  const { numbers, calls } = await load({ servers: [first.url, second.url], want })

  expect(calls.map(({ call, answer, status, code }) => [call, answer, status, code])).toEqual([
    [1, 'unknown', null, null],
    [2, 'unknown', 503, 'overloaded'],
    [3, 'unknown', 429, 'busy'],
    [4, 'unknown', 502, null],
    [5, 'unknown', 200, null],
    [6, 'ok', 201, 'issued'],
  ])
  expect(calls.map(({ server }) => server === first.url)).toEqual([true, false, true, false, true, false])
  const asked = [...first.asked, ...second.asked]
  expect(asked.map(({ headers, body }) => [headers['idempotency-key'], body])).toEqual(
    answers.map(() => ['k', '{"recipient":"김하나"}']),
  )
  expect(new Set(asked.map(({ path }) => path))).toEqual(new Set(['/v1/campaigns/spring/coupons']))
  for (const [at, waitMs] of [
    [1, 30],
    [2, 20],
  ] as const)
    expect((calls[at + 1]?.sent_at ?? 0) - (calls[at]?.answered_at ?? 0)).toBeGreaterThan(waitMs - 2)
  expect(calls.at(-1)?.coupon).toEqual({
    coupon_code: 'CODE7',
    slot: 7,
    recipient: '김하나',
    issued_at: '2027-03-02T01:00:00.115Z',
  })
  expect(numbers).toMatchObject({
    requests: 1,
    calls: 6,
    issued: 1,
    unknown: { 'no reply': 1, '503 overloaded': 1, '429 busy': 1, '502': 1, '200': 1 },
    unknownLeft: 0,
  })
})

test('Retry-After alone is obeyed, too', async () => {
  await using server = await openCouponServer((_asked, count) =>
    count === 1 ? { status: 503, body: 'wait', headers: { 'retry-after': '1' } } : coupon(1),
  )
  const { calls } = await load({ servers: [server.url] })
  expect(calls).toHaveLength(2)
  expect((calls[1]?.sent_at ?? 0) - (calls[0]?.answered_at ?? 0)).toBeGreaterThan(998)
})

test('a refusal is an answer; too early is asked again at the start', async () => {
  await using server = await openCouponServer(({ body }, count) => {
    if (count <= 2) return problem(409, 'campaign_not_started', { starts_in_ms: 60 })
    return body.includes('user-0') ? coupon(1) : problem(409, 'sold_out')
  })
  const plan = withEarly(burst(4, Date.now() + 40), 2, 40)
  const { numbers, calls } = await load({ servers: [server.url], plan })
  expect(numbers).toMatchObject({
    requests: 4,
    calls: 6,
    issued: 1,
    refused: { campaign_not_started: 2, sold_out: 3 },
    unknown: {},
  })
  const again = calls.filter(({ call }) => call === 2)
  expect(again.map(({ request }) => request).sort()).toEqual(['r0', 'r1'])
  for (const { intended_at, sent_at } of again) expect(sent_at).toBeGreaterThan(intended_at - 2)
})

test('whose patience is over is left unknown', async () => {
  await using server = await openCouponServer(() => problem(503, 'unavailable', { retry_after_ms: 50 }))
  const { numbers, calls } = await load({ servers: [server.url], patienceMs: 200 })
  expect(calls.length).toBeGreaterThan(1)
  expect(calls.length).toBeLessThan(6)
  expect(numbers).toMatchObject({ requests: 1, unknownLeft: 1, issued: 0 })
})

test('a caller who hangs up asks again, with the same key', async () => {
  await using server = await openCouponServer((_asked, count) =>
    count === 1 ? new Promise<null>(() => {}) : coupon(1),
  )
  const want = () => ({ request: 'r', recipient: null, idempotencyKey: 'k', hangUpAfterMs: 5 })
  const { calls } = await load({ servers: [server.url], want })
  expect(calls.map(({ answer, status }) => [answer, status])).toEqual([
    ['unknown', null],
    ['ok', 201],
  ])
  expect(server.asked.map(({ headers, body }) => [headers['idempotency-key'], body])).toEqual([
    ['k', ''],
    ['k', ''],
  ])
})

test('a server that refuses connections costs nobody the answer, and takes part again when it is back', async () => {
  const port = await freePort()
  await using there = await openCouponServer((_asked, count) => coupon(count))
  const isOver = new AbortController()
  let back: Promise<CouponServer> | null = null
  const { numbers } = await load({
    servers: [there.url, `http://127.0.0.1:${port}`],
    plan: steady(200, 60, Date.now()),
    signal: isOver.signal,
    onNumbers({ unknown, issued }) {
      if ((unknown['no reply'] ?? 0) === 0 || issued < 50) return
      back ??= openCouponServer((_asked, count) => {
        if (count === 20) isOver.abort()
        return coupon(100_000 + count)
      }, port)
    },
  })
  await using server = await (back as Promise<CouponServer> | null)
  if (server === null) throw new Error('it was never away')
  expect(server.asked.length).toBeGreaterThanOrEqual(20)
  expect(numbers.requests - numbers.issued).toBe(numbers.unknownLeft)
  // Left alone for a moment each time: not every other call went there while it was away.
  expect(numbers.unknown['no reply']).toBeLessThan(there.asked.length / 2)
})

test('while no server is there one request tries for all; when one is back, all are answered', async () => {
  const port = await freePort()
  let back: Promise<CouponServer> | null = null
  const { numbers } = await load({
    servers: [`http://127.0.0.1:${port}`],
    plan: steady(500, 1, Date.now()),
    onNumbers({ outstanding }) {
      if (outstanding === 500) back ??= openCouponServer((_asked, count) => coupon(count), port)
    },
  })
  await using server = await (back as Promise<CouponServer> | null)
  expect(server?.asked).toHaveLength(500)
  expect(numbers).toMatchObject({ requests: 500, issued: 500, unknownLeft: 0, notSent: 0 })
  expect(numbers.unknown['no reply']).toBeLessThan(250)
})

test('after an interruption nothing is sent, what is under way is waited for, and nothing goes uncounted', async () => {
  const controller = new AbortController()
  await using server = await openCouponServer(async (_asked, count) => {
    if (count === 4) setTimeout(() => controller.abort(), 20)
    await new Promise((resolve) => controller.signal.addEventListener('abort', resolve))
    return coupon(count)
  })
  const { numbers } = await load({
    servers: [server.url],
    plan: burst(1_000, Date.now()),
    connections: 4,
    signal: controller.signal,
  })
  expect(numbers).toMatchObject({ requests: 4, issued: 4, notSent: 996, outstanding: 0, unknownLeft: 0 })
  expect(server.asked).toHaveLength(4)
})

test('who cannot write it down ends the run', async () => {
  await using server = await openCouponServer((_asked, count) => coupon(count))
  const onCall = () => Promise.reject(new Error('the disk is full'))
  const plan = { kind: 'closed', requests: 1_000, callers: 2, fromMs: 0 } as const
  await expect(load({ servers: [server.url], plan, onCall })).rejects.toThrow('the disk is full')
  expect(server.asked.length).toBeLessThan(10)
})

test('a refusal that may be taken back is asked again, when it was said which ones are', async () => {
  const answers = [problem(409, 'campaign_paused'), problem(409, 'campaign_ended'), coupon(1)]
  await using server = await openCouponServer((_asked, count) => answers[count - 1] ?? null)
  const { calls, numbers } = await load({
    servers: [server.url],
    comesBackAfter: ['campaign_paused', 'campaign_ended'],
  })
  expect(calls.map(({ call, code }) => [call, code])).toEqual([
    [1, 'campaign_paused'],
    [2, 'campaign_ended'],
    [3, 'issued'],
  ])
  expect(numbers).toMatchObject({ requests: 1, issued: 1, unknownLeft: 0 })
})

test('with neither key nor recipient it is asked once: another call would want another coupon', async () => {
  await using server = await openCouponServer((_asked, count) => (count === 1 ? null : coupon(count)))
  const want = () => ({ request: 'r', recipient: null, idempotencyKey: null })
  const { calls, numbers } = await load({ servers: [server.url], want })
  expect(calls.map(({ answer }) => answer)).toEqual(['unknown'])
  expect(numbers).toMatchObject({ requests: 1, issued: 0, unknownLeft: 1 })
})
