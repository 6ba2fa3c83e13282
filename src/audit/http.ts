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

export interface HttpAuditOptions {
  /** Of a server, without a slash at its end. */
  readonly url: string
}

/** Rejects with an Error that says in one line why there is no answer. */
export function httpAuditSource({ url }: HttpAuditOptions): AuditSource {
  const exported: Exported = {
    showsKeys: false,
    async campaign(id) {
      const response = await ask(url, `/v1/campaigns/${encodeURIComponent(id)}`, AbortSignal.timeout(ANSWER_MS_MAX))
      return response === null ? null : toCampaign(url, (await response.json()) as Record<string, unknown>)
    },
    async coupons({ id }, take) {
      const stall = new AbortController()
      const timer = setTimeout(() => stall.abort(new Error(`nothing came for ${STALL_MS_MAX / 1_000} s`)), STALL_MS_MAX)
      try {
        const response = await ask(url, `/v1/campaigns/${encodeURIComponent(id)}/coupons.ndjson`, stall.signal)
        if (response === null) return false
        if (response.body === null) throw new Error('it is empty')
        const page: AuditedCoupon[] = []
        let rows = 0
        let told: number | null = null
        for await (const line of linesOf(response.body, () => timer.refresh())) {
          const fields = JSON.parse(line) as Record<string, unknown>
          if (typeof fields['rows'] === 'number') told = fields['rows']
          else page.push(toCoupon(url, fields))
          if (page.length < ROWS_A_PAGE) continue
          rows += page.length
          await take(page.splice(0))
        }
        rows += page.length
        if (told !== rows) throw new Error('its end is missing')
        await take(page)
        return true
      } catch (error) {
        throw whyBroken(url, error)
      } finally {
        clearTimeout(timer)
      }
    },
  }
  return exportedAuditSource(exported)
}

/** null: 404. */
async function ask(url: string, path: string, signal: AbortSignal): Promise<Response | null> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(url + path, { signal }).catch((error: unknown) => {
      throw whyBroken(url, error)
    })
    if (response.ok) return response
    const { code, retry_after_ms: ms } = (await response.json().catch(() => ({}))) as Record<string, unknown>
    if (code === 'campaign_not_found') return null
    const isLater = response.status === 429 || response.status === 503
    if (!isLater || tries === TRIES_MAX)
      throw new Error(`${url} answered ${response.status}${typeof code === 'string' ? ` ${code}` : ''}`)
    await pause(typeof ms === 'number' ? ms : RETRY_MS, undefined, { signal })
  }
}

function whyBroken(url: string, error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  // What fetch throws hides the reason in its cause.
  const { cause } = error
  const { code, message } = (cause instanceof Error ? cause : error) as NodeJS.ErrnoException
  if (error.message.startsWith(url)) return error
  return new Error(`${url} could not be read: ${typeof code === 'string' ? code : message}`, { cause: error })
}

async function* linesOf(body: AsyncIterable<Uint8Array>, onBytes: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  for await (const bytes of body) {
    onBytes()
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') throw new Error('its end is missing')
}

function toCampaign(url: string, fields: Record<string, unknown>): ExportedCampaign {
  const id = fields['id']
  if (typeof id !== 'string') throw new Error(`what answers at ${url} is no Firstcome`)
  return {
    campaign: {
      id,
      createdAtMs: timeIn(url, fields, 'created_at'),
      startTimeMs: timeIn(url, fields, 'start_time'),
      totalCoupons: numberIn(url, fields, 'total_coupons'),
      recipientRequired: fields['recipient_required'] === true,
      version: numberIn(url, fields, 'version'),
    },
    nowMs: timeIn(url, fields, 'server_time'),
    issuedCount: numberIn(url, fields, 'issued_count'),
  }
}

function toCoupon(url: string, fields: Record<string, unknown>): AuditedCoupon {
  const { coupon_code: couponCode, recipient } = fields
  if (typeof couponCode !== 'string' || (typeof recipient !== 'string' && recipient !== null))
    throw new Error(`what answers at ${url} is no Firstcome`)
  return {
    slot: numberIn(url, fields, 'slot'),
    couponCode,
    issuedAtMs: timeIn(url, fields, 'issued_at'),
    recipient,
    recipientKey: null,
    requestKey: null,
  }
}

function numberIn(url: string, fields: Record<string, unknown>, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number') throw new Error(`what answers at ${url} is no Firstcome: it tells no ${name}`)
  return value
}

function timeIn(url: string, fields: Record<string, unknown>, name: string): number {
  const ms = Date.parse(String(fields[name]))
  if (Number.isNaN(ms)) throw new Error(`what answers at ${url} is no Firstcome: it tells no ${name}`)
  return ms
}
