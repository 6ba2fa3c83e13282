// Coupons: `issue` is the road of the rush, one call of it per person in the crowd; the others are for looking things up.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '../answers.ts'
import { may } from '../access/caller.ts'
import type { Rates } from '../access/rates.ts'
import type { Campaigns, CampaignCoupons } from '../campaign/campaigns.ts'
import { maskedCode } from '../campaign/code-format.ts'
import type { Clock } from '../host.ts'
import type { Issuer, Outcome } from '../issue/outcome.ts'
import type { Coupon } from '../ledger/ledger.ts'
import type { CampaignParams } from './campaign-handlers.ts'
import { CouponExport } from './coupon-export.ts'
import { couponCursor, readCouponCursor } from './cursors.ts'
import { CSV, NDJSON, type ExportFormat } from './export-formats.ts'
import { rateLimited } from './guard.ts'
import { InvalidRequest } from './invalid-request.ts'
import { COUPON_PAGE_DEFAULT, EXPORTS_INSIDE_MAX, EXPORTS_RETRY_MS } from './limits.ts'
import type { Problems } from './problems.ts'
import { bodyReader, queryReader } from './reader.ts'
import type { RequestLog } from './request-log.ts'
import { couponJson, textOf } from './representations.ts'
import { CAMPAIGN_ID, IssueCouponBody, ListCouponsQuery, NoQuery } from './request-schemas.ts'
import { readIdempotencyKey } from './texts.ts'
import { formatTime } from './times.ts'
import { Turnstile } from './turnstile.ts'

const readIssueBody = bodyReader(IssueCouponBody)
const readListQuery = queryReader(ListCouponsQuery)
const readNoQuery = queryReader(NoQuery)

interface CouponParams extends CampaignParams {
  readonly code: string
}

export interface CouponParts {
  readonly issuer: Issuer
  readonly campaigns: Campaigns
  readonly clock: Clock
  /** For all lists of this server. */
  readonly lists: Turnstile
  readonly rates: Rates
  readonly requests: RequestLog
}

export class CouponHandlers {
  readonly #issuer: Issuer
  readonly #campaigns: Campaigns
  readonly #clock: Clock
  readonly #problems: Problems
  readonly #lists: Turnstile
  readonly #rates: Rates
  readonly #requests: RequestLog
  readonly #exports: Turnstile
  readonly #running = new Set<CouponExport>()
  #isClosing = false

  constructor({ issuer, campaigns, clock, lists, rates, requests }: CouponParts, problems: Problems) {
    this.#issuer = issuer
    this.#campaigns = campaigns
    this.#clock = clock
    this.#lists = lists
    this.#rates = rates
    this.#requests = requests
    const limits = { insideMax: EXPORTS_INSIDE_MAX, waitingMax: 0, waitMsMax: 0, retryAfterMs: EXPORTS_RETRY_MS }
    this.#exports = new Turnstile(limits, clock)
    this.#problems = problems
  }

