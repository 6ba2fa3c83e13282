// Who changed what: the author of a change, taken from a request, and the list of changes.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Campaigns } from '../campaign/campaigns.ts'
import type { Author } from '../access/author.ts'
import { changeCursor, readChangeCursor } from './cursors.ts'
import { CHANGE_PAGE_DEFAULT } from './limits.ts'
import { queryReader } from './reader.ts'
import { changeJson } from './representations.ts'
import { ListChangesQuery } from './request-schemas.ts'
import type { Turnstile } from './turnstile.ts'

const readListQuery = queryReader(ListChangesQuery)

export class ChangeHandlers {
  readonly #campaigns: Campaigns
  readonly #lists: Turnstile

  /** @param lists for all lists of this server */
  constructor(campaigns: Campaigns, lists: Turnstile) {
    this.#campaigns = campaigns
    this.#lists = lists
  }

  list = async (request: FastifyRequest, reply: FastifyReply) => {
    const { limit = CHANGE_PAGE_DEFAULT, cursor, campaign, client, action } = readListQuery(request.query)
    const page = {
      limit,
      beforeId: cursor === undefined ? null : readChangeCursor(cursor),
      campaignId: campaign ?? null,
      client: client ?? null,
      action: action ?? null,
    }
    const { changes, next } = await this.#lists.pass(() => this.#campaigns.changes(page))
    return reply.send({ data: changes.map(changeJson), next_cursor: next === null ? null : changeCursor(next) })
  }
}

export function authorOf({ caller, id }: FastifyRequest): Author {
  return { client: caller.client === '' ? null : caller.client, keyId: caller.keyId, operator: null, requestId: id }
}
