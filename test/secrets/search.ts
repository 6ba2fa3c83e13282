// Looks into logs for what must not be in them: by its form, and by itself, as callers sent it or got it.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ALPHABETS, TEST_PREFIX } from '../../src/campaign/code-format.ts'
import { LOG_ENDING, NOTES_ENDING } from './notes.ts'

export interface Hit {
  readonly file: string
  readonly line: number
  /** Not the secret: this is printed, too. */
  readonly kind: string
}

export interface Search {
  readonly hits: readonly Hit[]
  readonly logBytes: number
  readonly secrets: number
}

/** Shorter ones would be found by chance, and are left out: tests that matter give theirs a longer one. */
const SECRET_BYTES_MIN = 8
/** What tests try on purpose, as ids, too. */
const BY_CHANCE: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype))
/** In one log. More tell nothing new. */
const HITS_MAX = 20

interface Form {
  readonly kind: string
  /** Quick: nearly all of a log is passed over by it. */
  readonly rough: RegExp
  /** Asked of a line that the other one found. */
  readonly exact: RegExp
}

/** Codes of the usual lengths, by characters that are in each: without a letter, a number is no code of letters and digits. */
const FORMS: readonly Form[] = [
  codeForm('a base32 code', ALPHABETS.base32, 16, '[A-Z]'),
  codeForm('a digits code', ALPHABETS.digits, 12, String.raw`\d`),
  codeForm('a hangul code', ALPHABETS.hangul, 10, '[가-힣]'),
  plainForm('an API key', /fc_\w{12}_\w{32}/g),
  plainForm('SQL', /\b(?:INSERT INTO|DELETE FROM|SELECT |UPDATE )/g),
]

function plainForm(kind: string, form: RegExp): Form {
  return { kind, rough: form, exact: new RegExp(form, '') }
}

/** The id of a campaign may look like a code, and is told as what it is. */
function codeForm(kind: string, alphabet: string, length: number, has: string): Form {
  const code = `[${alphabet}]{${length}}`
  const word = String.raw`[\p{L}\p{N}_.]`
  const hasIt = `(?=[${alphabet}]{0,${length - 1}}?${has})`
  return {
    kind,
    rough: new RegExp(`(?:^|[^${alphabet}])(?:${TEST_PREFIX})?${code}(?![${alphabet}])`, 'gm'),
    exact: new RegExp(`(?<!${word}|"campaign_id":")(?:${TEST_PREFIX})?${hasIt}${code}(?!${word})`, 'u'),
  }
}

/** Every log of the folder, for the notes of all files. */
export function searchFolder(folder: string): Search {
  const files = readdirSync(folder)
  const secrets = new Secrets()
  for (const name of files.filter((file) => file.endsWith(NOTES_ENDING))) {
    // Of a process that was killed the last line may be half.
    const lines = readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1)
    for (const line of new Set(lines)) secrets.add(JSON.parse(line) as string)
  }
  const hits: Hit[] = []
  let logBytes = 0
  for (const name of files.filter((file) => file.endsWith(LOG_ENDING))) {
    const log = readFileSync(join(folder, name))
    logBytes += log.length
    hits.push(...searchLog(log, secrets).map((hit) => ({ file: join(folder, name), ...hit })))
  }
  return { hits, logBytes, secrets: secrets.size }
}

export function searchLog(log: Buffer, secrets: Secrets): Omit<Hit, 'file'>[] {
  const text = log.toString()
  const byForm = FORMS.flatMap(({ kind, rough, exact }) => {
    const found = new Set<number>()
    for (const { index, 0: match } of text.matchAll(rough)) {
      // It may begin with the end of the line before.
      const last = index + match.length - 1
      const from = text.lastIndexOf('\n', last) + 1
      const end = text.indexOf('\n', last)
      if (!exact.test(text.slice(from, end === -1 ? undefined : end))) continue
      found.add(from)
      if (found.size === HITS_MAX) break
    }
    return [...found].map((offset) => ({ kind, line: lineAt(text, offset) }))
  })
  const byThemselves = secrets
    .foundIn(log)
    .map((offset) => ({ kind: 'a recipient, key or code of a caller', line: lineAt(log, offset) }))
  return [...byForm, ...byThemselves]
}

function lineAt(text: Buffer | string, offset: number): number {
  let line = 1
  for (let end = text.indexOf('\n'); end !== -1 && end < offset; end = text.indexOf('\n', end + 1)) line++
  return line
}

/** 2^25 bits: of a million secrets, one place in thirty is looked at twice. */
const MARKS_BITS = 25

/** Many texts, looked for in one pass: by their first eight bytes, which nearly every place of a log has none of. */
export class Secrets {
  readonly #known = new Set<string>()
  /** Thousands may begin alike, and have a few lengths. */
  readonly #byStart = new Map<number, { readonly lengths: Set<number>; readonly texts: Set<string> }>()
  readonly #marks = new Uint8Array(2 ** (MARKS_BITS - 3))

  get size(): number {
    return this.#known.size
  }

  add(secret: string): void {
    if (this.#known.has(secret) || BY_CHANCE.has(secret)) return
    this.#known.add(secret)
    // As it is, as it stands inside a line of JSON, and as it stands in a URL.
    const escaped = JSON.stringify(secret).slice(1, -1)
    for (const text of new Set([secret, escaped, ...(secret.isWellFormed() ? [encodeURIComponent(secret)] : [])])) {
      const bytes = Buffer.from(text)
      if (bytes.length < SECRET_BYTES_MIN) continue
      const start = startOf(bytes.readUInt32LE(0), bytes.readUInt32LE(4))
      this.#marks[start >>> 3] = (this.#marks[start >>> 3] ?? 0) | (1 << (start & 7))
      const same = this.#byStart.get(start) ?? { lengths: new Set(), texts: new Set() }
      this.#byStart.set(start, same)
      same.lengths.add(bytes.length)
      same.texts.add(text)
    }
  }

  /** Offsets. */
  foundIn(log: Buffer): number[] {
    const found: number[] = []
    let low = 0
    let high = 0
    for (let end = 0; end < log.length && found.length < HITS_MAX; end++) {
      low = (low >>> 8) | (high << 24)
      high = (high >>> 8) | ((log[end] as number) << 24)
      const start = startOf(low, high)
      if (((this.#marks[start >>> 3] as number) & (1 << (start & 7))) === 0) continue
      const offset = end - SECRET_BYTES_MIN + 1
      const { lengths = [], texts } = this.#byStart.get(start) ?? {}
      if ([...lengths].some((length) => texts?.has(log.toString('utf8', offset, offset + length)))) found.push(offset)
    }
    return found
  }
}

function startOf(low: number, high: number): number {
  return (Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> (32 - MARKS_BITS)
}
