// Keys held in memory: who is who, how long a change takes to be known, and what a database that is away changes.

import { afterEach, describe, expect, test } from 'vitest'
import { ANYBODY, type Caller } from '../../src/access/caller.ts'
import { KeyRing, type Unidentified } from '../../src/access/key-ring.ts'
import type { KeyStore, NewKey, StoredKey } from '../../src/access/key-store.ts'
import { hashOf, makeKey, shownKey } from '../../src/access/keys.ts'
import { KEYS_READ_MS, KEYS_READ_MS_MIN, UNKNOWN_WAIT_MS_MAX, UNKNOWN_WAITING_MAX } from '../../src/access/limits.ts'
import { systemRandomness } from '../../src/host.ts'
import { ManualClock } from '../manual-clock.ts'

/** The ledger's clock is another. */
const AHEAD_MS = 1_800_000_000_000
const BOOTSTRAP = 'b'.repeat(32)

const rings: KeyRing[] = []
afterEach(async () => {
  for (const ring of rings.splice(0)) await ring.close()
})

/** A store of a few rows, which counts how often it is read and can be away. */
class Rows implements KeyStore {
  readonly #clock: ManualClock
  rows: StoredKey[] = []
  reads = 0
  away: Error | null = null
  /** A reading is under way until it resolves. */
  gate: Promise<void> = Promise.resolve()

  constructor(clock: ManualClock) {
    this.#clock = clock
  }

