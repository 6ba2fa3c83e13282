// `Server-Timing`, for who asks for it.

import { describe, expect, test } from 'vitest'
import { CallCompanion } from '../../src/telemetry/companion.ts'
import { isPreferred } from '../../src/http/preferences.ts'
import { NEW_CAMPAIGN } from '../http/new-campaign.ts'
import { openServer } from '../http/open-server.ts'

async function open() {
  const { app } = await openServer()
  await app.inject({ method: 'POST', url: '/v1/campaigns', payload: { ...NEW_CAMPAIGN, id: 'c', total_coupons: 1 } })
  return (payload: object, headers: Record<string, string> = { prefer: 'server-timing' }) =>
    app.inject({ method: 'POST', url: '/v1/campaigns/c/coupons', payload, headers })
}

/** Milliseconds by name. */
function timesIn(header: unknown): Record<string, number> {
  const times = String(header)
    .split(', ')
    .map((entry) => /^([a-z_]+);dur=(\d+(?:\.\d)?)$/.exec(entry))
  return Object.fromEntries(times.map((entry) => [entry?.[1], Number(entry?.[2])])) as Record<string, number>
}

test('a coupon, a refusal and a fault say where the time went', async () => {
  const issue = await open()
  const issued = await issue({})
  expect([issued.statusCode, issued.headers['preference-applied']]).toEqual([201, 'server-timing'])
  expect(Object.keys(timesIn(issued.headers['server-timing']))).toEqual(['queue', 'look_up', 'ledger_way', 'total'])
  const soldOut = await issue({})
  expect([soldOut.statusCode, soldOut.json<{ code: string }>().code]).toEqual([409, 'sold_out'])
  expect(timesIn(soldOut.headers['server-timing'])).toMatchObject({ look_up: expect.any(Number) })
  // Refused before it came to the path.
  const invalid = await issue({ recipient: 1 })
  expect(invalid.statusCode).toBe(400)
  expect(Object.keys(timesIn(invalid.headers['server-timing']))).toEqual(['total'])
})

test('who does not ask is not told, and other calls have no stations', async () => {
  const issue = await open()
  for (const headers of [{}, { prefer: 'return=minimal' }] as Record<string, string>[]) {
    const reply = await issue({}, headers)
    expect([reply.headers['server-timing'], reply.headers['preference-applied']]).toEqual([undefined, undefined])
  }
  const { app } = await openServer()
  const other = await app.inject({ url: '/v1/campaigns', headers: { prefer: 'server-timing' } })
  expect([other.statusCode, other.headers['preference-applied']]).toEqual([200, undefined])
})

test('what was spent at no station was spent waiting; stations that were passed twice are added up', () => {
  const companion = new CallCompanion(null)
  companion.passed('record', 4)
  companion.passed('look_up', 1.04)
  companion.passed('record', 2.5)
  expect(companion.serverTiming(10)).toBe('queue;dur=2.5, look_up;dur=1, record;dur=6.5, total;dur=10')
})

describe('a preference', () => {
  test.each([
    'server-timing',
    'Server-Timing',
    'respond-async, server-timing',
    'a=1;b,server-timing ;x',
    'server-timing=""',
  ])('%s is one', (header) => expect(isPreferred('server-timing', header)).toBe(true))
  test.each(['', 'server', 'x-server-timing', 'return=server-timing'])('"%s" is none', (header) =>
    expect(isPreferred('server-timing', header)).toBe(false),
  )
  test('may come in several headers', () => {
    expect(isPreferred('server-timing', ['wait=1', 'server-timing'])).toBe(true)
    expect(isPreferred('server-timing', undefined)).toBe(false)
  })
})
