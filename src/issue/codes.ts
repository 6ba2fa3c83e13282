// Coupon codes: random, from a CSPRNG, one character an unbiased draw. Not derived from the slot: after a failover that
// lost a row, a derived code would go to two people.

import type { CodeFormat } from '../campaign/campaign.ts'
import { ALPHABETS, TEST_PREFIX } from '../campaign/code-format.ts'
import type { Randomness } from '../host.ts'

export class Codes {
  readonly #randomness: Randomness

  constructor(randomness: Randomness) {
    this.#randomness = randomness
  }

  make(format: CodeFormat): string {
    for (;;) {
      const code = this.#draw(format)
      // By chance a real one would begin so once in a million, and be taken for a test.
      if (!code.startsWith(TEST_PREFIX) || format.prefix.startsWith(TEST_PREFIX)) return code
    }
  }

  #draw(format: CodeFormat): string {
    const alphabet = ALPHABETS[format.alphabet]
    // A byte at or above the last whole multiple is drawn again: modulo alone would favour the first characters.
    const limit = 256 - (256 % alphabet.length)
    const bytes = new Uint8Array(format.length)
    let code = format.prefix
    for (let missing = format.length; missing > 0;) {
      this.#randomness.fill(bytes)
      for (const byte of bytes) {
        if (byte >= limit || missing === 0) continue
        code += alphabet[byte % alphabet.length]
        missing--
      }
    }
    return code
  }
}
