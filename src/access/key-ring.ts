// Whose key is it? All keys are held in memory and read anew every other second: a request costs a look and no statement, a
// key that was revoked is refused within seconds on every server, and while the database is away what was last known holds.

import { Fault } from '../answers.ts'
import type { Clock } from '../host.ts'
import { ANYBODY, BOOTSTRAP, type Caller } from './caller.ts'
import { stateOf, type KeyStore, type StoredKey } from './key-store.ts'
import { hashOf, isSecretOf, KEY_FORM, readKey, type KeyParts } from './keys.ts'
import { KEYS_PROVED_MAX, KEYS_READ_MS, KEYS_READ_MS_MIN, UNKNOWN_WAIT_MS_MAX, UNKNOWN_WAITING_MAX } from './limits.ts'

/** In words for the caller. */
export interface Unidentified {
  readonly detail: string
}

export interface KeyRingParts {
  readonly store: KeyStore
  readonly clock: Clock
  /** An admin's, good while there is no other. null: none was given. */
  readonly bootstrapKey: string | null
  /** Told when the keys cannot be read, once until they can be. */
  readonly onUnread: (error: unknown) => void
}

interface HeldKey {
  readonly stored: StoredKey
  readonly hash: Buffer
  readonly caller: Caller
}

const BOOTSTRAP_CALLER: Caller = { client: BOOTSTRAP, keyId: BOOTSTRAP, scopes: new Set(['admin']) }
/** What an unknown key is compared with, so that it takes as long as another. */
const NOBODYS_HASH = hashOf('')
const BEARER = /^bearer +([\x21-\x7e]+) *$/i

const NONE_SENT = { detail: 'No key was sent: send `Authorization: Bearer` and one.' }
const NO_KEY = { detail: `What was sent is not \`Bearer\` and a key of the form ${KEY_FORM}.` }
const WRONG = { detail: 'There is no such key: its id is unknown, or its secret is wrong.' }
const REVOKED = { detail: 'This key was revoked.' }
const EXPIRED = { detail: 'This key has expired.' }
const SUPERSEDED = { detail: 'The bootstrap key is good only until there is another, and there is one.' }

export class KeyRing {
  readonly #parts: KeyRingParts
  readonly #bootstrapHash: Buffer | null
  #held: ReadonlyMap<string, HeldKey> = new Map()
  /**
   * Headers whose secrets were found right since the keys were last read: a client sends the same one ten thousand times.
   * A wrong one tells nothing by how long it takes to be missed: texts are compared only when their seeded hashes are alike.
   */
  readonly #proved = new Map<string, HeldKey>()
  /** Never unset: the door does not open again when a database was lost. */
  #hasKeys = false
  /** Until then nobody knows whether there are keys, and nobody is let in. */
  #isRead = false
  /** The ledger's clock minus ours. */
  #aheadMs = 0
  #beganAtMs = -Infinity
  #running: Promise<void> = Promise.resolve()
  /** That has not begun: whoever asks now gets what it brings. */
  #next: Promise<void> | null = null
  #unknownWaiting = 0
  #isUnread = false
  #isClosed = false
  #cancel = () => {}

  constructor(parts: KeyRingParts) {
    this.#parts = parts
    this.#bootstrapHash = parts.bootstrapKey === null ? null : hashOf(parts.bootstrapKey)
  }

  /** No key there ever was, and none was given: everybody may do everything. */
  get isOpen(): boolean {
    return this.#isRead && !this.#hasKeys && this.#bootstrapHash === null
  }

  /** Reads the keys, and from then on again and again. @throws as the store does */
  async start(): Promise<void> {
    await this.#readAnew()
    this.#readLater()
  }

