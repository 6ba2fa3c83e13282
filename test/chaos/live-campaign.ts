// A campaign of a run: made, changed while its rush goes on, and what its total may have been at any moment.

import { setTimeout as pause } from 'node:timers/promises'
import { call, type Reply } from '../serve/server-process.ts'

/** An operator does not wait for ever either: then somebody looks what has become of it. */
const PATIENCE_MS = 9_000
const PAUSE_MS = 50
/** No fault keeps all servers from ever answering for so long. */
const ANSWER_MS_MAX = 180_000

/** It has not come back by itself. */
export class NoAnswer extends Error {}

/** A total that the campaign may have had, by the clock of this process. */
export interface TotalSpan {
  readonly total: number
  /** When the change to it was first sent. */
  readonly fromMs: number
  /** When it was certain that the next one was in force; null: it still holds. */
  untilMs: number | null
}

export interface CampaignChange {
  readonly total_coupons?: number
  readonly paused?: boolean
  readonly end_time?: string | null
}

export class LiveCampaign {
  readonly id: string
  readonly startMs: number
  readonly totals: TotalSpan[]
  readonly #urls: readonly string[]
  #turn = 0

  private constructor(id: string, startMs: number, total: number, urls: readonly string[]) {
    this.id = id
    this.startMs = startMs
    this.totals = [{ total, fromMs: 0, untilMs: null }]
    this.#urls = urls
  }

  static async create(urls: readonly string[], id: string, total: number, startMs: number): Promise<LiveCampaign> {
    const campaign = new LiveCampaign(id, startMs, total, urls)
    const body = { id, name: '선착순 쿠폰', total_coupons: total, start_time: new Date(startMs).toISOString() }
    // With an id of ours it is safe to repeat.
    const reply = await campaign.#untilAnswered(() => campaign.#call('POST', '', body))
    if (reply.status > 201) throw new Error(`create: ${reply.status} ${JSON.stringify(reply.body)}`)
    return campaign
  }

  get total(): number {
    return this.totals.at(-1)?.total ?? 0
  }

  async view(): Promise<Reply['body']> {
    return (await this.#untilAnswered(() => this.#call('GET', `/${this.id}`))).body
  }

  /**
   * Done when it is certain. With an ETag: a change that was given up, and comes through seconds later from a server that
   * was stopped, must not undo a newer one.
   * @returns the refusal, if it was refused
   */
  async change(fields: CampaignChange): Promise<Reply['body'] | null> {
    const total = fields.total_coupons
    const span = total === undefined ? null : { total, fromMs: Date.now(), untilMs: null }
    const before = this.totals.at(-1) as TotalSpan
    if (span !== null) this.totals.push(span)
    for (;;) {
      const seen = await this.#untilAnswered(() => this.#call('GET', `/${this.id}`))
      if (isSo(seen.body, fields)) break
      const etag = String(seen.headers['etag'])
      const reply = await this.#call('PATCH', `/${this.id}`, fields, { 'if-match': etag })
      if (reply?.status === 409 || reply?.status === 422) {
        if (span !== null) this.totals.splice(this.totals.indexOf(span), 1)
        return reply.body
      }
    }
    if (span !== null) before.untilMs = Date.now()
    return null
  }

  /** For another server each time. null: no answer in time. */
  #call(method: string, path: string, body?: object, headers = {}): Promise<Reply | null> {
    const url = this.#urls[this.#turn++ % this.#urls.length] as string
    return call(`${url}/v1/campaigns${path}`, {
      method,
      headers,
      hangUpAfterMs: PATIENCE_MS,
      ...(body !== undefined && { body }),
    })
  }

  async #untilAnswered(work: () => Promise<Reply | null>): Promise<Reply> {
    const deadline = performance.now() + ANSWER_MS_MAX
    for (;;) {
      const reply = await work()
      if (reply !== null && reply.status < 500 && reply.status !== 429) return reply
      if (performance.now() > deadline) throw new NoAnswer(`no answer about ${this.id} for ${ANSWER_MS_MAX / 1_000} s`)
      await pause(PAUSE_MS)
    }
  }
}

function isSo(body: Reply['body'], fields: CampaignChange): boolean {
  const { total_coupons: total, paused, end_time: end } = fields
  const isSameEnd =
    end === undefined ||
    (end === null ? body['end_time'] === null : Date.parse(end) === Date.parse(String(body['end_time'])))
  return (
    isSameEnd &&
    (total ?? body['total_coupons']) === body['total_coupons'] &&
    (paused ?? body['paused']) === body['paused']
  )
}