  async keys() {
    this.reads++
    await this.gate
    if (this.away !== null) throw this.away
    return { nowMs: this.#clock.nowMs() + AHEAD_MS, keys: [...this.rows] }
  }

  async createKey({ expiresInMs, ...key }: NewKey) {
    const createdAtMs = this.#clock.nowMs() + AHEAD_MS
    const stored = {
      ...key,
      createdAtMs,
      expiresAtMs: expiresInMs === null ? null : createdAtMs + expiresInMs,
      revokedAtMs: null,
    }
    this.rows.push(stored)
    return stored
  }

  async revokeKey(id: string) {
    this.rows = this.rows.map((row) => (row.id === id ? { ...row, revokedAtMs: this.#clock.nowMs() + AHEAD_MS } : row))
    return this.rows.find((row) => row.id === id) ?? null
  }

  async make(change: Partial<NewKey> = {}): Promise<string> {
    const key = makeKey(systemRandomness)
    const secretHash = hashOf(key.secret).toString('hex')
    await this.createKey({ id: key.id, client: 'shop', secretHash, scopes: ['issue'], expiresInMs: null, ...change })
    return shownKey(key)
  }
}

async function openRing({
  bootstrapKey = null,
  isEmpty = false,
}: { bootstrapKey?: string | null; isEmpty?: boolean } = {}) {
  const clock = new ManualClock()
  const store = new Rows(clock)
  const key = isEmpty ? '' : await store.make()
  const unread: unknown[] = []
  const ring = new KeyRing({ store, clock, bootstrapKey, onUnread: (error) => unread.push(error) })
  rings.push(ring)
  await ring.start()
  return { clock, store, ring, key, unread, ask: (token: string) => ring.identify(`Bearer ${token}`) }
}

const idOf = (key: string) => key.slice(3, 15)
const otherSecret = (key: string) => key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')
const stranger = () => shownKey(makeKey(systemRandomness))

const failureOf = (answer: ReturnType<KeyRing['identify']>) => Promise.resolve(answer).catch((error: unknown) => error)

/** Settled, with all that it waits for. */
async function told(clock: ManualClock, answer: ReturnType<KeyRing['identify']>): Promise<Caller | Unidentified> {
  const settled = Promise.resolve(answer)
  await Promise.race([settled.catch(() => {}), clock.pass(KEYS_READ_MS_MIN)])
  return settled
}

test('before the keys were read nobody is let in, whatever they bring: they may be there', async () => {
  const clock = new ManualClock()
  const bootstrapKey = 'b'.repeat(32)
  for (const given of [null, bootstrapKey]) {
    const ring = new KeyRing({ store: new Rows(clock), clock, bootstrapKey: given, onUnread: () => {} })
    expect(ring.isOpen).toBe(false)
    for (const header of [undefined, `Bearer ${bootstrapKey}`, `Bearer ${stranger()}`])
      await expect(ring.identify(header)).rejects.toMatchObject({ code: 'unavailable' })
  }
})

describe('with keys', () => {
  test('the right one is its client, at once', async () => {
    const { ring, key } = await openRing()
    const caller = { client: 'shop', keyId: idOf(key), scopes: new Set(['issue']) }
    for (const header of [`Bearer ${key}`, `bearer ${key}`, `BEARER  ${key} `])
      expect(ring.identify(header)).toEqual(caller)
    expect(ring.isOpen).toBe(false)
  })

  test('nothing, another scheme, another form and a wrong secret are told apart, at once', async () => {
    const { ring, key, ask } = await openRing()
    const detail = (text: RegExp) => ({ detail: expect.stringMatching(text) as string })
    expect(ring.identify(undefined)).toEqual(detail(/^No key was sent/))
    for (const header of [
      '',
      key,
      `Basic ${btoa(`${key}:`)}`,
      'Bearer',
      'Bearer ',
      'Bearer x',
      `Bearer ${key}x`,
      `Bearer ${key} ${key}`,
    ])
      expect(ring.identify(header), header).toEqual(detail(/not `Bearer` and a key of the form fc_/))
    expect(ask(otherSecret(key))).toEqual(detail(/no such key: its id is unknown, or its secret is wrong/))
  })

  test('a key expires by the clock of the ledger, without a reading', async () => {
    const { clock, store, ask } = await openRing()
    const key = await store.make({ expiresInMs: 500 })
    await told(clock, ask(key))
    const { reads } = store
    const leftMs = (store.rows.at(-1)?.expiresAtMs ?? 0) - AHEAD_MS - clock.nowMs()
    await clock.pass(leftMs - 1)
    expect(ask(key)).toMatchObject({ client: 'shop' })
    await clock.pass(1)
    expect(ask(key)).toEqual({ detail: 'This key has expired.' })
    expect(ask(otherSecret(key))).not.toEqual({ detail: 'This key has expired.' })
    expect(store.reads).toBe(reads)
  })

  test('a key that was revoked is refused at the next reading, and only its owner is told why', async () => {
    const { clock, store, key, ask } = await openRing()
    // It was right a moment ago.
    expect(ask(key)).toHaveProperty('client')
    await store.revokeKey(idOf(key))
    await clock.pass(KEYS_READ_MS)
    expect(ask(key)).toEqual({ detail: 'This key was revoked.' })
    expect(ask(otherSecret(key))).toEqual({ detail: expect.stringMatching(/^There is no such key/) })
  })

  test('they are read every other second, whether somebody calls or not', async () => {
    const { clock, store } = await openRing()
    await clock.pass(5 * KEYS_READ_MS)
    expect(store.reads).toBe(6)
  })

  test('the door does not open again when the rows are gone', async () => {
    const { clock, store, ring, key, ask } = await openRing()
    store.rows = []
    await clock.pass(KEYS_READ_MS)
    expect(ring.isOpen).toBe(false)
    expect(ring.identify(undefined)).toHaveProperty('detail')
    expect(await told(clock, ask(key))).toHaveProperty('detail')
  })
})

describe('a key that is not known here', () => {
  test('is looked for once more, so that a new one works at once', async () => {
    const { clock, store, ask } = await openRing()
    const key = await store.make({ client: 'new', scopes: ['read', 'codes'] })
    const caller = await told(clock, ask(key))
    expect(caller).toEqual({ client: 'new', keyId: idOf(key), scopes: new Set(['read', 'codes']) })
    expect(ask(key)).toEqual(caller)
  })

  test('is refused when it is still not there; all who come meanwhile share one reading', async () => {
    const { clock, store, ask } = await openRing()
    await clock.pass(KEYS_READ_MS_MIN)
    const { reads } = store
    const answers = Array.from({ length: 500 }, () => told(clock, ask(stranger())))
    for (const answer of await Promise.all(answers)) expect(answer).toHaveProperty('detail')
    expect(store.reads).toBe(reads + 1)
  })

  test('costs the database no more than a reading in so long, however many come', async () => {
    const { clock, store, ask } = await openRing()
    const { reads } = store
    for (let step = 0; step < 40; step++) {
      void ask(stranger())
      await clock.pass(KEYS_READ_MS_MIN / 10)
    }
    expect(store.reads - reads).toBeLessThanOrEqual(5)
    expect(store.reads - reads).toBeGreaterThan(2)
  })

  test('waits for a reading that begins after it came', async () => {
    const { clock, store, ask } = await openRing()
    const gate = Promise.withResolvers<void>()
    store.gate = gate.promise
    await clock.pass(KEYS_READ_MS)
    // Under way, and of a time when there was no such key.
    const before = [...store.rows]
    const key = await store.make()
    const all = store.rows
    store.rows = before
    const answer = Promise.resolve(ask(key))
    gate.resolve()
    await clock.pass(1)
    store.rows = all
    expect(await told(clock, answer)).toMatchObject({ client: 'shop' })
  })

  test('does not wait where too many do', async () => {
    const { store, clock, key, ask } = await openRing()
    const gate = Promise.withResolvers<void>()
    store.gate = gate.promise
    const waiting = Array.from({ length: UNKNOWN_WAITING_MAX }, () => Promise.resolve(ask(stranger())))
    // Not refused for good: one of them may be new.
    await expect(ask(stranger())).rejects.toMatchObject({ code: 'unavailable' })
    expect(ask(key)).toMatchObject({ client: 'shop' })
    gate.resolve()
    await clock.pass(KEYS_READ_MS_MIN)
    for (const answer of await Promise.all(waiting)) expect(answer).toHaveProperty('detail')
  })
})

describe('while the database is away', () => {
  test('what was last known holds; of an unknown key nobody can say', async () => {
    const { clock, store, key, ask, unread } = await openRing()
    const late = await store.make()
    store.away = new Error('away')
    await clock.pass(10 * KEYS_READ_MS)
    expect(ask(key)).toMatchObject({ client: 'shop' })
    expect(ask(otherSecret(key))).toHaveProperty('detail')
    const failure = failureOf(ask(late))
    await clock.pass(KEYS_READ_MS_MIN)
    expect(await failure).toMatchObject({ code: 'unavailable' })
    // Once, until it is back.
    expect(unread).toEqual([store.away])
    store.away = null
    await clock.pass(KEYS_READ_MS)
    expect(ask(late)).toMatchObject({ client: 'shop' })
    store.away = new Error('away again')
    await clock.pass(KEYS_READ_MS)
    expect(unread).toHaveLength(2)
  })

  test('a reading that hangs is not waited for longer than so long', async () => {
    const { clock, store, ask } = await openRing()
    const gate = Promise.withResolvers<void>()
    store.gate = gate.promise
    const failure = failureOf(ask(stranger()))
    await clock.pass(UNKNOWN_WAIT_MS_MAX)
    expect(await failure).toMatchObject({ code: 'unavailable' })
    gate.resolve()
  })

  test('a start fails as the store does', async () => {
    const clock = new ManualClock()
    const store = new Rows(clock)
    store.away = new Error('away')
    const ring = new KeyRing({ store, clock, bootstrapKey: null, onUnread: () => {} })
    await expect(ring.start()).rejects.toThrow('away')
  })
})

describe('without keys', () => {
  test('everybody is nobody in particular, and a key that is sent is ignored', async () => {
    const { ring, ask } = await openRing({ isEmpty: true })
    expect(ring.isOpen).toBe(true)
    expect(ring.identify(undefined)).toBe(ANYBODY)
    expect(ask(stranger())).toBe(ANYBODY)
    expect(ring.identify('Basic eA==')).toBe(ANYBODY)
  })

  test('the first key closes the door, also when it is revoked', async () => {
    const { clock, store, ring } = await openRing({ isEmpty: true })
    const key = await store.make()
    await store.revokeKey(idOf(key))
    await clock.pass(KEYS_READ_MS)
    expect(ring.isOpen).toBe(false)
    expect(ring.identify(undefined)).toHaveProperty('detail')
  })

  test('the bootstrap key is an admin’s until there is another', async () => {
    const { clock, store, ring, ask } = await openRing({ isEmpty: true, bootstrapKey: BOOTSTRAP })
    expect(ring.isOpen).toBe(false)
    expect(ring.identify(undefined)).toHaveProperty('detail')
    expect(ask(`${BOOTSTRAP}b`)).toHaveProperty('detail')
    expect(ask(BOOTSTRAP)).toEqual({ client: 'bootstrap', keyId: 'bootstrap', scopes: new Set(['admin']) })
    const key = await store.make()
    expect(await told(clock, ask(key))).toMatchObject({ client: 'shop' })
    expect(ask(BOOTSTRAP)).toEqual({ detail: expect.stringMatching(/bootstrap key is good only until/) })
    store.rows = []
    await clock.pass(KEYS_READ_MS)
    expect(ask(BOOTSTRAP)).toHaveProperty('detail')
  })
})

test('closed, it reads no more, and closing twice does no harm', async () => {
  const { clock, store, ring } = await openRing()
  await ring.close()
  await ring.close()
  const { reads } = store
  await clock.pass(10 * KEYS_READ_MS)
  expect(store.reads).toBe(reads)
})