  /** Not async: what Fastify does for a promise would cost every call of a rush, and the answer is sent here anyway. */
  issue = (request: FastifyRequest, reply: FastifyReply): void => {
    readNoQuery(request.query)
    const recipient = textOf(readIssueBody(request.body).recipient)
    const idempotencyKey = idempotencyKeyOf(request)
    const { id: campaignId } = request.params as CampaignParams
    if (!CAMPAIGN_ID.test(campaignId))
      return void this.#answer(request, reply, campaignId, { code: 'campaign_not_found' })
    const { client } = request.caller
    const over = recipient === null ? null : this.#rates.recipient(client, recipient)
    if (over !== null) throw rateLimited(over)
    // Asked when it matters, instead of a listener for each request.
    const { socket } = request.raw
    const { companion } = request
    const isGone = () => socket.destroyed
    this.#issuer
      .issue({ campaignId, client, idempotencyKey, recipient, isGone, companion })
      .then((outcome) => this.#answer(request, reply, campaignId, outcome))
      .catch((error: unknown) => reply.send(error))
  }

  #answer(request: FastifyRequest, reply: FastifyReply, campaignId: string, outcome: Outcome): FastifyReply {
    reply.answer = outcome.code
    this.#requests.answered(request, campaignId, outcome)
    switch (outcome.code) {
      case 'issued':
        return reply.code(201).send(issuedJson(outcome.coupon, null))
      case 'replayed':
        return reply.code(200).header('idempotent-replayed', 'true').send(issuedJson(outcome.coupon, outcome.by))
      case 'campaign_not_started':
        return this.#problems.send(reply, outcome.code, {
          start_time: formatTime(outcome.startTimeMs),
          server_time: formatTime(outcome.nowMs),
          starts_in_ms: outcome.startTimeMs - outcome.nowMs,
        })
      case 'campaign_ended':
        return this.#problems.send(reply, outcome.code, { end_time: formatTime(outcome.endTimeMs) })
      default:
        return this.#problems.send(reply, outcome.code)
    }
  }

  list = async (request: FastifyRequest, reply: FastifyReply) => {
    const { limit = COUPON_PAGE_DEFAULT, cursor, order = 'asc', recipient } = readListQuery(request.query)
    const { id } = request.params as CampaignParams
    const isMasked = !may(request.caller, 'codes')
    if (recipient !== undefined) return this.#listOfRecipient(reply, id, recipient, cursor, isMasked)
    const afterSlot = cursor === undefined ? null : readCouponCursor(cursor, order)
    const page = CAMPAIGN_ID.test(id)
      ? await this.#lists.pass(() => this.#campaigns.coupons(id, { limit, afterSlot, order }))
      : null
    if (page === null) return this.#problems.send(reply, 'campaign_not_found')
    const last = page.coupons.at(-1)
    return reply.send({
      data: shown(page, isMasked),
      next_cursor: page.more && last !== undefined ? couponCursor(last.slot, order) : null,
    })
  }

  async #listOfRecipient(
    reply: FastifyReply,
    id: string,
    recipient: string,
    cursor: string | undefined,
    isMasked: boolean,
  ) {
    if (cursor !== undefined) {
      const detail = 'goes with no recipient: the one coupon of a recipient is no list to page through'
      throw new InvalidRequest([{ in: 'query', pointer: '/cursor', detail }])
    }
    const stored = textOf(recipient) as string
    const found = CAMPAIGN_ID.test(id) ? await this.#campaigns.couponsOfRecipient(id, stored) : null
    if (found === null) return this.#problems.send(reply, 'campaign_not_found')
    return reply.send({ data: shown(found, isMasked), next_cursor: null })
  }

  exportCsv = (request: FastifyRequest, reply: FastifyReply) => this.#export(request, reply, CSV)

  exportNdjson = (request: FastifyRequest, reply: FastifyReply) => this.#export(request, reply, NDJSON)

  /** Those who read an export would keep the server from closing for as long as they like. None begins after this. */
  cutExports(): void {
    this.#isClosing = true
    for (const running of this.#running) running.cut()
  }

  async #export(request: FastifyRequest, reply: FastifyReply, format: ExportFormat) {
    readNoQuery(request.query)
    const { id } = request.params as CampaignParams
    if (!CAMPAIGN_ID.test(id)) return this.#problems.send(reply, 'campaign_not_found')
    if (this.#isClosing) throw new Fault('unavailable', 'the server is closing')
    const parts = {
      campaigns: this.#campaigns,
      clock: this.#clock,
      isIssuing: () => !this.#issuer.isIdle,
      onBroken: (error: unknown) => this.#problems.log(error, request),
    }
    const isThere = await this.#exports.pass(async () => {
      const running = new CouponExport(parts, reply, id, format)
      this.#running.add(running)
      try {
        return await running.run()
      } finally {
        this.#running.delete(running)
      }
    })
    return isThere ? reply : this.#problems.send(reply, 'campaign_not_found')
  }

  read = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const { id, code } = request.params as CouponParams
    const found = CAMPAIGN_ID.test(id) ? await this.#campaigns.couponByCode(id, code) : 'campaign_not_found'
    return typeof found === 'string' ? this.#problems.send(reply, found) : reply.send(couponJson(found))
  }
}

function shown({ coupons, codeFormat }: CampaignCoupons, isMasked: boolean) {
  if (!isMasked) return coupons.map(couponJson)
  return coupons.map((coupon) => ({
    ...couponJson(coupon),
    coupon_code: maskedCode(codeFormat, coupon.couponCode),
  }))
}

export function issuedJson(coupon: Coupon, replayed: 'request' | 'recipient' | null) {
  return { ...couponJson(coupon), replayed }
}

function idempotencyKeyOf(request: FastifyRequest): string | null {
  const read = readIdempotencyKey(request.raw.headers['idempotency-key'])
  if ('wrong' in read) throw new InvalidRequest([{ in: 'header', pointer: '/Idempotency-Key', detail: read.wrong }])
  return read.value
}
