// What a refusal becomes on a command line: an exit code, and words that name the flags.

import { expect, test } from 'vitest'
import { FAULTS } from '../../src/answers.ts'
import { Refused } from '../../src/cli/api.ts'
import { exitCodeOf, refusalText, type RefusalContext } from '../../src/cli/refusals.ts'
import { sampleProblem } from '../../src/http/samples.ts'
import { PROBLEMS, type ProblemCode } from '../../src/http/problems.ts'

const codes = Object.keys(PROBLEMS) as ProblemCode[]

function told(
  code: ProblemCode,
  context: RefusalContext = {},
  errors: Parameters<typeof sampleProblem>[1] = [],
): string {
  const problem = sampleProblem(code, errors)
  return refusalText(new Refused(problem, JSON.stringify(problem), '"2.mhvbb7z5"'), { id: 'spring', ...context })
}

test('decisions are 1, what may go on later is 2, faults are 3', () => {
  const notYet = ['campaign_paused', 'campaign_not_started']
  for (const code of codes) {
    const expected = code in FAULTS ? 3 : notYet.includes(code) ? 2 : 1
    expect(exitCodeOf({ code, status: PROBLEMS[code].status }), code).toBe(expected)
  }
  // Of a newer server.
  expect(exitCodeOf({ code: 'rate_limited', status: 429 })).toBe(3)
  expect(exitCodeOf({ code: 'on_fire', status: 503 })).toBe(3)
  expect(exitCodeOf({ code: 'campaign_is_full_moon', status: 409 })).toBe(1)
})

test.each(codes)('%s: title, detail, what to do next, request_id', (code) => {
  const text = told(code)
  const { title, meaning } = PROBLEMS[code]
  expect(text.split('\n')[0]).toBe(`firstcome: ${title.en} (${code})`)
  expect(text).toMatch(/\n {2}request_id k3vQ9xTa-2f\n$/)
  if (code !== 'invalid_request') {
    expect(text).toContain(`\n  ${meaning}\n  Next: `)
    expect(text).not.toMatch(/undefined|NaN|null|<ID>/)
  }
})

test('what only some know is in what to do next', () => {
  expect(told('campaign_not_started')).toMatch(/it starts at 2027-03-02T\S+, in 2\.4 s:/)
  expect(told('campaign_changed')).toContain('its ETag is 2.mhvbb7z5 now')
  expect(told('total_below_issued')).toContain('--total 417 is the lowest')
  expect(told('campaign_has_coupons')).toContain('without --start')
  expect(told('overloaded', { sameAgain: 'the same coupon with --key k1' })).toContain(
    'the same coupon with --key k1 again in 1.3 s',
  )
})

test('wrong fields are told by the flags that they came from', () => {
  const detail = 'must be right'
  const wrong = (pointer: string, context?: RefusalContext) =>
    told('invalid_request', context, [{ in: 'body', pointer, detail }]).split('\n')[1]
  expect(wrong('/total_coupons')).toBe('  --total: must be right')
  expect(wrong('/code_format/prefix')).toBe('  --prefix: must be right')
  expect(wrong('/If-Match')).toBe('  --if-match: must be right')
  expect(wrong('/end_time', { flags: { '/end_time': '--at' } })).toBe('  --at: must be right')
  expect(wrong('/unheard_of')).toBe('  /unheard_of: must be right')
})

test('a title or detail from elsewhere does nothing to the terminal', () => {
  const problem = { ...sampleProblem('sold_out', []), code: 'x', title: '\u001b[2J', detail: 'a\rb' }
  const text = refusalText(new Refused(problem, '', null), {})
  expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
})
