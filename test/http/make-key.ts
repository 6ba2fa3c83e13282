// Keys for tests of the service: made in its store, as the command makes them.

import type { Scope } from '../../src/access/caller.ts'
import type { KeyStore } from '../../src/access/key-store.ts'
import { hashOf, makeKey, shownKey } from '../../src/access/keys.ts'
import { systemRandomness } from '../../src/host.ts'
import { SOMEBODY } from '../contract/ledger-samples.ts'

export interface Wish {
  readonly client?: string
  readonly scopes?: readonly Scope[]
  /** Below 0: it has expired. */
  readonly expiresInMs?: number | null
}

/** @returns as a caller sends it */
export async function newKey(store: KeyStore, { client = 'shop', scopes = ['admin'], expiresInMs = null }: Wish = {}) {
  const key = makeKey(systemRandomness)
  await store.createKey(
    { id: key.id, client, secretHash: hashOf(key.secret).toString('hex'), scopes, expiresInMs },
    SOMEBODY,
  )
  return shownKey(key)
}

/** The public half. */
export function idOfKey(key: string): string {
  return key.split('_')[1] ?? ''
}

export function bearer(key: string): { headers: { authorization: string } } {
  return { headers: { authorization: `Bearer ${key}` } }
}

/** Of the form, and nobody's. */
export function strangersKey(): string {
  return shownKey(makeKey(systemRandomness))
}
