// What callers were told against what is stored. Callers have clocks of their own: in each of these the database's is ahead
// by a known time, which the audit has to find out.

import { describe, expect, test } from 'vitest'
import { auditCampaign } from '../../src/audit/audit.ts'
import { recipientKey, requestKey } from '../../src/audit/keys.ts'
import type { AuditReport, Check } from '../../src/audit/report.ts'
import type { AuditedCampaign, AuditedCoupon } from '../../src/audit/source.ts'
import type { HistoryCall } from '../../src/load/history.ts'
import { recipientKeyOf, requestKeyOf } from '../../src/ledger/coupon-keys.ts'
import { heldSource } from './held-rows.ts'

const START_MS = 1_800_000_000_000
/** The database's clock minus the caller's. */
const AHEAD_MS = 7_000

const campaign: AuditedCampaign = {
  id: 'spring',
  createdAtMs: START_MS - 3_600_000,
  startTimeMs: START_MS,
  totalCoupons: 4,
  recipientRequired: false,
  version: 1,
}

/** Issued a second after the one before. */
function couponOf(slot: number, change: Partial<AuditedCoupon> = {}): AuditedCoupon {
  const recipient = change.recipient === undefined ? `user-${slot}` : change.recipient
  return {
    slot,
    couponCode: `CODE${slot}000${slot}`,
    issuedAtMs: START_MS + slot * 1_000,
    recipient,
    recipientKey: recipient === null ? null : recipientKey(recipient),
    requestKey: String(slot).padStart(32, '0'),
    ...change,
  }
}

/** A call under way from 5 ms before to 5 ms after its coupon was made, by the caller's clock. */
function issued(coupon: AuditedCoupon, change: Partial<HistoryCall> = {}): HistoryCall {
  const atMs = coupon.issuedAtMs - AHEAD_MS
  return {
    request: `request-${coupon.slot}`,
    call: 1,
    campaign_id: campaign.id,
    recipient: coupon.recipient,
    idempotency_key: null,
    server: 'http://127.0.0.1:8080',
    intended_at: atMs - 5,
    sent_at: atMs - 5,
    answered_at: atMs + 5,
    answer: 'ok',
    status: 201,
    code: 'issued',
    coupon: {
      coupon_code: coupon.couponCode,
      slot: coupon.slot,
      recipient: coupon.recipient,
      issued_at: new Date(coupon.issuedAtMs).toISOString(),
    },
    ...change,
  }
}

const again = { call: 2, status: 200, code: 'replayed' } as const
const unknown = { answer: 'unknown', status: null, code: null, coupon: null } as const
const soldOut = { answer: 'refused', status: 409, code: 'sold_out', coupon: null } as const
/** By the caller's clock, so long after the start. */
const at = (ms: number) => ({
  intended_at: START_MS - AHEAD_MS + ms,
  sent_at: START_MS - AHEAD_MS + ms,
  answered_at: START_MS - AHEAD_MS + ms + 10,
})

async function* inOrder(calls: readonly HistoryCall[]): AsyncGenerator<HistoryCall> {
  yield* calls
}

const ALL = [1, 2, 3, 4].map((slot) => couponOf(slot))
const TOLD = ALL.map((coupon) => issued(coupon))

async function audit(
  coupons: readonly AuditedCoupon[],
  histories: readonly (readonly HistoryCall[])[],
  change: Partial<AuditedCampaign> = {},
): Promise<AuditReport> {
  const source = heldSource({ campaign: { ...campaign, ...change }, coupons, nowMs: START_MS + 60_000 })
  const judged = histories.map((calls) => ({ calls: inOrder(calls) }))
  const report = await auditCampaign(source, campaign.id, { graceMs: 30_000, histories: judged })
  if (report === null) throw new Error('there is no campaign')
  return report
}

const violated = ({ violations }: AuditReport) =>
  Object.fromEntries(violations.map(({ check, count }) => [check, count])) as Partial<Record<Check, number>>

test('the keys are those of the ledger, though made by other code', () => {
  for (const text of ['user-1', '지우', '👩‍👩‍👧', '1:x', '"']) {
    expect(recipientKey(text)).toBe(recipientKeyOf(text))
    for (const client of ['', 'shop-api']) expect(requestKey(client, text)).toBe(requestKeyOf(client, text))
  }
})

