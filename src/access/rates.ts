// How many calls a second: of one recipient and of one client, in this process. A window of a second that is forgotten
// whole: a look and a number for each call, and nothing to clean up.

import type { Clock, Randomness } from '../host.ts'
import { RATE_WINDOW_MS, RATES_COUNTED_MAX } from './limits.ts'

/** Calls a second; 0: as many as come. */
export interface RateLimits {
  readonly recipientCallsPerS: number
  readonly clientIssuesPerS: number
  readonly clientReadsPerS: number
  readonly clientLookUpsPerS: number
}

/** What a client is limited in: issuing, looking up codes, and all the rest. */
export type Kind = 'issues' | 'lookUps' | 'reads'

const WORDS: Readonly<Record<Kind, string>> = {
  issues: 'calls that issue',
  lookUps: 'look-ups by code',
  reads: 'calls other than those that issue',
}

export class Rates {
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #recipientMax: number
  readonly #clientMax: Readonly<Record<Kind, number>>
  #endsAtMs = 0
  readonly #clients: Readonly<Record<Kind, Map<string, number>>> = {
    issues: new Map(),
    lookUps: new Map(),
    reads: new Map(),
  }
  /**
   * By a hash of client and recipient: a rush would otherwise keep each recipient's text for a second, which costs ten times
   * the counting. Two of a hundred thousand in a second may meet; then one of them may be told to come back, in a second.
   */
  readonly #recipients = new HashCounts(RATES_COUNTED_MAX)
  readonly #seed: number

  constructor(limits: RateLimits, { clock, randomness }: { clock: Pick<Clock, 'nowMs'>; randomness: Randomness }) {
    this.#clock = clock
    this.#seed = Math.floor(randomness.fraction() * 2 ** 32)
    this.#recipientMax = limits.recipientCallsPerS
    this.#clientMax = {
      issues: limits.clientIssuesPerS,
      lookUps: limits.clientLookUpsPerS,
      reads: limits.clientReadsPerS,
    }
  }

  /** Counts a call. @returns which limit it is over, in words for the caller; null: none */
  client(kind: Kind, client: string): string | null {
    const max = this.#clientMax[kind]
    if (max === 0) return null
    this.#turn()
    const counts = this.#clients[kind]
    const count = (counts.get(client) ?? 0) + 1
    if (count > 1 || counts.size < RATES_COUNTED_MAX) counts.set(client, count)
    return count <= max ? null : `A client may make ${max} ${WORDS[kind]} a second to one server.`
  }

  /** As `client`, of a call that issues. */
  recipient(client: string, recipient: string): string | null {
    const max = this.#recipientMax
    if (max === 0) return null
    this.#turn()
    const count = this.#recipients.add(hashed(recipient, hashed(client, this.#seed)))
    return count <= max ? null : `For one recipient ${max} calls a second may be made to one server.`
  }

  #turn(): void {
    const nowMs = this.#clock.nowMs()
    if (nowMs < this.#endsAtMs) return
    this.#endsAtMs = nowMs + RATE_WINDOW_MS
    for (const counts of Object.values(this.#clients)) counts.clear()
    this.#recipients.clear()
  }
}

/** How often each number was met, in two flat arrays: a Map that grows to 20,000 numbers each second costs three times that. */
class HashCounts {
  readonly #max: number
  readonly #hashes: Int32Array
  /** 0: this place is free. */
  readonly #counts: Uint32Array
  #size = 0

  constructor(max: number) {
    this.#max = max
    // A power of two, and never more than half full.
    const places = 2 ** Math.ceil(Math.log2(2 * max))
    this.#hashes = new Int32Array(places)
    this.#counts = new Uint32Array(places)
  }

  /** @returns how often, with this time; 1 for whatever is beyond the most that are counted */
  add(hash: number): number {
    const last = this.#counts.length - 1
    let place = hash & last
    while (this.#counts[place] !== 0 && this.#hashes[place] !== hash) place = (place + 1) & last
    if (this.#counts[place] === 0) {
      if (this.#size === this.#max) return 1
      this.#size++
      this.#hashes[place] = hash
    }
    return ++(this.#counts[place] as number)
  }

  clear(): void {
    if (this.#size > 0) this.#counts.fill(0)
    this.#size = 0
  }
}

/** FNV-1a, with what came before as its basis: nobody outside knows the first one, and so cannot make two meet. */
function hashed(text: string, basis: number): number {
  let hash = basis
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  // A client that ends where a recipient begins is another.
  return Math.imul(hash ^ text.length, 0x01000193)
}
