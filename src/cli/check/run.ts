// One run of the check: the campaigns it makes, all of them test campaigns, and their removal.

import { randomBytes } from 'node:crypto'
import { sleep } from '../interruption.ts'
import { Api, type Json, type Reply } from './api.ts'
import { campaignOf, couponOf, type Campaign, type Coupon } from './shapes.ts'
import { Mismatch, sure, type Steps } from './steps.ts'

export interface Page<T> {
  readonly data: readonly T[]
  readonly next_cursor: string | null
}

export class Run {
  /** What the id of each of its campaigns begins with; without the characters that a search might take for a pattern. */
  readonly id = `check-${randomBytes(4).toString('hex')}`
  readonly api: Api
  /** null: none was given. */
  readonly apiKey: string | null
  readonly step: Steps['step']
  readonly #signal: AbortSignal
  /** Noted before anything is sent: also what should have been refused is deleted. */
  readonly #ids = new Set<string>()

  constructor(base: URL, apiKey: string | null, steps: Steps, signal: AbortSignal) {
    this.api = new Api(base, this.id, apiKey)
    this.apiKey = apiKey
    this.step = (...step) => steps.step(...step)
    this.#signal = signal
  }

  idOf(name: string): string {
    const id = `${this.id}-${name}`
    this.#ids.add(id)
    return id
  }

  pathOf(name: string): string {
    return `/v1/campaigns/${this.idOf(name)}`
  }

  /** What is sent to create a campaign. */
  wish(name: string, fields: Json = {}): Json {
    return { id: this.idOf(name), name: `확인 ${name}`, start_time: 'now', total_coupons: 10, test: true, ...fields }
  }

  async create(name: string, fields: Json = {}): Promise<Campaign> {
    return this.made(await this.api.post('/v1/campaigns', this.wish(name, fields)))
  }

  /** The campaign that was just created; one that has an id of the service's choice is noted for removal, too. */
  made(reply: Reply): Campaign {
    const { id } = reply.json
    if (reply.status === 201 && typeof id === 'string') this.#ids.add(id)
    return campaignOf(reply.asked, reply.is(201))
  }

  async read(name: string): Promise<Campaign> {
    const reply = await this.api.get(this.pathOf(name))
    return campaignOf(reply.asked, reply.is(200))
  }

  async change(name: string, fields: Json): Promise<Campaign> {
    const reply = await this.api.patch(this.pathOf(name), fields)
    return campaignOf(reply.asked, reply.is(200))
  }

  /** @param wish recipient, Idempotency-Key, both or none */
  issue(name: string, wish: { recipient?: string | null; key?: string } = {}): Promise<Reply> {
    const { recipient, key } = wish
    const body = recipient === undefined ? undefined : { recipient }
    return this.api.post(`${this.pathOf(name)}/coupons`, body, {
      headers: key === undefined ? {} : { 'idempotency-key': key },
    })
  }

  async coupons(name: string, query = 'limit=1000'): Promise<Coupon[]> {
    const pages = await this.pages(`${this.pathOf(name)}/coupons?${query}`)
    return pages.flatMap(({ data }) => data).map((coupon) => couponOf(`a coupon of ${name}`, coupon))
  }

  /** Every page, by its cursors. */
  async pages(path: string): Promise<Page<Json>[]> {
    const pages: Page<Json>[] = []
    const cursors = new Set<string>()
    for (let cursor: string | null = null; ;) {
      const reply = await this.api.get(cursor === null ? path : `${path}&cursor=${encodeURIComponent(cursor)}`)
      const { data, next_cursor: next } = reply.is(200)
      if (!Array.isArray(data) || (next !== null && typeof next !== 'string')) {
        throw new Mismatch(reply.asked, 'data and next_cursor', reply.text)
      }
      pages.push({ data: data as Json[], next_cursor: next })
      if (next === null) return pages
      sure(`${reply.asked}: next_cursor`, !cursors.has(next), 'another one on each page', next)
      cursors.add(next)
      cursor = next
    }
  }

  async sleep(ms: number): Promise<void> {
    await sleep(ms, this.#signal)
  }

  /** @returns the ids that are still there, with what was answered instead of 204 or 404 */
  async cleanUp(): Promise<string[]> {
    const left: string[] = []
    for (const id of this.#ids) {
      const answer = await this.#remove(id).catch((error: unknown) => String(error))
      if (answer !== 204 && answer !== 404) left.push(`${id}: ${answer}`)
    }
    this.api.close()
    return left
  }

  async #remove(id: string): Promise<number> {
    const reply = await this.api.delete(`/v1/campaigns/${id}`)
    if (reply.status !== 503) return reply.status
    // Not there for a moment: once more, as the answer asks for.
    await this.sleep(Number(reply.json['retry_after_ms']))
    return (await this.api.delete(`/v1/campaigns/${id}`)).status
  }
}

export type Chapter = (run: Run) => Promise<void>

/** `in` and `pointer` of what an invalid_request names. */
export function pointersOf(problem: Json): string[] {
  const errors = Array.isArray(problem['errors']) ? (problem['errors'] as Json[]) : []
  return errors.map((error) => `${String(error['in'])} ${String(error['pointer'])}`)
}
