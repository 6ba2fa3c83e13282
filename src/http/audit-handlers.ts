// GET …/audit: the report when there is one, and until then how far it is.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AuditProgress } from '../audit/audit.ts'
import type { Campaigns } from '../campaign/campaigns.ts'
import type { Audits } from './audits.ts'
import type { CampaignParams } from './campaign-handlers.ts'
import { AUDIT_RETRY_MS } from './limits.ts'
import type { Problems } from './problems.ts'
import { queryReader } from './reader.ts'
import { CAMPAIGN_ID, NoQuery } from './request-schemas.ts'

const readNoQuery = queryReader(NoQuery)

export function auditRunningJson(campaignId: string, { step, done, expected }: AuditProgress, retryAfterMs: number) {
  return { campaign_id: campaignId, status: 'running', step, done, expected, retry_after_ms: retryAfterMs }
}

export class AuditHandlers {
  readonly #audits: Audits
  readonly #campaigns: Pick<Campaigns, 'read'>
  readonly #problems: Problems

  constructor(audits: Audits, campaigns: Pick<Campaigns, 'read'>, problems: Problems) {
    this.#audits = audits
    this.#campaigns = campaigns
    this.#problems = problems
  }

  read = async (request: FastifyRequest, reply: FastifyReply) => {
    readNoQuery(request.query)
    const { id } = request.params as CampaignParams
    const view = CAMPAIGN_ID.test(id) ? await this.#campaigns.read(id) : null
    if (view === null) return this.#problems.send(reply, 'campaign_not_found')
    const answer = await this.#audits.of(view.campaign)
    switch (answer.status) {
      case 'done':
        return reply.send(answer.report)
      case 'campaign_not_found':
        return this.#problems.send(reply, answer.status)
      case 'running': {
        // There is one audit, and whoever waits for it: no jitter is needed.
        reply.code(202).header('retry-after', Math.ceil(AUDIT_RETRY_MS / 1_000))
        return reply.send(auditRunningJson(id, answer.progress, AUDIT_RETRY_MS))
      }
    }
  }
}
