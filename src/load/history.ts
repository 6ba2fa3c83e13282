// What callers were told, and when: the history of a run, in a file of JSON lines. Written by whoever sends load, read by
// the audit, which holds it against the rows. The first line says of which campaign it is; then a line for each call.

import { once } from 'node:events'
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'

export interface HistoryHead {
  readonly campaign_id: string
  /** Milliseconds since 1970 by the caller's clock. */
  readonly started_at: number
  /** The public half of the API key that was sent: by it the audit finds whose requests these are. None: none was sent. */
  readonly api_key_id?: string | null
}

/**
 * One call of a request: what a caller was told, and when by the caller's own clock. Times: milliseconds since 1970, with
 * fraction.
 */
export interface HistoryCall {
  /** What a caller wants once; all its calls carry the same. */
  readonly request: string
  /** 1, 2, … of that request. */
  readonly call: number
  readonly campaign_id: string
  readonly recipient: string | null
  readonly idempotency_key: string | null
  /** Base URL. */
  readonly server: string
  /** When it should have been sent, where calls keep to a plan; else `sent_at`. */
  readonly intended_at: number
  readonly sent_at: number
  /** Or when it was given up. */
  readonly answered_at: number
  /** `unknown`: no reply, 429 or 5xx: its fate is not known, or was not decided. */
  readonly answer: 'ok' | 'refused' | 'unknown'
  /** HTTP; null: no reply. */
  readonly status: number | null
  /** `issued`, `replayed` or the problem's code; null: no reply, or one without a code. */
  readonly code: string | null
  /** With `ok`, else null. */
  readonly coupon: HistoryCoupon | null
}

export interface HistoryCoupon {
  readonly coupon_code: string
  readonly slot: number
  readonly recipient: string | null
  readonly issued_at: string
}

export interface History extends HistoryHead {
  /** Can be read once. Throws BadHistory. */
  readonly calls: AsyncIterable<HistoryCall>
}

/** `message` names file and line, and what would be right there; it shows nothing of what stands there. */
export class BadHistory extends Error {
  override readonly name = 'BadHistory'

  constructor(at: string, wanted: string) {
    super(`${at}: ${wanted}`)
  }
}

const FORMAT = 1 as const
/** A recipient and a key have 255 characters, each escaped as \uXXXX at the worst: a line is 4 kB and seldom half of one. */
const LINE_LENGTH_MAX = 65_536

/** @throws when there is such a file, or it cannot be made: nobody's history is written over */
export async function createHistory(file: string, head: HistoryHead): Promise<HistoryWriter> {
  const stream = createWriteStream(file, { flags: 'wx' })
  await once(stream, 'open')
  const writer = new HistoryWriter(stream)
  const { campaign_id, started_at, api_key_id = null } = head
  await writer.line({
    firstcome_history: FORMAT,
    campaign_id,
    started_at,
    ...(api_key_id !== null && { api_key_id }),
  })
  return writer
}

export class HistoryWriter {
  readonly #stream: WriteStream
  #failure: Error | null = null
  #lines = ''
  #flush: Promise<void> | null = null

