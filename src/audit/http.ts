// The rows as a caller over HTTP sees them: a campaign, and its export for programs. Keys are told to nobody, so that
// requests cannot be compared; everything else can.

import { setTimeout as pause } from 'node:timers/promises'
import { type Exported, type ExportedCampaign, exportedAuditSource } from './exported.ts'
import type { AuditedCoupon, AuditSource } from './source.ts'

/** For the answer to begin: more than the 10 s that callers are asked to wait. */
const ANSWER_MS_MAX = 15_000
/** In which not one byte of an export comes: while a crowd is served, a server pauses between pages for seconds. */
const STALL_MS_MAX = 60_000
/** After 429 and 503, when it is told. */
const TRIES_MAX = 20
/** When it is not told. */
const RETRY_MS = 1_000
/** Handed on at once. */
const ROWS_A_PAGE = 2_000
/** A coupon is some hundred characters, and its recipient, every character escaped, a few thousand. */
const LINE_LENGTH_MAX = 65_536

export interface HttpAuditOptions {
  /** Of a server, without a slash at its end. */
  readonly url: string
  /** null: none is sent. */
  readonly apiKey?: string | null
  readonly answerMsMax?: number
  readonly stallMsMax?: number
}

const NO_FIRSTCOME = 'what answers there is no Firstcome'

type Fields = Readonly<Record<string, unknown>>

/** Rejects with an Error that says in one line why there is no answer; what came instead of one is not in it. */
export function httpAuditSource({
  url,
  apiKey = null,
  answerMsMax = ANSWER_MS_MAX,
  stallMsMax = STALL_MS_MAX,
}: HttpAuditOptions): AuditSource {
  const server = { url, headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey}` } }
  const exported: Exported = {
    showsKeys: false,
    campaign: (id) =>
      waitingFor(url, answerMsMax, async (wait) => {
        const response = await ask(server, `/v1/campaigns/${encodeURIComponent(id)}`, wait)
        return response === null ? null : toCampaign(fieldsIn(await response.text()))
      }),
    coupons: ({ id }, take) =>
      waitingFor(url, stallMsMax, async (wait) => {
        const response = await ask(server, `/v1/campaigns/${encodeURIComponent(id)}/coupons.ndjson`, wait)
        if (response === null) return false
        if (response.body === null) throw new Error('it is empty')
        const page: AuditedCoupon[] = []
        let rows = 0
        let told: number | null = null
        for await (const line of linesOf(response.body, wait.goOn)) {
          const fields = fieldsIn(line)
          if (typeof fields['rows'] === 'number') told = fields['rows']
          else page.push(toCoupon(fields))
          if (page.length < ROWS_A_PAGE) continue
          rows += page.length
          await take(page.splice(0))
        }
        rows += page.length
        if (told !== rows) throw new Error('its end is missing')
        await take(page)
        return true
      }),
  }
  return exportedAuditSource(exported)
}

interface Wait {
  readonly signal: AbortSignal
  /** Something came. */
  readonly goOn: () => void
}

/** Ends the work when nothing came for so long. */
async function waitingFor<T>(url: string, msMax: number, work: (wait: Wait) => Promise<T>): Promise<T> {
  const stall = new AbortController()
  const timer = setTimeout(() => stall.abort(new Error(`nothing came for ${msMax / 1_000} s`)), msMax)
  try {
    return await work({ signal: stall.signal, goOn: () => void timer.refresh() })
  } catch (error) {
    // What is aborted seldom says why.
    throw whyBroken(url, stall.signal.aborted ? stall.signal.reason : error)
  } finally {
    clearTimeout(timer)
  }
}

interface Asked {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** null: 404. */
async function ask({ url, headers }: Asked, path: string, { signal, goOn }: Wait): Promise<Response | null> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(url + path, { headers, signal })
    goOn()
    if (response.ok) return response
    const { code, retry_after_ms: ms } = fieldsOf(await response.text()) ?? {}
    if (code === 'campaign_not_found') return null
    if (code === 'unauthenticated' || code === 'forbidden')
      throw new Error(
        `${url} answered ${response.status} ${code}: a key with the scope codes is needed in FIRSTCOME_API_KEY`,
      )
    const isLater = response.status === 429 || response.status === 503
    if (!isLater || tries === TRIES_MAX)
      throw new Error(`${url} answered ${response.status}${typeof code === 'string' ? ` ${code}` : ''}`)
    await pause(typeof ms === 'number' ? ms : RETRY_MS, undefined, { signal })
    // It was asked for, and no silence.
    goOn()
  }
}

/** null: it is no object. What JSON.parse says of it would quote it. */
function fieldsOf(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Fields) : null
  } catch {
    return null
  }
}

function fieldsIn(text: string): Fields {
  const fields = fieldsOf(text)
  if (fields === null) throw new Error(NO_FIRSTCOME)
  return fields
}

function whyBroken(url: string, error: unknown): Error {
  if (!(error instanceof Error)) return new Error(`${url} could not be read: ${String(error)}`)
  if (error.message.startsWith(url)) return error
  // What fetch throws hides the reason in its cause.
  const { cause } = error
  const { code, message } = (cause instanceof Error ? cause : error) as NodeJS.ErrnoException
  return new Error(`${url} could not be read: ${typeof code === 'string' ? code : message}`, { cause: error })
}

async function* linesOf(body: AsyncIterable<Uint8Array>, onBytes: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  for await (const bytes of body) {
    onBytes()
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_LENGTH_MAX) throw new Error(`a line has more than ${LINE_LENGTH_MAX} characters`)
    yield* lines
  }
  if (rest !== '') throw new Error('its end is missing')
}

function toCampaign(fields: Fields): ExportedCampaign {
  const id = fields['id']
  if (typeof id !== 'string') throw new Error(NO_FIRSTCOME)
  return {
    campaign: {
      id,
      createdAtMs: timeIn(fields, 'created_at'),
      startTimeMs: timeIn(fields, 'start_time'),
      totalCoupons: numberIn(fields, 'total_coupons'),
      recipientRequired: fields['recipient_required'] === true,
      version: numberIn(fields, 'version'),
    },
    nowMs: timeIn(fields, 'server_time'),
    issuedCount: numberIn(fields, 'issued_count'),
  }
}

function toCoupon(fields: Fields): AuditedCoupon {
  const { coupon_code: couponCode, recipient } = fields
  if (typeof couponCode !== 'string' || (typeof recipient !== 'string' && recipient !== null))
    throw new Error(NO_FIRSTCOME)
  return {
    slot: numberIn(fields, 'slot'),
    couponCode,
    issuedAtMs: timeIn(fields, 'issued_at'),
    recipient,
    recipientKey: null,
    requestKey: null,
  }
}

function numberIn(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number') throw new Error(`${NO_FIRSTCOME}: it tells no ${name}`)
  return value
}

function timeIn(fields: Fields, name: string): number {
  const ms = Date.parse(String(fields[name]))
  if (Number.isNaN(ms)) throw new Error(`${NO_FIRSTCOME}: it tells no ${name}`)
  return ms
}
