import { describe, expect, test } from 'vitest'
import type { CodeFormat } from '../../src/campaign/campaign.ts'
import { ALPHABETS, codeFormatFlaw, codeFormatOf, normaliseCode } from '../../src/campaign/code-format.ts'

test('the alphabets have the characters that they promise, each once', () => {
  const sizes = Object.entries(ALPHABETS).map(([name, characters]) => [
    name,
    new Set(characters).size,
    characters.length,
  ])
  expect(sizes).toEqual([
    ['base32', 32, 32],
    ['digits', 10, 10],
    ['hangul', 38, 38],
  ])
  for (const characters of Object.values(ALPHABETS)) expect(characters.normalize('NFKC').toUpperCase()).toBe(characters)
})

test.each([
  [{}, 1, { alphabet: 'base32', length: 16, prefix: '' }],
  [{ alphabet: 'hangul' }, 2_147_483_647, { alphabet: 'hangul', length: 10, prefix: '' }],
  [{ alphabet: 'digits' }, 1_000_000, { alphabet: 'digits', length: 12, prefix: '' }],
  [{ alphabet: 'digits' }, 1_000_001, { alphabet: 'digits', length: 13, prefix: '' }],
  [{ alphabet: 'digits' }, 2_147_483_647, { alphabet: 'digits', length: 16, prefix: '' }],
  [{ length: 20, prefix: 'A-' }, 5, { alphabet: 'base32', length: 20, prefix: 'A-' }],
] as const)('%j for %d coupons is %j, and good', (wish, total, format) => {
  expect(codeFormatOf(wish, total)).toEqual(format)
  expect(codeFormatFlaw(format, total)).toBeNull()
})

test.each([
  ['digits', 8, 100, null],
  ['digits', 8, 101, 'length'],
  ['base32', 4, 1, null],
  ['base32', 4, 2, 'length'],
  ['base32', 5, 33, null],
  ['base32', 5, 34, 'length'],
  ['hangul', 4, 2, null],
  ['hangul', 4, 3, 'length'],
] as const)('%s of %d characters for %d coupons: %s', (alphabet, length, total, field) => {
  expect(codeFormatFlaw({ alphabet, length, prefix: '' }, total)?.field ?? null).toBe(field)
})

test.each(['a', '-A', 'A B', '가', 'A'.repeat(17), 'A\n', 'TEST', 'TESTING'])('the prefix %j is refused', (prefix) => {
  expect(codeFormatFlaw({ alphabet: 'base32', length: 16, prefix }, 1)?.field).toBe('prefix')
})

test.each([
  ['', 'TEST'],
  ['SPRING-', 'TESTSPRING-'],
  ['TEST-A', 'TEST-A'],
  ['A'.repeat(16), `TEST${'A'.repeat(16)}`],
])('the prefix %j of a test campaign becomes %j, and stays so', (prefix, kept) => {
  const format = codeFormatOf({ prefix }, 1, true)
  expect(format.prefix).toBe(kept)
  expect(codeFormatFlaw(format, 1, true)).toBeNull()
  expect(codeFormatOf(format, 1, true)).toEqual(format)
})

test('a code has at most 64 characters', () => {
  expect(codeFormatFlaw({ alphabet: 'base32', length: 48, prefix: 'A'.repeat(16) }, 1)).toBeNull()
  expect(codeFormatFlaw({ alphabet: 'base32', length: 49, prefix: 'A'.repeat(16) }, 1)?.field).toBe('length')
})

describe('a typed code', () => {
  const base32: CodeFormat = { alphabet: 'base32', length: 8, prefix: '' }
  const oil: CodeFormat = { alphabet: 'base32', length: 4, prefix: 'OIL-2' }
  const digits: CodeFormat = { alphabet: 'digits', length: 6, prefix: '' }
  const hangul: CodeFormat = { alphabet: 'hangul', length: 4, prefix: '' }
  const tests: CodeFormat = { alphabet: 'base32', length: 4, prefix: 'TEST' }
  const spring: CodeFormat = { alphabet: 'hangul', length: 4, prefix: 'SPRING-' }
  test.each([
    [base32, '7KQ2M9XD', '7KQ2M9XD'],
    [base32, ' 7kq2-m9xd\t', '7KQ2M9XD'],
    [base32, '７ＫＱ２－ｍ９ｘｄ', '7KQ2M9XD'],
    [base32, '7kq2\u2013m9\u200bxd', '7KQ2M9XD'],
    [base32, 'oOiIlL00', '00111100'],
    [oil, 'oil2-1O0l', 'OIL-21001'],
    [oil, 'OIL-2ABCD', 'OIL-2ABCD'],
    [digits, '123 456', '123456'],
    [digits, '１２３４５６', '123456'],
    [hangul, '가나 다1', '가나다1'],
    [hangul, '가나다1'.normalize('NFD'), '가나다1'],
    [base32, '7ㅏㅂ2ㅡ9ㅌㅇ', '7KQ2M9XD'],
    [base32, '7ㅏㅃ2ㅡ9ㅌㅇ', '7KQ2M9XD'],
    [{ ...base32, length: 7 }, '갊화', 'RKFAGHK'],
    [tests, 'ㅅㄷㄴㅅ-ㅁㅠㅊㅇ', 'TESTABCD'],
    [hangul, 'rkskek1', '가나다1'],
    [hangul, 'RK SK EK 1', '가나다1'],
    [spring, 'ㄴㅔ갸ㅜㅎ-가나다1', 'SPRING-가나다1'],
    [spring, 'spring가나다1', 'SPRING-가나다1'],
    [digits, "'123456", '123456'],
  ])('%o: %j is %s', (format, typed, code) => {
    expect(normaliseCode(format, typed)).toBe(code)
    expect(normaliseCode(format, code)).toBe(code)
  })
  test.each([
    [base32, ''],
    [base32, '7KQ2M9X'],
    [base32, '7KQ2M9XDD'],
    [base32, '7KQ2M9XU'],
    [base32, '7KQ2M9ㅕ'],
    [base32, '\ud800KQ2M9XD'],
    [oil, '0IL-2ABCD'],
    [oil, 'ABCD'],
    [digits, '12345O'],
    [hangul, '가나다각'],
  ])('%o: %j cannot be one', (format, typed) => {
    expect(normaliseCode(format, typed)).toBeNull()
  })
})
