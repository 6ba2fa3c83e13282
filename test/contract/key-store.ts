// The contract of the key store, passed by every adapter, on a database that has no keys yet.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stateOf, type KeyStore, type NewKey } from '../../src/access/key-store.ts'
import { hashOf, makeKey } from '../../src/access/keys.ts'
import { systemRandomness } from '../../src/host.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { SOMEBODY } from './ledger-samples.ts'

export interface KeyStoreUnderTest {
  readonly keyStore: KeyStore
  /** On the same database. */
  readonly ledger: Pick<Ledger, 'listChanges'>
  close(): Promise<void>
}

/** Everything new. */
export function aKey(change: Partial<NewKey> = {}): NewKey {
  const { id, secret } = makeKey(systemRandomness)
  const secretHash = hashOf(secret).toString('hex')
  return { id, client: 'shop-api', secretHash, scopes: ['issue'], expiresInMs: null, ...change }
}

export function keyStoreContract(name: string, open: () => Promise<KeyStoreUnderTest>): void {
  describe(name, () => {
    let under: KeyStoreUnderTest | undefined
    let store: KeyStore

    beforeAll(async () => {
      under = await open()
      store = under.keyStore
    })
    afterAll(() => under?.close())

    /** By the store's clock: an order by time needs one between. */
    async function nextMillisecond(): Promise<void> {
      const { nowMs } = await store.keys()
      while ((await store.keys()).nowMs === nowMs);
    }

    it('has no keys at first, and a clock', async () => {
      const { nowMs, keys } = await store.keys()
      expect(keys).toEqual([])
      expect(Number.isInteger(nowMs)).toBe(true)
    })

    it('gives back what was created, by its own clock', async () => {
      const { nowMs: before } = await store.keys()
      const asked = aKey({ client: 'A-z_0.9', scopes: ['issue', 'codes'], expiresInMs: 90_000 })
      const created = await store.createKey(asked, SOMEBODY)
      const { expiresInMs: _, ...rest } = asked
      const { createdAtMs = 0, ...others } = created ?? {}
      expect(others).toEqual({ ...rest, expiresAtMs: createdAtMs + 90_000, revokedAtMs: null })
      const { nowMs: after, keys } = await store.keys()
      expect(createdAtMs).toBeGreaterThanOrEqual(before)
      expect(createdAtMs).toBeLessThanOrEqual(after)
      expect(keys.find(({ id }) => id === asked.id)).toEqual(created)
    })

    it('lists the oldest first, and lets a client have several', async () => {
      const asked = [aKey(), aKey(), aKey({ client: 'other' })]
      for (const key of asked) {
        await nextMillisecond()
        expect((await store.createKey(key, SOMEBODY))?.expiresAtMs).toBeNull()
      }
      const { keys } = await store.keys()
      expect(keys.slice(-3).map(({ id }) => id)).toEqual(asked.map(({ id }) => id))
    })

    it('refuses an id that is taken, and leaves the key that has it', async () => {
      const first = await store.createKey(aKey(), SOMEBODY)
      expect(await store.createKey(aKey({ id: first?.id ?? '', client: 'thief' }), SOMEBODY)).toBeNull()
      expect((await store.keys()).keys.find(({ id }) => id === first?.id)).toEqual(first)
    })

    it('revokes one key and no other, and keeps the time of the first revocation', async () => {
      const [one, other] = [await store.createKey(aKey(), SOMEBODY), await store.createKey(aKey(), SOMEBODY)]
      const revoked = await store.revokeKey(one?.id ?? '', SOMEBODY)
      expect(revoked).toEqual({ ...one, revokedAtMs: expect.any(Number) })
      expect(revoked?.revokedAtMs).toBeGreaterThanOrEqual(one?.createdAtMs ?? Infinity)
      await nextMillisecond()
      expect(await store.revokeKey(one?.id ?? '', SOMEBODY)).toEqual(revoked)
      const { nowMs, keys } = await store.keys()
      expect(keys.find(({ id }) => id === other?.id)).toEqual(other)
      expect(
        stateOf(
          keys.find(({ id }) => id === one?.id)!,
          nowMs,
        ),
      ).toBe('revoked')
    })

    it('notes who made it and who revoked it, once, and nothing of its secret', async () => {
      const key = aKey({ client: 'noted', expiresInMs: 1_000 })
      const created = await store.createKey(key, SOMEBODY)
      expect(await store.createKey(key, SOMEBODY)).toBeNull()
      await store.revokeKey(key.id, SOMEBODY)
      await store.revokeKey(key.id, SOMEBODY)
      const page = { limit: 100, beforeId: null, campaignId: null, client: null, action: null }
      const changes = (await under?.ledger.listChanges(page)) ?? []
      const facts = {
        id: key.id,
        client: 'noted',
        scopes: ['issue'],
        expires_at: new Date(created?.expiresAtMs ?? 0).toISOString(),
      }
      const about = changes.filter(({ before, after }) => (before ?? after)?.['id'] === key.id)
      expect(about).toMatchObject([
        { by: SOMEBODY, action: 'key.revoked', before: facts, after: null },
        { by: SOMEBODY, action: 'key.created', before: null, after: facts },
      ])
      expect(JSON.stringify(about)).not.toContain(key.secretHash)
    })

    it('knows nothing of a key that there is not, whatever is asked for', async () => {
      const before = await store.keys()
      for (const id of ['0'.repeat(12), '', 'x', `${before.keys[0]?.id} `, "' OR 1=1 --", '가'.repeat(12)])
        expect(await store.revokeKey(id, SOMEBODY), id).toBeNull()
      expect((await store.keys()).keys).toEqual(before.keys)
    })
  })
}