  constructor(stream: WriteStream) {
    this.#stream = stream
    stream.on('error', (error) => (this.#failure = error))
  }

  /** Resolves when there is room for more. @throws when the file cannot be written, be it for an earlier call */
  write(call: HistoryCall): Promise<void> {
    return this.line(call)
  }

  /** What is told in one turn of the event loop is one write. */
  line(value: object): Promise<void> {
    this.#lines += `${JSON.stringify(value)}\n`
    return (this.#flush ??= new Promise((resolve) => setImmediate(resolve)).then(() => this.#write()))
  }

  async #write(): Promise<void> {
    const lines = this.#lines
    this.#lines = ''
    this.#flush = null
    if (this.#failure !== null) throw this.#failure
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#stream.write(lines, (error) => (error ? reject(error) : resolve()))
    return promise
  }

  /** Resolves when all of it is in the file. Idempotent. @throws as write() */
  async close(): Promise<void> {
    await this.#flush
    if (this.#failure !== null) throw this.#failure
    if (this.#stream.closed) return
    this.#stream.end()
    await once(this.#stream, 'close')
  }
}

/**
 * A last line that was not written to its end is left out: its writer was killed, and what it did not tell proves nothing.
 * @throws BadHistory
 */
export async function openHistory(file: string): Promise<History> {
  const lines = linesOf(file)
  const first = await lines.next()
  const at = `${file}:1`
  const head = first.done === true ? {} : objectOf(at, first.value)
  if (head['firstcome_history'] !== FORMAT)
    throw new BadHistory(at, `expected the first line of a history, with "firstcome_history":${FORMAT}`)
  expectFields(at, head, HEAD)
  const { campaign_id, started_at, api_key_id = null } = head as unknown as HistoryHead
  return { campaign_id, started_at, api_key_id, calls: callsOf(file, lines) }
}

async function* callsOf(file: string, lines: AsyncIterable<string>): AsyncGenerator<HistoryCall> {
  let number = 1
  for await (const line of lines) {
    number++
    const at = `${file}:${number}`
    const fields = objectOf(at, line)
    expectFields(at, fields, CALL)
    const call = fields as unknown as HistoryCall
    expectSense(at, call)
    yield call
  }
}

/** Those that are whole. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  let number = 0
  try {
    for await (const bytes of createReadStream(file) as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        number++
        yield line
      }
      if (rest.length > LINE_LENGTH_MAX)
        throw new BadHistory(`${file}:${number + 1}`, `expected a line of at most ${LINE_LENGTH_MAX} characters`)
    }
  } catch (error) {
    if (error instanceof BadHistory || !(error instanceof Error)) throw error
    if (error instanceof TypeError) throw new BadHistory(`${file}:${number + 1}`, 'expected UTF-8')
    throw new BadHistory(file, `cannot be read: ${(error as NodeJS.ErrnoException).code ?? error.message}`)
  }
}

function objectOf(at: string, line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Told below, without the text: it may hold recipients.
  }
  throw new BadHistory(at, 'expected a JSON object')
}

interface Field {
  readonly wanted: string
  fits(value: unknown): boolean
}
type Fields<T> = { readonly [K in keyof T]-?: Field }

const text: Field = { wanted: 'a text', fits: (value) => typeof value === 'string' && value !== '' }
const time: Field = {
  wanted: 'milliseconds since 1970',
  fits: (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0,
}
const count: Field = {
  wanted: 'a whole number from 1',
  fits: (value) => Number.isSafeInteger(value) && (value as number) >= 1,
}
const instant: Field = {
  wanted: 'a time in UTC with milliseconds',
  fits: (value) =>
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
    !Number.isNaN(Date.parse(value)),
}
const orNull = ({ wanted, fits }: Field): Field => ({
  wanted: `${wanted}, or null`,
  fits: (value) => value === null || fits(value),
})

/** Older files have none. */
const orNone = ({ wanted, fits }: Field): Field => ({
  wanted: `${wanted}, null, or nothing`,
  fits: (value) => value === undefined || value === null || fits(value),
})

const HEAD: Fields<HistoryHead> = { campaign_id: text, started_at: time, api_key_id: orNone(text) }
const COUPON: Fields<HistoryCoupon> = { coupon_code: text, slot: count, recipient: orNull(text), issued_at: instant }
const CALL: Fields<HistoryCall> = {
  request: text,
  call: count,
  campaign_id: text,
  recipient: orNull(text),
  idempotency_key: orNull(text),
  server: text,
  intended_at: time,
  sent_at: time,
  answered_at: time,
  answer: {
    wanted: 'ok, refused or unknown',
    fits: (value) => value === 'ok' || value === 'refused' || value === 'unknown',
  },
  status: orNull(count),
  code: orNull(text),
  coupon: { wanted: 'a coupon, or null', fits: (value) => typeof value === 'object' && !Array.isArray(value) },
}

function expectFields<T>(at: string, from: Record<string, unknown>, fields: Fields<T>): void {
  for (const [name, { wanted, fits }] of Object.entries<Field>(fields)) {
    if (!fits(from[name])) throw new BadHistory(at, `expected ${wanted} in ${name}`)
  }
}

function expectSense(at: string, { answer, code, status, coupon, sent_at, answered_at }: HistoryCall): void {
  if (coupon !== null) expectFields(`${at} (coupon)`, coupon as unknown as Record<string, unknown>, COUPON)
  if ((answer === 'ok') !== (coupon !== null)) throw new BadHistory(at, 'expected a coupon with ok, and only with that')
  if ((answer === 'ok') !== (code === 'issued' || code === 'replayed'))
    throw new BadHistory(at, 'expected the code issued or replayed with ok, and only with that')
  if (answer === 'refused' && code === null) throw new BadHistory(at, 'expected a code with refused')
  if (answer !== 'unknown' && status === null) throw new BadHistory(at, 'expected a status with ok and with refused')
  if (answered_at < sent_at) throw new BadHistory(at, 'expected answered_at not to be before sent_at')
}