describe('nothing is wrong:', () => {
  test('recipients were erased after their coupons were told, and one asked again', async () => {
    const erased = ALL.map((coupon) => ({ ...coupon, recipient: null }))
    const late = issued(couponOf(2), { ...again, ...at(9_000) })
    const nameless = { ...late, coupon: { ...late.coupon!, recipient: null } }
    for (const calls of [TOLD, [...TOLD, nameless], [nameless, ...TOLD]]) {
      const report = await audit(erased, [calls])
      expect([violated(report), report.history?.acknowledged]).toEqual([{}, 4])
    }
    // Whose row it is, is known by its key.
    const report = await audit(erased, [[issued(couponOf(1), unknown)]])
    expect(report.history).toMatchObject({ unknown_left: 1, unknown_stored: 1 })
  })

  test('all were told what is stored, retries too, and the rest that it is sold out', async () => {
    const report = await audit(ALL, [
      [
        ...TOLD,
        issued(couponOf(2), { ...again, ...at(9_000) }),
        issued(couponOf(5), { ...soldOut, ...at(9_000) }),
        issued(couponOf(6), { ...unknown, ...at(9_000) }),
        issued(couponOf(6), { ...soldOut, ...at(9_100), call: 2 }),
        issued(couponOf(7), { campaign_id: 'another' }),
      ],
    ])
    expect(report.violations).toEqual([])
    expect(report).toMatchObject({
      verdict: 'exact',
      history: {
        calls: 8,
        other_calls: 1,
        requests: 6,
        acknowledged: 4,
        refused: 2,
        unknown_left: 0,
        unknown_stored: 0,
        unjudged: 0,
        clocks: [{ from_ms: AHEAD_MS - 5, to_ms: AHEAD_MS + 6 }],
      },
    })
  })

  test('a recipient is stored in another form than it was sent', async () => {
    const row = couponOf(1, { recipient: 'é' })
    expect(violated(await audit([row], [[issued(row, { recipient: ' e\u0301 ' })]]))).toEqual({})
  })

  test('by key, without recipient; two campaigns of one key', async () => {
    const row = couponOf(1, { recipient: null, requestKey: requestKey('', 'order-1') })
    const key = { idempotency_key: 'order-1', recipient: null }
    const report = await audit([row], [[issued(row, key), issued(row, { ...key, ...again, ...at(5_000) })]])
    expect(violated(report)).toEqual({})
  })

  test('whoever names neither recipient nor key may get several', async () => {
    const rows = [1, 2].map((slot) => couponOf(slot, { recipient: null }))
    const calls = rows.map((row) => issued(row, { request: 'one', call: row.slot }))
    expect(violated(await audit(rows, [calls]))).toEqual({})
  })

  test('nor is sold out, told to one who names neither, a word about the coupon they have', async () => {
    const rows = ALL.with(0, couponOf(1, { recipient: null }))
    const calls = [
      ...rows.map((row) => issued(row)),
      issued(rows[0] as AuditedCoupon, { ...soldOut, ...at(9_000), call: 2 }),
    ]
    expect(violated(await audit(rows, [calls]))).toEqual({})
  })

  test('told sold out first, and a coupon after the total was raised', async () => {
    const calls = [...TOLD.slice(0, 3), issued(couponOf(4), { ...soldOut, ...at(3_500) }), issued(couponOf(4))]
    expect(violated(await audit(ALL, [calls], { version: 2 }))).toEqual({})
  })

  test('requests of several machines have the same names', async () => {
    const calls = ALL.map((row) => [issued(row, { request: '1' })])
    expect((await audit(ALL, calls)).history).toMatchObject({ requests: 4, acknowledged: 4 })
  })
})

describe('unknown calls are counted,', () => {
  test('with those whose coupon is there all the same', async () => {
    const byKey = couponOf(3, { recipient: null, requestKey: requestKey('', 'order-3') })
    const report = await audit(
      [couponOf(1), couponOf(2), byKey],
      [
        [
          issued(couponOf(1)),
          issued(couponOf(2), unknown),
          issued(byKey, { ...unknown, idempotency_key: 'order-3' }),
          issued(couponOf(4), unknown),
        ],
      ],
    )
    expect(report).toMatchObject({ verdict: 'exact', history: { unknown_left: 3, unknown_stored: 2 } })
  })
})

