// Builds the HTTP server. It does not listen and knows nothing of the process: whoever called it does both.

import Fastify, { type FastifyInstance } from 'fastify'
import { NOBODY, type Caller } from '../access/caller.ts'
import type { KeyRing } from '../access/key-ring.ts'
import type { Rates } from '../access/rates.ts'
import { Fault } from '../answers.ts'
import type { AuditSource } from '../audit/source.ts'
import type { Campaigns } from '../campaign/campaigns.ts'
import type { LogRequests } from '../config.ts'
import type { Counter } from '../counter/counter.ts'
import type { Clock, Randomness } from '../host.ts'
import type { Issuer } from '../issue/outcome.ts'
import type { Log } from '../telemetry/log.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { AuditHandlers } from './audit-handlers.ts'
import { Audits } from './audits.ts'
import { parseBodies } from './bodies.ts'
import { CampaignHandlers } from './campaign-handlers.ts'
import { ChangeHandlers } from './change-handlers.ts'
import { limitConnections } from './connection-limit.ts'
import { answerMalformed, closeWhileDraining } from './connections.ts'
import { CouponHandlers } from './coupon-handlers.ts'
import { addDocsPage } from './docs-page.ts'
import { FaultLog } from './fault-log.ts'
import { refuseWrappings } from './framing.ts'
import { Guard } from './guard.ts'
import type { Health, Lifecycle } from './health.ts'
import { InvalidRequest } from './invalid-request.ts'
import {
  BODY_BYTES_MAX,
  CONNECTION_IDLE_MS_MAX,
  CONNECTIONS_CHECK_MS,
  HEADER_BYTES_MAX,
  HEADERS_MS_MAX,
  KEEP_ALIVE_MS,
  LISTS_INSIDE_MAX,
  LISTS_RETRY_MS,
  LISTS_WAIT_MS_MAX,
  LISTS_WAITING_MAX,
  REQUEST_MS_MAX,
} from './limits.ts'
import { observeRequests } from './observing.ts'
import { openApiDocument } from './openapi.ts'
import { Problems } from './problems.ts'
import { RequestLog } from './request-log.ts'
import { requestIds } from './request-ids.ts'
import { addRoutes } from './routes.ts'
import { ServiceHandlers } from './service-handlers.ts'
import { Turnstile } from './turnstile.ts'
import { answerUnrouted } from './unrouted.ts'

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
}

export interface ServerParts {
  readonly keys: Pick<KeyRing, 'isOpen' | 'identify'>
  readonly rates: Rates
  readonly issuer: Issuer
  readonly campaigns: Campaigns
  readonly auditSource: AuditSource
  /** null: there is none. Only looked at. */
  readonly counter: Pick<Counter, 'peek'> | null
  readonly health: Health
  readonly lifecycle: Lifecycle
  readonly log: Log
  readonly logRequests: LogRequests
  readonly clock: Clock
  readonly randomness: Randomness
  readonly telemetry: Telemetry
  readonly connectionsMax: number
  /** Of the program, for `/` and the OpenAPI document. */
  readonly version: string
}

export function buildServer(parts: ServerParts): FastifyInstance {
  const {
    keys,
    rates,
    issuer,
    campaigns,
    auditSource,
    counter,
    health,
    lifecycle,
    log,
    clock,
    randomness,
    telemetry,
    version,
  } = parts
  const requests = new RequestLog(parts)
  const faultLog = new FaultLog(log, clock)
  const problems = new Problems(randomness, faultLog, requests)
  const ids = requestIds(randomness)

  const app = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionTimeout: CONNECTION_IDLE_MS_MAX,
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_MS_MAX,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      // Node would refuse a request without Host with an empty 400: we do it ourselves, in words.
      requireHostHeader: false,
    },
    // No id or code is longer than what a header may be: length is judged where the meaning is.
    routerOptions: { maxParamLength: HEADER_BYTES_MAX },
    // Fastify's own logging would cost a line or two a request, with the address in it.
    logger: false,
    genReqId: (request) => ids.of(request.headers),
    // Who got a connection before it closed gets an answer.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerMalformed(ids.make, () => problems.retryAfterMs()),
    frameworkErrors: (error, request, reply) =>
      void problems.sendError(
        error,
        request,
        reply.header('cache-control', 'no-store').header('x-request-id', request.id),
      ),
  })

  observeRequests(app, telemetry, clock)
  limitConnections(app, parts.connectionsMax, () => faultLog.crowded(parts.connectionsMax))
  requests.listen(app)
  app.decorateRequest('caller', null as unknown as Caller)
  app.addHook('onRequest', (request, reply, done) => {
    request.caller = NOBODY
    reply.header('cache-control', 'no-store').header('x-request-id', request.id)
    const { headers, httpVersionMinor } = request.raw
    if (headers.host === undefined && httpVersionMinor === 1) {
      done(new InvalidRequest([{ in: 'header', pointer: '/Host', detail: 'is missing' }]))
    } else if (request.url.includes('%') && !isDecodable(request.url)) {
      // Of the path Fastify has seen it. A query would be taken as it stands: a recipient in EUC-KR would have no coupon.
      done(new InvalidRequest([{ in: 'query', pointer: '', detail: 'must be percent-encoded UTF-8' }]))
    } else if (!health.ready() && request.routeOptions.url?.startsWith('/v1/') === true) {
      // Without a schema every statement would be a mistake of ours.
      done(new Fault('unavailable', 'the database was not reached yet'))
    } else done()
  })
  closeWhileDraining(app, lifecycle)
  answerUnrouted(app, problems)
  refuseWrappings(app, problems)
  app.setErrorHandler((error, request, reply) => problems.sendError(error, request, reply))
  parseBodies(app)

  const limits = {
    insideMax: LISTS_INSIDE_MAX,
    waitingMax: LISTS_WAITING_MAX,
    waitMsMax: LISTS_WAIT_MS_MAX,
    retryAfterMs: LISTS_RETRY_MS,
  }
  const lists = new Turnstile(limits, clock)
  const coupons = new CouponHandlers({ issuer, campaigns, clock, lists, rates, requests }, problems)
  const audits = new Audits({ source: auditSource, counter, clock, isIssuing: () => !issuer.isIdle })
  app.addHook('preClose', (done) => {
    coupons.cutExports()
    audits.cut()
    done()
  })
  addRoutes(app, new Guard(keys, rates, problems), {
    campaigns: new CampaignHandlers(campaigns, lists, problems, requests),
    coupons,
    audits: new AuditHandlers(audits, campaigns, problems),
    changes: new ChangeHandlers(campaigns, lists),
    service: new ServiceHandlers(
      { health, lifecycle, version, document: openApiDocument(version), telemetry },
      problems,
    ),
  })
  addDocsPage(app)
  return app
}

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}
