// What is told of requests: coupons and refusals are counted, changes get a line each, requests themselves only when
// LOG_REQUESTS asks for it. The pattern of a route and never the path, no query, no address, no body.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FAULTS, type FaultCode } from '../answers.ts'
import type { LogRequests } from '../config.ts'
import type { Clock } from '../host.ts'
import type { Outcome } from '../issue/outcome.ts'
import type { Log } from '../telemetry/log.ts'
import { Summaries } from '../telemetry/summaries.ts'
import { OPERATIONS, type Operation } from './operations.ts'
import type { ProblemCode } from './problems.ts'
import { routePattern } from './routes.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the coupon that was answered. */
    toldCoupon: string | null
  }
}

/** With `sampled`, of so many requests one gets a line. */
const REQUESTS_PER_LINE = 100

const ISSUE = routePattern(OPERATIONS.issueCoupon)
const CAMPAIGN = routePattern(OPERATIONS.readCampaign)

export interface RequestLogParts {
  readonly log: Log
  readonly clock: Clock
  readonly logRequests: LogRequests
}

export class RequestLog {
  readonly #log: Log
  readonly #clock: Clock
  readonly #mode: LogRequests
  readonly #summaries: Summaries
  #requests = 0

  constructor({ log, clock, logRequests }: RequestLogParts) {
    this.#log = log
    this.#clock = clock
    this.#mode = logRequests
    this.#summaries = new Summaries(log, clock)
  }

  listen(app: FastifyInstance): void {
    app.decorateRequest('toldCoupon', null)
    // After the last reply: every caller who waited is counted.
    app.addHook('onClose', (_app, done) => {
      this.#summaries.close()
      done()
    })
    if (this.#mode === 'faults') return
    const requestsPerLine = this.#mode === 'all' ? 1 : REQUESTS_PER_LINE
    app.addHook('onResponse', (request, reply, done) => {
      if (this.#requests++ % requestsPerLine === 0) this.#line(request, reply)
      done()
    })
  }

  /** A call for a coupon was answered. */
  answered(request: FastifyRequest, campaignId: string, outcome: Outcome): void {
    if ('coupon' in outcome) request.toldCoupon = outcome.coupon.couponCode
    this.#summaries.count(campaignId, outcome.code, this.#clock.nowMs() - request.arrivedAtMs)
  }

  /** Anything but what was asked for is about to be told. */
  refused(request: FastifyRequest, code: ProblemCode): void {
    if (!isFault(code) || request.method !== 'POST' || request.routeOptions.url !== ISSUE) return
    const { id } = request.params as { id: string }
    this.#summaries.count(id, code, this.#clock.nowMs() - request.arrivedAtMs)
  }

  /** It was created, changed or deleted. What was before and is now stands in the database. */
  changed(request: FastifyRequest, { operationId }: Operation, campaignId: string, status: number): void {
    this.#summaries.learn(campaignId)
    this.#log.info(
      { operation: operationId, campaign_id: campaignId, ...clientOf(request), request_id: request.id, status },
      'a campaign was changed',
    )
  }

  #line(request: FastifyRequest, reply: FastifyReply): void {
    const { toldCoupon } = request
    const { answer } = reply
    this.#log.info(
      {
        request_id: request.id,
        method: request.method,
        route: request.routeOptions.url ?? null,
        ...this.#campaignOf(request, reply.statusCode),
        ...clientOf(request),
        status: reply.statusCode,
        ...(answer !== null && { code: answer }),
        ...(toldCoupon !== null && { coupon: `…${endOf(toldCoupon)}` }),
        ms: Math.round((this.#clock.nowMs() - request.arrivedAtMs) * 10) / 10,
      },
      'a request',
    )
  }

  /** Only of a campaign that there is: an id that nobody knows may be anything that a caller put in its place. */
  #campaignOf(request: FastifyRequest, status: number): { campaign_id?: string } {
    if (request.routeOptions.url?.startsWith(CAMPAIGN) !== true) return {}
    const { id } = request.params as { id: string }
    if (status < 400) this.#summaries.learn(id)
    return this.#summaries.knows(id) ? { campaign_id: id } : {}
  }
}

function clientOf({ caller }: FastifyRequest): { client?: string } {
  // What Fastify refuses by itself has not met the guard.
  return caller?.client ? { client: caller.client } : {}
}

/** The last four characters; of a code so short that they would be half of it, two. */
function endOf(code: string): string {
  return code.slice(code.length < 12 ? -2 : -4)
}

function isFault(code: ProblemCode): code is FaultCode {
  return Object.hasOwn(FAULTS, code)
}
