// What an API key looks like: `fc_<id>_<secret>`. The id is public and finds it again; of the secret only a hash is kept.

import { hash, timingSafeEqual } from 'node:crypto'
import type { Randomness } from '../host.ts'
import { KEY_ID_LENGTH, KEY_SECRET_LENGTH } from './limits.ts'

/** Without i, l, o and u: nothing that is read aloud or copied by hand is taken for something else. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const KEY = new RegExp(`^fc_([${ALPHABET}]{${KEY_ID_LENGTH}})_([${ALPHABET}]{${KEY_SECRET_LENGTH}})$`)
const KEY_ID = new RegExp(`^[${ALPHABET}]{${KEY_ID_LENGTH}}$`)
/** In words, for whoever sent something else. */
export const KEY_FORM = `fc_<${KEY_ID_LENGTH} characters>_<${KEY_SECRET_LENGTH} characters>`

/** What a client may be called: it stands in tables, in logs and in headers of ours. */
export const CLIENT_NAME = /^[A-Za-z0-9._-]{1,64}$/

export interface KeyParts {
  readonly id: string
  readonly secret: string
}

export function makeKey(randomness: Randomness): KeyParts {
  return { id: drawn(randomness, KEY_ID_LENGTH), secret: drawn(randomness, KEY_SECRET_LENGTH) }
}

export function shownKey({ id, secret }: KeyParts): string {
  return `fc_${id}_${secret}`
}

/** null: it is none. */
export function readKey(text: string): KeyParts | null {
  const [, id, secret] = KEY.exec(text) ?? []
  return id === undefined || secret === undefined ? null : { id, secret }
}

export function isKeyId(text: string): boolean {
  return KEY_ID.test(text)
}

/** 32 bytes. */
export function hashOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

/** A Buffer for each call would cost three times the hash. */
const given = Buffer.alloc(32)

/** In constant time. */
export function isSecretOf(hashed: Buffer, secret: string): boolean {
  given.write(hash('sha256', secret, 'latin1'), 'latin1')
  return timingSafeEqual(given, hashed)
}

/** 32 letters are five bits, so that every byte's low ones are a fair draw. */
function drawn(randomness: Randomness, length: number): string {
  const bytes = new Uint8Array(length)
  randomness.fill(bytes)
  return Array.from(bytes, (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join('')
}