  /** Idempotent. Waits for a reading that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel()
    await this.#running.catch(() => {})
  }

  /**
   * @param authorization the header
   * @returns a promise only for a key that is not known here, which may be new; that rejects with a Fault
   */
  identify(authorization: string | undefined): Caller | Unidentified | Promise<Caller | Unidentified> {
    if (!this.#isRead) return Promise.reject(new Fault('unavailable', 'the keys were not read yet'))
    if (this.isOpen) return ANYBODY
    if (authorization === undefined) return NONE_SENT
    const proved = this.#proved.get(authorization)
    if (proved !== undefined) return this.#stateOf(proved)
    const [, token] = BEARER.exec(authorization) ?? []
    if (token === undefined) return NO_KEY
    if (this.#isBootstrap(token)) return this.#hasKeys ? SUPERSEDED : BOOTSTRAP_CALLER
    const key = readKey(token)
    if (key === null) return NO_KEY
    const found = this.#find(key, authorization)
    return found ?? this.#lookAgain(key, authorization)
  }

  #isBootstrap(token: string): boolean {
    return this.#bootstrapHash !== null && isSecretOf(this.#bootstrapHash, token)
  }

  /** null: the id is not known here. */
  #find({ id, secret }: KeyParts, authorization: string): Caller | Unidentified | null {
    const held = this.#held.get(id)
    const isRight = isSecretOf(held?.hash ?? NOBODYS_HASH, secret)
    if (held === undefined) return null
    // Only who has the secret learns what became of the key.
    if (!isRight) return WRONG
    if (this.#proved.size < KEYS_PROVED_MAX) this.#proved.set(authorization, held)
    return this.#stateOf(held)
  }

  #stateOf(held: HeldKey): Caller | Unidentified {
    const state = stateOf(held.stored, this.#parts.clock.nowMs() + this.#aheadMs)
    if (state === 'live') return held.caller
    return state === 'revoked' ? REVOKED : EXPIRED
  }

  /** It may have been made since the keys were last read. */
  async #lookAgain(key: KeyParts, authorization: string): Promise<Caller | Unidentified> {
    // Neither is known to be good or bad. Guesses by the thousand cost no more than this.
    if (this.#unknownWaiting >= UNKNOWN_WAITING_MAX) throw new Fault('unavailable', 'too many unknown keys at once')
    this.#unknownWaiting++
    const late = Promise.withResolvers<never>()
    const tooLong = new Error(`no answer within ${UNKNOWN_WAIT_MS_MAX} ms`)
    const cancel = this.#parts.clock.after(UNKNOWN_WAIT_MS_MAX, () => late.reject(tooLong))
    try {
      await Promise.race([this.#readAnew(), late.promise])
    } catch (error) {
      // Nobody knows whether it is good: a refusal would be final.
      throw new Fault('unavailable', 'the keys could not be read', { cause: error })
    } finally {
      cancel()
      this.#unknownWaiting--
    }
    return this.#find(key, authorization) ?? WRONG
  }

  /** By a reading that begins after this was called; one for all who call meanwhile. */
  #readAnew(): Promise<void> {
    return (this.#next ??= this.#readInTurn())
  }

  async #readInTurn(): Promise<void> {
    const { clock } = this.#parts
    await this.#running.catch(() => {})
    const waitMs = this.#beganAtMs + KEYS_READ_MS_MIN - clock.nowMs()
    if (waitMs > 0) await clock.sleep(waitMs)
    this.#next = null
    this.#running = this.#read()
    await this.#running
  }

  async #read(): Promise<void> {
    const { store, clock, onUnread } = this.#parts
    this.#beganAtMs = clock.nowMs()
    try {
      const { nowMs, keys } = await store.keys()
      this.#aheadMs = nowMs - (this.#beganAtMs + clock.nowMs()) / 2
      this.#held = new Map(keys.map((stored) => [stored.id, held(stored)]))
      this.#proved.clear()
      this.#hasKeys ||= keys.length > 0
      this.#isRead = true
      this.#isUnread = false
    } catch (error) {
      if (!this.#isUnread) onUnread(error)
      this.#isUnread = true
      throw error
    }
  }

  #readLater(): void {
    if (this.#isClosed) return
    this.#cancel = this.#parts.clock.after(KEYS_READ_MS, () => {
      const again = () => this.#readLater()
      void this.#readAnew().then(again, again)
    })
  }
}

function held(stored: StoredKey): HeldKey {
  const caller = { client: stored.client, keyId: stored.id, scopes: new Set(stored.scopes) }
  return { stored, hash: Buffer.from(stored.secretHash, 'hex'), caller }
}
