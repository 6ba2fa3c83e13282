// What the search of a run's logs finds, and what it does not take for a secret.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { searchFolder, searchLog, Secrets } from './search.ts'

function kindsIn(log: string, ...secrets: string[]): string[] {
  const known = new Secrets()
  for (const secret of secrets) known.add(secret)
  return searchLog(Buffer.from(log), known).map(({ kind, line }) => `${line}: ${kind}`)
}

const OF_A_CALLER = '1: a recipient, key or code of a caller'

test.each([
  ['{"code":"7KQ2M9XD4R8TVW3A"}', 'a base32 code'],
  ['the code TEST7KQ2M9XD4R8TVW3A was', 'a base32 code'],
  ['code=482910573316', 'a digits code'],
  ["'가7나2다9마4바0'", 'a hangul code'],
  ['Bearer fc_0123456789ab_0123456789abcdef0123456789ABCDEF', 'an API key'],
  ['near "INSERT INTO coupons', 'SQL'],
  ['SELECT 1', 'SQL'],
])('by its form: %s', (line, kind) => {
  expect(kindsIn(line)).toEqual([`1: ${kind}`])
})

test('by its form, at the beginning of a line and at the end of another', () => {
  expect(kindsIn('a line\n7KQ2M9XD4R8TVW3A was\n\nit is 482910573316\n')).toEqual([
    '2: a base32 code',
    '4: a digits code',
  ])
})

test.each([
  '{"level":30,"time":1795600000000,"p50_ms":0.123456789012,"seconds":1.002,"msg":"a second of a campaign"}',
  '{"campaign_id":"7KQ2M9XD4R8TVW3A"}',
  '{"coupon":"…VW3A"}',
  '{"request_id":"2sIyOa0I-5","code":"campaign_not_started","error":{"code":"ERR_SQLITE_ERROR"}}',
  '7KQ2M9XD4R8TVW3A7KQ2M9XD4R8TVW3A7KQ2M9XD4R8TVW3A',
  'ABCDEFGH_7KQ2M9XD4R8TVW3A',
  '    at selectCampaign (file:///app/src/update.ts:12:34)',
])('no secret: %s', (line) => {
  expect(kindsIn(line)).toEqual([])
})

test.each([
  ['as it is', 'said member-12 and', 'member-12'],
  ['at the very end', 'member-12', 'member-12'],
  ['inside another word', 'xmember-123', 'member-12'],
  ['in Korean', '{"r":"김하나둘셋"}', '김하나둘셋'],
  ['escaped in JSON', String.raw`{"r":"say \"hello\" to\\them"}`, 'say "hello" to\\them'],
  ['in a URL', '/coupons?recipient=%EA%B9%80%ED%95%98%EB%82%98', '김하나'],
  ['one of many with the same start', 'member-15', 'member-12', 'member-13', 'member-14', 'member-15'],
])('by itself, %s', (_how, line, ...secrets) => {
  expect(kindsIn(line, ...secrets)).toEqual([OF_A_CALLER])
})

test('what is too short to be told from chance is not looked for', () => {
  expect(kindsIn('a note of note-7', 'note-7')).toEqual([])
  expect(kindsIn('{"campaign_id":"__proto__"}', '__proto__')).toEqual([])
})

test('of a hundred thousand secrets each is found, and no other', () => {
  const secrets = new Secrets()
  for (let i = 0; i < 100_000; i++) secrets.add(`secret number ${i}!`)
  const log = Buffer.from(`${'nothing to be found here\n'.repeat(1_000)}secret number 77777!\nsecret number 100000!\n`)
  expect(searchLog(log, secrets)).toEqual([{ kind: 'a recipient, key or code of a caller', line: 1_001 }])
})

test('of a folder every log is searched for what is noted in any file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'firstcome-search-'))
  try {
    writeFileSync(join(folder, '1.notes'), '"member-12"\n"member-13"\n"mem')
    writeFileSync(join(folder, '2.notes'), '"member-77"\n"member-12"\n')
    writeFileSync(join(folder, '1-server-1.log'), 'Ready.\nmember-77 came\n')
    writeFileSync(join(folder, '2-server-1.log'), 'nothing\n')
    const { hits, secrets } = searchFolder(folder)
    expect(hits).toEqual([
      { file: join(folder, '1-server-1.log'), line: 2, kind: 'a recipient, key or code of a caller' },
    ])
    expect(secrets).toBe(3)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