describe('what is wrong is found:', () => {
  test('a coupon that is not stored', async () => {
    expect(violated(await audit(ALL.slice(0, 3), [TOLD]))).toEqual({ acknowledged_stored: 1 })
  })

  test.each<[what: string, change: Partial<AuditedCoupon>]>([
    ['at another time', { issuedAtMs: START_MS + 2_001 }],
    [
      'with the key of another recipient, whose name was erased',
      { recipient: null, recipientKey: recipientKey('user-9') },
    ],
    ['for another recipient', { recipient: 'user-9', recipientKey: recipientKey('user-9') }],
    ['with another code', { couponCode: 'CODE9' }],
  ])('a coupon that is stored %s', async (_what, change) => {
    const rows = ALL.with(1, { ...couponOf(2), ...change })
    expect(violated(await audit(rows, [TOLD]))).toEqual({ acknowledged_stored: 1 })
  })

  test('a coupon that is stored in another slot', async () => {
    const rows = [...ALL.slice(0, 3), { ...couponOf(4), slot: 5 }]
    expect(violated(await audit(rows, [TOLD], { totalCoupons: 5 }))).toEqual({ acknowledged_stored: 1 })
  })

  test('a caller who was told of somebody else’s coupon', async () => {
    const calls = TOLD.with(1, issued(couponOf(2), { recipient: 'user-7' }))
    expect(violated(await audit(ALL, [calls]))).toEqual({ acknowledged_recipient: 1 })
  })

  test('one coupon told to two callers without recipients', async () => {
    const row = couponOf(1, { recipient: null })
    const calls = [
      issued(row, { idempotency_key: 'a' }),
      issued(row, { idempotency_key: 'b', request: 'other', ...again }),
    ]
    expect(violated(await audit([row], [calls]))).toEqual({ one_owner: 1 })
  })

  test('one coupon told to two machines', async () => {
    const row = couponOf(1, { recipient: null })
    const calls = [[issued(row)], [issued(row)]]
    expect(violated(await audit([row], calls))).toEqual({ one_owner: 1 })
  })

  test('a retry that got another coupon', async () => {
    const second = couponOf(2, { recipient: 'user-1', recipientKey: recipientKey('user-1') })
    const calls = [issued(couponOf(1)), issued(second, { ...again, request: 'request-1' })]
    const report = await audit([couponOf(1), second], [calls])
    expect(violated(report)).toEqual({ one_coupon_each: 1, recipients_distinct: 1 })
    expect(JSON.stringify(report)).not.toMatch(/user-1|CODE1/)
  })

  test('a retry by key that got another coupon, told by two machines', async () => {
    const rows = [1, 2].map((slot) => couponOf(slot, { recipient: null }))
    const calls = rows.map((row) => [issued(row, { idempotency_key: 'order-1' })])
    expect(violated(await audit(rows, calls))).toEqual({ one_coupon_each: 1 })
  })

  test('a coupon told in two ways', async () => {
    const calls = [issued(couponOf(1)), issued({ ...couponOf(1), issuedAtMs: START_MS + 1_001 }, again)]
    expect(violated(await audit(ALL, [calls]))).toEqual({ acknowledged_stored: 1 })
  })

  test('a coupon before the start', async () => {
    const early = couponOf(1, { issuedAtMs: START_MS - 1 })
    const report = await audit(ALL.with(0, early), [TOLD.with(0, issued(early))])
    expect(violated(report)).toEqual({ acknowledged_after_start: 1, not_before_start: 1 })
  })

  test('an answer before the start, about a row that says it is from after it', async () => {
    // The clocks are known by the other calls.
    const calls = TOLD.with(0, issued(couponOf(1), { ...at(-5_000), code: 'replayed' }))
    expect(violated(await audit(ALL, [calls]))).toEqual({ acknowledged_after_start: 1 })
  })

  describe('sold out', () => {
    test('told to somebody who had been told of their coupon', async () => {
      const calls = [...TOLD, issued(couponOf(2), { ...soldOut, ...at(9_000), call: 2 })]
      expect(violated(await audit(ALL, [calls]))).toEqual({ sold_out_true: 1 })
    })

    test('told to somebody whose coupon was stored and whose answer was lost', async () => {
      const calls = [
        ...TOLD.toSpliced(1, 1),
        issued(couponOf(2), unknown),
        issued(couponOf(2), { ...soldOut, ...at(9_000) }),
      ]
      expect(violated(await audit(ALL, [calls]))).toEqual({ sold_out_true: 1 })
    })

    test('the same, found by key', async () => {
      const row = couponOf(2, { recipient: null, requestKey: requestKey('', 'order-2') })
      const lost = issued(row, { ...soldOut, ...at(9_000), idempotency_key: 'order-2' })
      expect(violated(await audit(ALL.with(1, row), [[...TOLD.toSpliced(1, 1), lost]]))).toEqual({ sold_out_true: 1 })
    })

    test('told after their coupon, by a machine whose clock is not known', async () => {
      const replayed = issued(couponOf(2), { ...again, ...at(90_000_000) })
      const calls = [replayed, issued(couponOf(2), { ...soldOut, ...at(90_000_100), call: 3 })]
      expect(violated(await audit(ALL, [calls]))).toEqual({ sold_out_true: 1 })
    })

    test('told while their coupon was being made, within what the clocks leave open, is no lie for sure', async () => {
      const rows = ALL.slice(0, 2)
      const calls = [...TOLD.slice(0, 1), issued(couponOf(2), { ...soldOut, ...at(2_004) })]
      expect(violated(await audit(rows, [calls], { totalCoupons: 2 }))).toEqual({})
    })

    test('told by a machine whose clock is not known is left open', async () => {
      const calls = [TOLD.toSpliced(1, 1), [issued(couponOf(2), { ...soldOut, ...at(90_000_000) })]]
      const report = await audit(ALL, calls)
      expect(violated(report)).toEqual({})
      expect(report.history).toMatchObject({ unjudged: 1, clocks: [{}, null] })
    })

    test('a clock that was set leaves more open', async () => {
      const jumped = issued(couponOf(4), { ...at(1_000_000) })
      const calls = [
        ...TOLD.slice(0, 1),
        TOLD[2] as HistoryCall,
        jumped,
        issued(couponOf(2), { ...soldOut, ...at(9_000) }),
      ]
      expect(violated(await audit(ALL, [calls]))).toEqual({})
    })

    test('told before another coupon was asked for, and made', async () => {
      const tooSoon = issued(couponOf(5), { ...soldOut, ...at(2_500) })
      expect(violated(await audit(ALL, [[...TOLD, tooSoon]]))).toEqual({ sold_out_full: 1 })
      // While the last one was made, or by another clock, it may have been true.
      const inTime = issued(couponOf(5), { ...soldOut, ...at(3_990) })
      expect(violated(await audit(ALL, [[...TOLD, inTime]]))).toEqual({})
      expect(violated(await audit(ALL, [TOLD, [tooSoon]]))).toEqual({})
      expect(violated(await audit(ALL, [[...TOLD, tooSoon]], { version: 2 }))).toEqual({})
    })

    test('told though coupons were left', async () => {
      const calls = [...TOLD.slice(0, 3), issued(couponOf(5), { ...soldOut, ...at(9_000) })]
      expect(violated(await audit(ALL.slice(0, 3), [calls]))).toEqual({ sold_out_full: 1 })
      const changed = await audit(ALL.slice(0, 3), [calls], { version: 2 })
      expect(violated(changed)).toEqual({})
      expect(changed.checks.find(({ check }) => check === 'sold_out_full')).toMatchObject({ checked: false })
    })
  })
})

