// Coupons: `issue` is the road of the rush, one call of it per person in the crowd; the others are for looking things up.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Campaigns } from '../campaign/campaigns.ts'
import type { Issuer, Outcome } from '../issue/outcome.ts'
import type { Coupon } from '../ledger/ledger.ts'
import type { CampaignParams } from './campaign-handlers.ts'
import { couponCursor, readCouponCursor } from './cursors.ts'
import { InvalidRequest } from './invalid-request.ts'
import { COUPON_PAGE_DEFAULT } from './limits.ts'
import type { Problems } from './problems.ts'
import { bodyReader, queryReader } from './reader.ts'
import { couponJson, recipientOf } from './representations.ts'
import { CAMPAIGN_ID, IssueCouponBody, ListCouponsQuery, NoQuery } from './request-schemas.ts'
import { readIdempotencyKey } from './texts.ts'
import { formatTime } from './times.ts'

const readIssueBody = bodyReader(IssueCouponBody)
const readListQuery = queryReader(ListCouponsQuery)
const readNoQuery = queryReader(NoQuery)

/** Without API keys everybody is the same client. */
const NO_CLIENT = ''

interface CouponParams extends CampaignParams {
  readonly code: string
}

export class CouponHandlers {
  readonly #issuer: Issuer
  readonly #campaigns: Campaigns
  readonly #problems: Problems

  constructor(issuer: Issuer, campaigns: Campaigns, problems: Problems) {
    this.#issuer = issuer
    this.#campaigns = campaigns
    this.#problems = problems
  }

  issue = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const recipient = recipientOf(readIssueBody(request.body).recipient)
    const idempotencyKey = idempotencyKeyOf(request)
    const { id: campaignId } = request.params as CampaignParams
    if (!CAMPAIGN_ID.test(campaignId)) return this.#problems.send(reply, 'campaign_not_found')
    // Asked when it matters, instead of a listener for each request.
    const { socket } = request.raw
    const isGone = () => socket.destroyed
    const outcome = await this.#issuer.issue({ campaignId, client: NO_CLIENT, idempotencyKey, recipient, isGone })
    return this.#sendOutcome(reply, outcome)
  }

  #sendOutcome(reply: FastifyReply, outcome: Outcome): FastifyReply {
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
    const { limit = COUPON_PAGE_DEFAULT, cursor, order = 'asc' } = readListQuery(request.query)
    const afterSlot = cursor === undefined ? null : readCouponCursor(cursor, order)
    const { id } = request.params as CampaignParams
    const page = CAMPAIGN_ID.test(id) ? await this.#campaigns.coupons(id, { limit, afterSlot, order }) : null
    if (page === null) return this.#problems.send(reply, 'campaign_not_found')
    const last = page.coupons.at(-1)
    return reply.send({
      data: page.coupons.map(couponJson),
      next_cursor: page.more && last !== undefined ? couponCursor(last.slot, order) : null,
    })
  }

  read = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const { id, code } = request.params as CouponParams
    const found = CAMPAIGN_ID.test(id) ? await this.#campaigns.couponByCode(id, code) : 'campaign_not_found'
    return typeof found === 'string' ? this.#problems.send(reply, found) : reply.send(couponJson(found))
  }
}

export function issuedJson(coupon: Coupon, replayed: 'request' | 'recipient' | null) {
  return { ...couponJson(coupon), replayed }
}

function idempotencyKeyOf(request: FastifyRequest): string | null {
  const read = readIdempotencyKey(request.raw.headers['idempotency-key'])
  if ('wrong' in read) throw new InvalidRequest([{ in: 'header', pointer: '/Idempotency-Key', detail: read.wrong }])
  return read.value
}
