// Limits of calls: what is counted together, what a second forgets, and that memory is bounded.

import { expect, test } from 'vitest'
import { RATES_COUNTED_MAX } from '../../src/access/limits.ts'
import { systemRandomness } from '../../src/host.ts'
import { Rates, type RateLimits } from '../../src/access/rates.ts'

function openRates(limits: Partial<RateLimits>) {
  const clock = { now: 5, nowMs: () => clock.now }
  const none = { recipientCallsPerS: 0, clientIssuesPerS: 0, clientReadsPerS: 0, clientLookUpsPerS: 0 }
  return {
    clock,
    rates: new Rates({ ...none, ...limits }, { clock, randomness: { ...systemRandomness, fraction: () => 0.5 } }),
  }
}

const passes = (count: number, call: () => string | null) =>
  Array.from({ length: count }, call).filter((over) => over === null).length

test('a recipient has so many calls a second, and then again', () => {
  const { rates, clock } = openRates({ recipientCallsPerS: 20 })
  expect(passes(100, () => rates.recipient('shop', 'r'))).toBe(20)
  clock.now += 999
  expect(rates.recipient('shop', 'r')).toBe('For one recipient 20 calls a second may be made to one server.')
  clock.now += 1
  expect(passes(100, () => rates.recipient('shop', 'r'))).toBe(20)
})

test('recipients, clients and kinds of calls do not share', () => {
  const { rates } = openRates({ recipientCallsPerS: 1, clientReadsPerS: 2, clientLookUpsPerS: 3, clientIssuesPerS: 4 })
  for (const client of ['a', 'b']) {
    for (const recipient of ['1', '2']) expect(passes(9, () => rates.recipient(client, recipient))).toBe(1)
    expect(passes(9, () => rates.client('reads', client))).toBe(2)
    expect(passes(9, () => rates.client('lookUps', client))).toBe(3)
    expect(passes(9, () => rates.client('issues', client))).toBe(4)
  }
  expect(rates.client('reads', 'a')).toMatch(/2 calls other than/)
  expect(rates.client('lookUps', 'a')).toMatch(/3 look-ups by code/)
  expect(rates.client('issues', 'a')).toMatch(/4 calls that issue/)
})

test('0 is no limit', () => {
  const { rates } = openRates({})
  expect(passes(5_000, () => rates.recipient('a', 'r') ?? rates.client('reads', 'a'))).toBe(5_000)
})

test('beyond what is counted nobody is refused, and who is counted stays so', () => {
  const { rates, clock } = openRates({ recipientCallsPerS: 1 })
  expect(
    passes(
      RATES_COUNTED_MAX + 10,
      (() => {
        let number = 0
        return () => rates.recipient('a', String(number++))
      })(),
    ),
  ).toBe(RATES_COUNTED_MAX + 10)
  expect(rates.recipient('a', '0')).not.toBeNull()
  expect(passes(9, () => rates.recipient('b', 'new'))).toBe(9)
  clock.now += 1_000
  expect(passes(9, () => rates.recipient('b', 'new'))).toBe(1)
})
