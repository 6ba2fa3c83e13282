// The settings of keys and limits: what is taken, what is refused, and that no message shows a secret.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ConfigError, readClientConfig, readConfig } from '../src/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'firstcome-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function fileWith(text: string): string {
  const path = join(folder, 'secret')
  writeFileSync(path, text)
  return path
}

function refusal(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('it was taken')
}

const KEY = 'k3y-'.repeat(8)

test('a bootstrap key comes from the environment or a file, and from no flag', () => {
  expect(readConfig({}, {}).bootstrapApiKey).toBeNull()
  expect(readConfig({}, { BOOTSTRAP_API_KEY: KEY }).bootstrapApiKey).toBe(KEY)
  expect(readConfig({}, { BOOTSTRAP_API_KEY_FILE: fileWith(`${KEY}\n`) }).bootstrapApiKey).toBe(KEY)
  expect(readConfig({ 'bootstrap-api-key': KEY }, {}).bootstrapApiKey).toBeNull()
})

test.each(['short-secret', `${KEY} ${KEY}`, `${KEY}é`, KEY.repeat(20)])(
  '%s is no bootstrap key, and is not shown',
  (key) => {
    const told = refusal(() => readConfig({}, { BOOTSTRAP_API_KEY: key }))
    expect(told).toMatch(/^BOOTSTRAP_API_KEY: 32 to 512 visible ASCII characters/)
    expect(told).not.toContain(key)
  },
)

test('limits are those of the table unless given, and 0 is none', () => {
  const standard = { recipientCallsPerS: 20, clientIssuesPerS: 0, clientReadsPerS: 1_000, clientLookUpsPerS: 50 }
  expect(readConfig({}, {}).rates).toEqual(standard)
  const given = readConfig({ 'client-issues-per-s': '7' }, { RECIPIENT_CALLS_PER_S: '0', CLIENT_READS_PER_S: '5' })
  expect(given.rates).toEqual({ ...standard, clientIssuesPerS: 7, recipientCallsPerS: 0, clientReadsPerS: 5 })
  const told = refusal(() => readConfig({}, { RECIPIENT_CALLS_PER_S: '-1', CLIENT_LOOK_UPS_PER_S: 'many' }))
  expect(told.split('\n').map((line) => line.split(':')[0])).toEqual(['RECIPIENT_CALLS_PER_S', 'CLIENT_LOOK_UPS_PER_S'])
})

test('workers: a number, or one for each core; the embedded default is told why it has only one', () => {
  const MYSQL_URL = 'mysql://root@127.0.0.1/x'
  expect(readConfig({}, {}).workers).toBe(1)
  expect(readConfig({ workers: '1' }, {}).workers).toBe(1)
  expect(readConfig({ workers: '3' }, { MYSQL_URL, WORKERS: '2' }).workers).toBe(3)
  expect(readConfig({}, { MYSQL_URL, WORKERS: 'auto' }).workers).toBe(availableParallelism())
  for (const WORKERS of ['0', '65', 'many'])
    expect(refusal(() => readConfig({}, { MYSQL_URL, WORKERS }))).toBe('WORKERS: a whole number from 1 to 64, please')
  // Also where there is one core: who tries it out learns what the next machine will say.
  for (const WORKERS of ['2', 'auto'])
    expect(refusal(() => readConfig({}, { WORKERS }))).toBe(
      'WORKERS: the embedded SQLite belongs to one process, which alone writes its file. Set MYSQL_URL too, or leave it at 1',
    )
})

test('a caller’s key comes from the environment or a file', () => {
  expect(readClientConfig({}, {}).apiKey).toBeNull()
  expect(readClientConfig({}, { FIRSTCOME_API_KEY: '' }).apiKey).toBeNull()
  expect(readClientConfig({}, { FIRSTCOME_API_KEY: KEY }).apiKey).toBe(KEY)
  expect(readClientConfig({}, { FIRSTCOME_API_KEY_FILE: fileWith(`${KEY}\n`) }).apiKey).toBe(KEY)
  const both = { FIRSTCOME_API_KEY: KEY, FIRSTCOME_API_KEY_FILE: fileWith(KEY) }
  expect(refusal(() => readClientConfig({}, both))).toBe(
    'FIRSTCOME_API_KEY and FIRSTCOME_API_KEY_FILE: give one of them',
  )
})

test.each([`${KEY}\nsecond line`, `${KEY} x`, '키'.repeat(40)])(
  'what fits into no header is no key, and is not shown',
  (key) => {
    const told = refusal(() => readClientConfig({}, { FIRSTCOME_API_KEY: key }))
    expect(told).toMatch(/^FIRSTCOME_API_KEY: a key as `firstcome key create` prints it/)
    expect(told).not.toContain(key.slice(0, 10))
  },
)
