// The form of a key, and that what is drawn is a fair draw.

import { expect, test } from 'vitest'
import { isKeyId, makeKey, readKey, shownKey } from '../../src/access/keys.ts'
import { systemRandomness } from '../../src/host.ts'

test('a key that was made is read again, and is never the same twice', () => {
  const keys = Array.from({ length: 1_000 }, () => makeKey(systemRandomness))
  for (const key of keys) {
    expect(shownKey(key)).toMatch(/^fc_[0-9a-hjkmnp-tv-z]{12}_[0-9a-hjkmnp-tv-z]{32}$/)
    expect(readKey(shownKey(key))).toEqual(key)
    expect(isKeyId(key.id)).toBe(true)
  }
  expect(new Set(keys.map(({ id }) => id)).size).toBe(1_000)
  expect(new Set(keys.map(({ secret }) => secret)).size).toBe(1_000)
  // Every letter somewhere: 44,000 draws of 32.
  const letters = new Set(keys.flatMap(({ id, secret }) => Array.from(id + secret)))
  expect(letters.size).toBe(32)
})

test('what is no key is none', () => {
  const key = shownKey(makeKey(systemRandomness))
  for (const text of [
    '',
    'fc_',
    key.slice(1),
    key.slice(0, -1),
    `${key}0`,
    ` ${key}`,
    `${key}\n`,
    key.toUpperCase(),
    key.replaceAll('_', '-'),
  ])
    expect(readKey(text), text).toBeNull()
  for (const letter of 'ilou') expect(readKey(`fc_${letter.repeat(12)}_${'0'.repeat(32)}`), letter).toBeNull()
})
