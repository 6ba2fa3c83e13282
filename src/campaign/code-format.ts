// The shape of a campaign's codes: which characters, how many, what in front; what is refused; and how a code that a
// person typed becomes the one that is stored.

import { convertHangulToQwerty } from 'es-hangul'
import type { CodeFormat } from './campaign.ts'

/**
 * base32: Crockford's (no I, L, O, U). hangul: 14 consonants with ㅏ or ㅓ and no final consonant, and the digits: each is one
 * key sequence on a Korean keyboard and none is mistaken for another when read aloud.
 */
export const ALPHABETS: Readonly<Record<CodeFormat['alphabet'], string>> = {
  base32: '0123456789ABCDEFGHJKMNPQRSTVWXYZ',
  digits: '0123456789',
  hangul: '0123456789가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허',
}

/** The width of the column `coupon_code`, prefix included. */
export const CODE_LENGTH_MAX = 64
/** Room for a campaign's name in front, and for chance behind it. */
export const CODE_PREFIX_LENGTH_MAX = 16
/** Codes of test campaigns begin with this, and no others do: whoever is shown one knows what it is worth. */
export const TEST_PREFIX = 'TEST'
/** Never begins with a hyphen: a spreadsheet would take such a cell for a formula. */
export const CODE_PREFIX = /^(?:TEST[A-Z0-9-]{0,16}|[A-Z0-9][A-Z0-9-]{0,15})?$/

/** For every coupon of a campaign this many possible codes: a guess then hits with one chance in a million at most. */
const CODES_PER_COUPON_MIN = 1_000_000

/** digits: 12 are good for a million coupons, which leaves the usual campaign room to be raised. */
const DEFAULT_LENGTH: Readonly<Record<CodeFormat['alphabet'], number>> = { base32: 16, digits: 12, hangul: 10 }

/** What a caller may leave out. */
export interface CodeFormatWish {
  readonly alphabet?: CodeFormat['alphabet'] | undefined
  readonly length?: number | undefined
  readonly prefix?: string | undefined
}

/** Fills in what was left out: base32, no prefix, and the alphabet's usual length, longer where the total needs it. */
export function codeFormatOf(wish: CodeFormatWish, totalCoupons: number, test = false): CodeFormat {
  const alphabet = wish.alphabet ?? 'base32'
  const length = wish.length ?? Math.max(DEFAULT_LENGTH[alphabet], shortestLength(alphabet, totalCoupons))
  const prefix = wish.prefix ?? ''
  return { alphabet, length, prefix: test && !prefix.startsWith(TEST_PREFIX) ? TEST_PREFIX + prefix : prefix }
}

/** The first rule that the format breaks for so many coupons, in words for the caller; null when it is good. */
export function codeFormatFlaw(
  format: CodeFormat,
  totalCoupons: number,
  test = false,
): { field: 'length' | 'prefix'; detail: string } | null {
  if (!test && format.prefix.startsWith(TEST_PREFIX)) {
    return { field: 'prefix', detail: `must not begin with ${TEST_PREFIX}: only the codes of test campaigns do` }
  }
  if (!CODE_PREFIX.test(format.prefix)) {
    return {
      field: 'prefix',
      detail: `must be at most ${CODE_PREFIX_LENGTH_MAX} of A–Z, 0–9 and hyphen, and not begin with a hyphen`,
    }
  }
  const room = CODE_LENGTH_MAX - format.prefix.length
  if (format.length > room) {
    return {
      field: 'length',
      detail: `must be at most ${room}: with its prefix a code has at most ${CODE_LENGTH_MAX} characters`,
    }
  }
  const shortest = shortestLength(format.alphabet, totalCoupons)
  if (format.length < shortest) {
    return {
      field: 'length',
      detail: `must be at least ${shortest} for ${totalCoupons} coupons with the alphabet ${format.alphabet}: shorter codes can be guessed`,
    }
  }
  return null
}

function shortestLength(alphabet: CodeFormat['alphabet'], totalCoupons: number): number {
  const size = ALPHABETS[alphabet].length
  let length = 1
  while (size ** length < CODES_PER_COUPON_MIN * totalCoupons) length++
  return length
}

/** Shown of a code to who may not see it. */
const CODE_SHOWN_MAX = 4

/** As long as it is, the last characters readable: never more than half of what is drawn, so that no short code is told. */
export function maskedCode({ length }: CodeFormat, code: string): string {
  const characters = Array.from(code)
  const shown = Math.min(CODE_SHOWN_MAX, Math.floor(length / 2))
  return '*'.repeat(characters.length - shown) + characters.slice(characters.length - shown).join('')
}

/** White space, hyphens and dashes of every script, apostrophes of spreadsheets, and invisible characters that come along. */
const SEPARATORS = /[\s\p{Pd}'\u2019\u00ad\u200b-\u200d\u2060\ufeff]/gu

/** The two keys of a Korean keyboard that make each syllable of the alphabet hangul. */
const SYLLABLE_OF_KEYS = new Map(
  Array.from(ALPHABETS.hangul, (character) => [convertHangulToQwerty(character).toUpperCase(), character]),
)

/**
 * The stored form of a code that somebody typed or pasted: any case, spaces and hyphens anywhere, full width, decomposed
 * Hangul, with base32 O for 0 and I or L for 1, and with the Korean keyboard left on or off: what counts is which keys
 * were pressed. The prefix is compared, never corrected.
 * @returns null when no code of this format can be meant
 */
export function normaliseCode(format: CodeFormat, text: string): string | null {
  // Composed before it becomes keys: apart, the parts of a syllable are other characters than a keyboard's.
  const keys = convertHangulToQwerty(text.normalize('NFC')).normalize('NFKC').toUpperCase().replace(SEPARATORS, '')
  const prefix = format.prefix.replace(SEPARATORS, '')
  if (!keys.startsWith(prefix)) return null
  const random = keys.slice(prefix.length)
  const code = format.alphabet === 'hangul' ? syllablesOf(random) : random
  const corrected = format.alphabet === 'base32' ? code.replaceAll('O', '0').replace(/[IL]/g, '1') : code
  if (corrected.length !== format.length) return null
  const alphabet = ALPHABETS[format.alphabet]
  for (const character of corrected) if (!alphabet.includes(character)) return null
  return format.prefix + corrected
}

/** Keys that make no syllable of the alphabet stay what they are. */
function syllablesOf(keys: string): string {
  return keys.replace(/[A-Z]{2}/g, (pair) => SYLLABLE_OF_KEYS.get(pair) ?? pair)
}
