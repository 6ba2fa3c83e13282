// The flags of firstcome load: what they mean together, and everything that is wrong with them at once.

import { expect, test } from 'vitest'
import { readWish, type Options } from '../../src/cli/load/wish.ts'
import { run } from './run-firstcome.ts'

const STANDARD = { startsIn: '2s', recipients: 'unique', connections: '256', patience: '60s' } as const

const wrongWith = (options: Partial<Options>): string[] => {
  try {
    readWish({ ...STANDARD, ...options })
    return []
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.split(': ')[0] as string)
  }
}

test('the three ways to come', () => {
  const crowdOf = (options: Partial<Options>) => readWish({ ...STANDARD, coupons: '10', ...options }).crowd
  expect(crowdOf({ requests: '30' })).toEqual({ kind: 'requests', requests: 30 })
  expect(crowdOf({ rate: '200', for: '1.5s' })).toEqual({ kind: 'rate', perSecond: 200, seconds: 1.5 })
  expect(crowdOf({ burst: '30' })).toEqual({ kind: 'burst', requests: 30 })
})

test.each([
  ['5', 5_000],
  ['5s', 5_000],
  ['500ms', 500],
  ['2m', 120_000],
  ['0', 0],
])('--starts-in %s', (text, ms) => {
  expect(readWish({ ...STANDARD, coupons: '1', requests: '1', startsIn: text }).startsInMs).toBe(ms)
})

test('several servers, each an address', () => {
  const { servers } = readWish({ ...STANDARD, coupons: '1', requests: '1', url: 'http://a:1/x/, http://b:2' })
  expect(servers.map(({ url }) => url)).toEqual(['http://a:1/x', 'http://b:2'])
  expect(wrongWith({ coupons: '1', requests: '1', url: 'http://a:1,b:2' })).toEqual(['--url'])
})

test.each<[string, Partial<Options>, string[]]>([
  ['nothing', {}, ['How many come', '--coupons']],
  ['two ways', { coupons: '1', requests: '1', burst: '1' }, ['How many come']],
  ['half of one', { coupons: '1', rate: '1' }, ['--rate without --for']],
  ['the other half', { coupons: '1', for: '1s' }, ['--for without --rate']],
  ['a burst that is not sent whole', { coupons: '1', burst: '50001' }, ['--burst']],
  ['more than can be judged', { coupons: '1', requests: '3000001' }, ['--requests']],
  ['more than that in time', { coupons: '1', rate: '50000', for: '61s' }, ['--rate and --for']],
  ['no numbers', { coupons: 'x', requests: '0', connections: '-1' }, ['--requests', '--coupons', '--connections']],
  ['no times', { coupons: '1', requests: '1', startsIn: 'soon', patience: '0' }, ['--starts-in', '--patience']],
  ['whose coupons', { coupons: '1', requests: '1', campaign: 'spring' }, ['--coupons beside --campaign']],
  ['whose deletion', { requests: '1', campaign: 'spring', keep: true }, ['--keep beside --campaign']],
  [
    'what is live',
    { coupons: '1', requests: '1', reallyIssueLiveCoupons: true },
    ['--really-issue-live-coupons without --campaign'],
  ],
])('wrong: %s', (_name, options, problems) => {
  expect(wrongWith(options)).toEqual(problems)
})

test('the command says all of it, and could not be run; neither could it without a server', async () => {
  const wrong = await run('http://127.0.0.1:1', ['load', '--rate', '5'])
  expect(wrong.code).toBe(3)
  for (const flag of ['--for', '--coupons']) expect(wrong.err).toContain(flag)
  const alone = await run('http://127.0.0.1:1', ['load', '--coupons', '1', '--requests', '1'])
  expect(alone).toMatchObject({ code: 3, err: expect.stringContaining('nothing answers at http://127.0.0.1:1') })
})
