// Every route of the service, on one screen. What each is for and what it may answer: operations.ts.

import type { FastifyInstance, RouteHandlerMethod } from 'fastify'
import type { AuditHandlers } from './audit-handlers.ts'
import type { CampaignHandlers } from './campaign-handlers.ts'
import type { ChangeHandlers } from './change-handlers.ts'
import type { CouponHandlers } from './coupon-handlers.ts'
import type { Guard } from './guard.ts'
import { OPERATIONS, type Operation } from './operations.ts'
import type { ServiceHandlers } from './service-handlers.ts'

export interface Handlers {
  readonly campaigns: CampaignHandlers
  readonly coupons: CouponHandlers
  readonly audits: AuditHandlers
  readonly changes: ChangeHandlers
  readonly service: ServiceHandlers
}

/** As Fastify writes it, and logs show it. */
export function routePattern({ path }: Pick<Operation, 'path'>): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}

export function addRoutes(
  app: FastifyInstance,
  guard: Guard,
  { campaigns, coupons, audits, changes, service }: Handlers,
): void {
  const on = (operation: Operation, handler: RouteHandlerMethod) => {
    const { operationId, method, replies } = operation
    // HEAD would read a whole export to say nothing.
    const exposeHeadRoute = method === 'GET' && replies[200]?.stream === undefined
    app.route({
      method,
      url: routePattern(operation),
      config: { operationId },
      exposeHeadRoute,
      onRequest: guard.of(operation),
      handler,
    })
  }

  on(OPERATIONS.createCampaign, campaigns.create)
  on(OPERATIONS.listCampaigns, campaigns.list)
  on(OPERATIONS.readCampaign, campaigns.read)
  on(OPERATIONS.changeCampaign, campaigns.change)
  on(OPERATIONS.deleteCampaign, campaigns.delete)

  on(OPERATIONS.issueCoupon, coupons.issue)
  on(OPERATIONS.listCoupons, coupons.list)
  on(OPERATIONS.exportCouponsCsv, coupons.exportCsv)
  on(OPERATIONS.exportCouponsNdjson, coupons.exportNdjson)
  on(OPERATIONS.readCoupon, coupons.read)

  on(OPERATIONS.auditCampaign, audits.read)

  on(OPERATIONS.listChanges, changes.list)

  on(OPERATIONS.alive, service.alive)
  on(OPERATIONS.ready, service.ready)
  on(OPERATIONS.start, service.start)
  on(OPERATIONS.problem, service.problem)
  on(OPERATIONS.document, service.document)
  on(OPERATIONS.metrics, service.metrics)
}
