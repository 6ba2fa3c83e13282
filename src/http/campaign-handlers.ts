// Campaigns: from a request to the campaigns' rules and back.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Campaigns } from '../campaign/campaigns.ts'
import { campaignCursor, readCampaignCursor } from './cursors.ts'
import { InvalidRequest } from './invalid-request.ts'
import { CAMPAIGN_PAGE_DEFAULT } from './limits.ts'
import type { Problems } from './problems.ts'
import { bodyReader, queryReader } from './reader.ts'
import { campaignChange, campaignJson, campaignWish } from './representations.ts'
import { CAMPAIGN_ID, ChangeCampaignBody, CreateCampaignBody, ListCampaignsQuery, NoQuery } from './request-schemas.ts'

const readCreateBody = bodyReader(CreateCampaignBody)
const readChangeBody = bodyReader(ChangeCampaignBody)
const readListQuery = queryReader(ListCampaignsQuery)
const readNoQuery = queryReader(NoQuery)

export interface CampaignParams {
  readonly id: string
}

export class CampaignHandlers {
  readonly #campaigns: Campaigns
  readonly #problems: Problems

  constructor(campaigns: Campaigns, problems: Problems) {
    this.#campaigns = campaigns
    this.#problems = problems
  }

  create = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const answer = await this.#campaigns.create(campaignWish(readCreateBody(request.body)))
    switch (answer.code) {
      case 'ready': {
        const campaign = campaignJson(answer.view)
        return reply
          .code(answer.created ? 201 : 200)
          .header('location', `/v1/campaigns/${campaign.id}`)
          .send(campaign)
      }
      case 'campaign_exists':
        return this.#problems.send(reply, answer.code)
      case 'misfit':
        throw new InvalidRequest(answer.misfits.map((misfit) => ({ in: 'body', ...misfit })))
    }
  }

  list = async (request: FastifyRequest, reply: FastifyReply) => {
    const { limit = CAMPAIGN_PAGE_DEFAULT, cursor } = readListQuery(request.query)
    const after = cursor === undefined ? null : readCampaignCursor(cursor)
    const { views, more } = await this.#campaigns.list({ limit, after, includeTest: false })
    const last = views.at(-1)
    return reply.send({
      data: views.map(campaignJson),
      next_cursor: more && last !== undefined ? campaignCursor(last.campaign) : null,
    })
  }

  read = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const { id } = request.params as CampaignParams
    const view = CAMPAIGN_ID.test(id) ? await this.#campaigns.read(id) : null
    return view === null ? this.#problems.send(reply, 'campaign_not_found') : reply.send(campaignJson(view))
  }

  change = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const change = campaignChange(readChangeBody(request.body))
    const { id } = request.params as CampaignParams
    if (!CAMPAIGN_ID.test(id)) return this.#problems.send(reply, 'campaign_not_found')
    const answer = await this.#campaigns.change(id, change)
    switch (answer.code) {
      case 'ready':
        return reply.send(campaignJson(answer.view))
      case 'campaign_not_found':
        return this.#problems.send(reply, answer.code)
      case 'campaign_has_coupons':
        return this.#problems.send(reply, answer.code, { fields: answer.fields })
      case 'total_below_issued':
        return this.#problems.send(reply, answer.code, { lowest_total: answer.lowestTotal })
      case 'misfit':
        throw new InvalidRequest(answer.misfits.map((misfit) => ({ in: 'body', ...misfit })))
    }
  }
}
