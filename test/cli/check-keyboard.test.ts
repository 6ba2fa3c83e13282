import { expect, test } from 'vitest'
import { keysOf, typedInKorean } from '../../src/cli/check/keyboard.ts'

test.each([
  ['dkssudgktpdy', '안녕하세요'],
  ['rkqt rkqtk rktl', '값 갑사 가시'],
  ['dhk dnpqtkdlxm', '와 웹사이트'],
  ['test-7kq2', 'ㅅㄷㄴㅅ-7ㅏㅂ2'],
  ['TEST', 'ㅆㄸㄴㅆ'],
  ['ERk', 'ㄸ까'],
])('the keys %s write %s', (keys, text) => {
  expect(typedInKorean(keys)).toBe(text)
})

test.each([
  ['가나7하', 'rksk7gk'],
  ['값 웹', 'rkqt dnpq'],
  ['TEST거', 'TESTrj'],
])('%s is made by the keys %s', (text, keys) => {
  expect(keysOf(text)).toBe(keys)
})