describe('of a client with API keys, requests are found by their keys:', () => {
  const clients = { aaaaaaaaaaaa: 'shop', bbbbbbbbbbbb: 'shop', cccccccccccc: 'other' }
  const soldOutTo = (client: string, apiKeyId: string | null) => {
    const row = couponOf(2, { recipient: null, requestKey: requestKey(client, 'order-2') })
    const lost = issued(row, { ...soldOut, ...at(9_000), idempotency_key: 'order-2' })
    const calls = [...TOLD.toSpliced(1, 1), lost]
    const source = heldSource({ campaign, coupons: ALL.with(1, row), nowMs: START_MS + 60_000, clients })
    const histories = [{ calls: inOrder(calls), api_key_id: apiKeyId }]
    return auditCampaign(source, campaign.id, { graceMs: 30_000, histories })
  }
  const FOUND: [client: string, apiKeyId: string | null][] = [
    ['', null],
    ['shop', 'aaaaaaaaaaaa'],
    ['shop', 'bbbbbbbbbbbb'],
    ['bootstrap', 'bootstrap'],
    // Sent to a server that had no keys.
    ['', 'aaaaaaaaaaaa'],
  ]
  test.each(FOUND)('a row of "%s", by the history of the key %s', async (client, apiKeyId) => {
    expect(violated((await soldOutTo(client, apiKeyId)) as AuditReport)).toEqual({ sold_out_true: 1 })
  })

  const NOBODYS: [client: string, apiKeyId: string | null][] = [
    ['shop', 'cccccccccccc'],
    ['shop', 'dddddddddddd'],
    ['shop', null],
  ]
  test.each(NOBODYS)('a row of "%s" is not that of the key %s', async (client, apiKeyId) => {
    expect(violated((await soldOutTo(client, apiKeyId)) as AuditReport)).toEqual({})
  })
})

test('the rows are read after the histories, so that nothing told is missed', async () => {
  const order: string[] = []
  const source = heldSource({ campaign, coupons: ALL, nowMs: START_MS + 60_000, onRows: () => order.push('rows') })
  async function* calls(): AsyncGenerator<HistoryCall> {
    for (const call of TOLD) {
      order.push('call')
      yield call
    }
  }
  await auditCampaign(source, campaign.id, { graceMs: 30_000, histories: [{ calls: calls() }] })
  expect(order).toEqual(['call', 'call', 'call', 'call', 'rows'])
})
