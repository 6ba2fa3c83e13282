// Campaigns: from a request to the campaigns' rules and back.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Campaigns, CampaignView } from '../campaign/campaigns.ts'
import { authorOf } from './change-handlers.ts'
import { campaignCursor, readCampaignCursor } from './cursors.ts'
import { etagOf, readIfMatch } from './etags.ts'
import { InvalidRequest } from './invalid-request.ts'
import { CAMPAIGN_PAGE_DEFAULT } from './limits.ts'
import { OPERATIONS } from './operations.ts'
import type { Problems } from './problems.ts'
import { bodyReader, queryReader } from './reader.ts'
import type { RequestLog } from './request-log.ts'
import { campaignChange, campaignJson, campaignWish, textOf } from './representations.ts'
import { CAMPAIGN_ID, ChangeCampaignBody, CreateCampaignBody, ListCampaignsQuery, NoQuery } from './request-schemas.ts'
import type { Turnstile } from './turnstile.ts'

const readCreateBody = bodyReader(CreateCampaignBody)
const readChangeBody = bodyReader(ChangeCampaignBody)
const readListQuery = queryReader(ListCampaignsQuery)
const readNoQuery = queryReader(NoQuery)

const TEST_FILTERS = { false: 'none', true: 'only', all: 'all' } as const

export interface CampaignParams {
  readonly id: string
}

export class CampaignHandlers {
  readonly #campaigns: Campaigns
  readonly #lists: Turnstile
  readonly #problems: Problems
  readonly #requests: RequestLog

  /** @param lists for all lists of this server */
  constructor(campaigns: Campaigns, lists: Turnstile, problems: Problems, requests: RequestLog) {
    this.#campaigns = campaigns
    this.#lists = lists
    this.#problems = problems
    this.#requests = requests
  }

  create = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const answer = await this.#campaigns.create(campaignWish(readCreateBody(request.body)), authorOf(request))
    switch (answer.code) {
      case 'ready': {
        const { id } = answer.view.campaign
        if (answer.created) this.#requests.changed(request, OPERATIONS.createCampaign, id, 201)
        reply.code(answer.created ? 201 : 200).header('location', `/v1/campaigns/${id}`)
        return sendView(reply, answer.view)
      }
      case 'campaign_exists':
        return this.#problems.send(reply, answer.code)
      case 'misfit':
        throw new InvalidRequest(answer.misfits.map((misfit) => ({ in: 'body', ...misfit })))
    }
  }

  list = async (request: FastifyRequest, reply: FastifyReply) => {
    const { limit = CAMPAIGN_PAGE_DEFAULT, cursor, status = null, q, test = 'false' } = readListQuery(request.query)
    const page = {
      limit,
      after: cursor === undefined ? null : readCampaignCursor(cursor),
      status,
      text: textOf(q),
      test: TEST_FILTERS[test],
    }
    const { views, next } = await this.#lists.pass(() => this.#campaigns.list(page))
    return reply.send({ data: views.map(campaignJson), next_cursor: next === null ? null : campaignCursor(next) })
  }

  read = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const { id } = request.params as CampaignParams
    const view = CAMPAIGN_ID.test(id) ? await this.#campaigns.read(id) : null
    return view === null ? this.#problems.send(reply, 'campaign_not_found') : sendView(reply, view)
  }

  change = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const change = campaignChange(readChangeBody(request.body))
    const seen = readIfMatch(request.headers['if-match'])
    const { id } = request.params as CampaignParams
    if (!CAMPAIGN_ID.test(id)) return this.#problems.send(reply, 'campaign_not_found')
    const answer = await this.#campaigns.change(id, change, authorOf(request), seen)
    switch (answer.code) {
      case 'ready':
        this.#requests.changed(request, OPERATIONS.changeCampaign, id, 200)
        return sendView(reply, answer.view)
      case 'campaign_not_found':
        return this.#problems.send(reply, answer.code)
      case 'campaign_changed':
        return this.#sendChanged(reply, answer.view)
      case 'campaign_has_coupons':
        return this.#problems.send(reply, answer.code, { fields: answer.fields })
      case 'total_below_issued':
        return this.#problems.send(reply, answer.code, { lowest_total: answer.lowestTotal })
      case 'misfit':
        throw new InvalidRequest(answer.misfits.map((misfit) => ({ in: 'body', ...misfit })))
    }
  }

  delete = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const seen = readIfMatch(request.headers['if-match'])
    const { id } = request.params as CampaignParams
    if (!CAMPAIGN_ID.test(id)) return this.#problems.send(reply, 'campaign_not_found')
    const answer = await this.#campaigns.delete(id, authorOf(request), seen)
    switch (answer.code) {
      case 'deleted':
        this.#requests.changed(request, OPERATIONS.deleteCampaign, id, 204)
        return reply.code(204).send()
      case 'campaign_changed':
        return this.#sendChanged(reply, answer.view)
      default:
        return this.#problems.send(reply, answer.code)
    }
  }

  #sendChanged(reply: FastifyReply, view: CampaignView): FastifyReply {
    return this.#problems.send(reply.header('etag', etagOf(view.campaign)), 'campaign_changed', {
      campaign: campaignJson(view),
    })
  }
}

function sendView(reply: FastifyReply, view: CampaignView): FastifyReply {
  return reply.header('etag', etagOf(view.campaign)).send(campaignJson(view))
}
