// The callers: good clients, who ask again with the same key or recipient until they are answered, elsewhere each time.

import { setTimeout as pause } from 'node:timers/promises'
import type { HistoryCall, HistoryCoupon } from '../../src/load/history.ts'
import { issue, type Reply } from '../serve/server-process.ts'
import type { Errand } from './crowd.ts'

export interface Crowd {
  readonly campaignId: string
  readonly urls: readonly string[]
  /** In order of `atMs`. */
  readonly errands: readonly Errand[]
  /** At most so many at once. */
  readonly connections: number
  /** Whoever has no answer by then goes home. */
  readonly signal: AbortSignal
  readonly onCall: (call: HistoryCall) => void
}

/** These may change by themselves or by an operator; whoever is told so comes back. */
const COMES_BACK = new Set(['campaign_paused', 'campaign_ended', 'campaign_not_started'])
const PAUSE_MS = { min: 30, max: 250 } as const

/** Resolves when all are answered or have gone home. @returns who has no answer */
export async function rush(crowd: Crowd): Promise<string[]> {
  const beganAt = performance.now()
  const unanswered: string[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let number = next++; number < crowd.errands.length; number = next++) {
      const errand = crowd.errands[number] as Errand
      const waitMs = beganAt + errand.atMs - performance.now()
      if (waitMs > 1) await pause(waitMs)
      const calls = { count: 0 }
      const asked = [ask(crowd, errand, number, calls)]
      if (errand.isTwice) asked.push(ask(crowd, errand, number + 1, calls))
      if ((await Promise.all(asked)).includes(false)) unanswered.push(errand.request)
    }
  }
  await Promise.all(Array.from({ length: crowd.connections }, work))
  return unanswered
}

/** @returns false when it has no answer and should have one */
async function ask(crowd: Crowd, errand: Errand, turn: number, calls: { count: number }): Promise<boolean> {
  const { urls, campaignId, signal } = crowd
  const { request, recipient, key, patienceMs } = errand
  for (let tries = 0; ; tries++) {
    const server = urls[(turn + tries) % urls.length] as string
    const sentAt = Date.now()
    const number = ++calls.count
    const reply = await issue(server, campaignId, {
      hangUpAfterMs: patienceMs[Math.min(tries, patienceMs.length - 1)] as number,
      ...(recipient !== null && { recipient }),
      ...(key !== null && { key }),
    })
    const answer = answerOf(reply)
    crowd.onCall({
      request,
      call: number,
      campaign_id: campaignId,
      recipient,
      idempotency_key: key,
      server,
      intended_at: sentAt,
      sent_at: sentAt,
      answered_at: Math.max(sentAt, Date.now()),
      ...answer,
    })
    if (answer.answer === 'ok' || (answer.answer === 'refused' && !COMES_BACK.has(answer.code ?? ''))) return true
    // Without key and recipient the next call would want another coupon.
    if (recipient === null && key === null && answer.answer === 'unknown') return true
    if (signal.aborted) return false
    await pause(PAUSE_MS.min + Math.random() * (PAUSE_MS.max - PAUSE_MS.min))
  }
}

function answerOf(reply: Reply | null): Pick<HistoryCall, 'answer' | 'status' | 'code' | 'coupon'> {
  if (reply === null) return { answer: 'unknown', status: null, code: null, coupon: null }
  const { status, body } = reply
  if (status === 200 || status === 201) {
    const { coupon_code, slot, recipient, issued_at } = body as unknown as HistoryCoupon
    const coupon = { coupon_code, slot, recipient, issued_at }
    return { answer: 'ok', status, code: status === 201 ? 'issued' : 'replayed', coupon }
  }
  const code = typeof body['code'] === 'string' ? body['code'] : null
  return { answer: status >= 500 || status === 429 ? 'unknown' : 'refused', status, code, coupon: null }
}
