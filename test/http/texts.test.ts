import { describe, expect, test } from 'vitest'
import { readIdempotencyKey, readText } from '../../src/http/texts.ts'
import { formatTime, readTime } from '../../src/http/times.ts'

describe('a text is kept trimmed and composed', () => {
  test.each([
    ['a', 'a'],
    ['\u00a0\ufeffa b\u2028', 'a b'],
    ['e\u0301', 'é'],
    ['\u1112\u1161\u11ab\u1100\u1173\u11af', '한글'],
    ['👨‍👩‍👧', '👨‍👩‍👧'],
    ['\u200fעברית', '\u200fעברית'],
    // The last of 255 is made of three units; decomposed it is 510 code points.
    ['e\u0301'.repeat(255), 'é'.repeat(255)],
  ])('%j', (text, kept) => {
    expect(readText(text)).toEqual({ value: kept })
  })
})

describe('a key is the same quoted and bare', () => {
  test.each([
    ['abc', 'abc'],
    ['"abc"', 'abc'],
    ['"a\\"b\\\\"', 'a"b\\'],
    ['a\\b', 'a\\b'],
    ['a"', 'a"'],
  ])('%s', (header, key) => {
    expect(readIdempotencyKey(header)).toEqual({ value: key })
  })
  test.each(['"', '"a"b"', '"a\\x"', '"abc";p=1', 'a, b', '"\\"'])('not %s', (header) => {
    expect(readIdempotencyKey(header)).toEqual({ wrong: expect.stringContaining('1 to 255') })
  })
})

describe('a time', () => {
  test.each([
    ['2027-03-02T10:00:00+09:00', '2027-03-02T01:00:00.000Z'],
    ['2027-03-02 10:00:00.07z', '2027-03-02T10:00:00.070Z'],
    ['2027-03-02t10:00:00.999-00:30', '2027-03-02T10:30:00.999Z'],
    ['2028-02-29T23:59:59-23:59', '2028-03-01T23:58:59.000Z'],
    ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is %s', (text, utc) => {
    const read = readTime(text)
    expect('value' in read && formatTime(read.value)).toBe(utc)
  })
  test.each([
    ['2027-03-02', 'with an offset'],
    ['2027-03-02T10:00Z', 'with an offset'],
    ['20270302T100000Z', 'with an offset'],
    [' 2027-03-02T10:00:00Z', 'with an offset'],
    ['2027-03-02T10:00:00Z\n', 'with an offset'],
    ['2027-03-02T10:00:00+0900', 'with an offset'],
    ['+002027-03-02T10:00:00Z', 'with an offset'],
    ['2027-13-01T00:00:00Z', 'exists'],
    ['2027-02-29T00:00:00Z', 'exists'],
    ['2027-01-01T24:00:00Z', 'exists'],
    ['2027-01-01T00:60:00Z', 'exists'],
    ['2016-12-31T23:59:60Z', 'exists'],
    ['2027-01-01T00:00:00+24:00', 'exists'],
    ['0099-01-01T00:00:00Z', 'exists'],
    ['2027-01-01T00:00:00.1234Z', 'three digits'],
    ['1970-01-01T00:00:00+00:01', '1970 to 9999'],
    ['9999-12-31T23:59:59-00:01', '1970 to 9999'],
  ])('%j is refused: %s', (text, why) => {
    expect(readTime(text)).toEqual({ wrong: expect.stringContaining(why) })
  })
  test('without an offset is told in both readings', () => {
    expect(readTime('2027-03-02T10:00:00')).toEqual({
      wrong:
        'must carry an offset. Meant in Seoul, send 2027-03-02T10:00:00+09:00, which is 2027-03-02T01:00:00.000Z; ' +
        'meant in UTC, send 2027-03-02T10:00:00Z, which is 2027-03-02T19:00:00.000+09:00',
    })
    // Nine hours later would be the year 10000.
    expect(readTime('9999-12-31T23:59:59')).toEqual({ wrong: expect.stringContaining('must carry an offset') })
  })
})
