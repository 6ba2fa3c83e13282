// Where the commands find their server, and in which language they want its answers.

import { expect, test } from 'vitest'
import { ConfigError, readClientConfig, readClientConfigs } from '../../src/config.ts'

const urlOf = (FIRSTCOME_URL: string, url?: string) => readClientConfig({ url }, { FIRSTCOME_URL }).url

test('the flag, else the variable, else this machine', () => {
  expect(urlOf('http://a:1', 'http://b:2')).toBe('http://b:2')
  expect(urlOf('http://a:1')).toBe('http://a:1')
  expect(urlOf('')).toBe('http://127.0.0.1:8080')
})

test('a path in front stays, a slash at its end goes', () => {
  expect(urlOf('https://shop.example/coupons/')).toBe('https://shop.example/coupons')
  expect(urlOf('http://[::1]:8080/')).toBe('http://[::1]:8080')
})

test.each(['127.0.0.1:8080', 'localhost:8080', 'ftp://a', 'http://', 'http://a?x=1', 'http://a/#x'])(
  'not %s',
  (url) => {
    expect(() => urlOf(url)).toThrow(ConfigError)
  },
)

test('what is wrong is named as it was given', () => {
  expect(() => urlOf('a:1')).toThrow(/^FIRSTCOME_URL: not of the form/)
  expect(() => urlOf('http://a:1', 'b:2')).toThrow(/^--url: not of the form/)
  expect(() => readClientConfigs({}, { FIRSTCOME_URL: 'http://a:1,b:2' })).toThrow(/^FIRSTCOME_URL: /)
  expect(() => readClientConfigs({ url: 'http://a:1,' }, {})).toThrow(/^--url: /)
})

test('several servers, or none: this machine', () => {
  const urlsOf = (FIRSTCOME_URL: string) => readClientConfigs({}, { FIRSTCOME_URL }).map(({ url }) => url)
  expect(urlsOf('http://a:1, http://b:2/')).toEqual(['http://a:1', 'http://b:2'])
  expect(urlsOf('')).toEqual(['http://127.0.0.1:8080'])
})

test('a password is neither used nor shown', () => {
  expect(() => urlOf('http://me:secret@a')).toThrow(/^FIRSTCOME_URL: without user and password(?!.*secret)/)
})

test.each([
  [{ LANG: 'ko_KR.UTF-8' }, 'ko-KR'],
  [{ LANG: 'en_US.UTF-8', LC_MESSAGES: 'ko_KR' }, 'ko-KR'],
  [{ LANG: 'ko_KR.UTF-8', LC_ALL: 'C' }, null],
  [{ LANG: 'ko_KR.UTF-8', LC_ALL: '' }, 'ko-KR'],
  [{ LANG: 'ko' }, 'ko'],
  [{ LANG: 'korean' }, null],
  [{ LANG: 'POSIX' }, null],
  [{}, null],
])('%o: %s', (environment, language) => {
  expect(readClientConfig({}, environment).language).toBe(language)
})
