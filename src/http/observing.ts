// Every request counted, timed, and traced where an SDK is loaded: from its head to its reply.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { OUTCOMES, type FaultCode, type OutcomeCode } from '../answers.ts'
import type { Clock } from '../host.ts'
import type { Count, Spread } from '../telemetry/cells.ts'
import { CallCompanion } from '../telemetry/companion.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { RequestSpan } from '../telemetry/traces.ts'
import { OPERATIONS, type Operation } from './operations.ts'
import { isPreferred } from './preferences.ts'
import { CAMPAIGN_ID } from './request-schemas.ts'

const SERVER_TIMING = 'server-timing'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whose route it is; none: a page of the documentation. */
    operationId?: string
  }
  interface FastifyRequest {
    /** By the clock of the server: when its head had been read. */
    arrivedAtMs: number
    /** null: nobody asked for the way of this request. */
    companion: CallCompanion | null
    span: RequestSpan | null
  }
  interface FastifyReply {
    /** What the caller is told, once it is known; null: something else than the tables of src/answers.ts have. */
    answer: OutcomeCode | FaultCode | null
  }
}

interface OperationCells {
  readonly duration: Spread
  readonly byStatus: Map<number, Count>
}

/** To be called before any other hook is added: what those refuse is counted, too. */
export function observeRequests(app: FastifyInstance, { meters, traces }: Telemetry, clock: Clock): void {
  const operations = new Map<string, OperationCells>()
  const answers = answerCells(meters)
  const hungUp = meters.count('firstcome_issue_hung_up_total', {})
  const underWayLevel = meters.level('firstcome_http_requests_under_way', {})
  const connections = meters.level('firstcome_http_connections', {})
  let underWay = 0

  const cellsOf = (operation: string): OperationCells => {
    let cells = operations.get(operation)
    if (cells === undefined) {
      cells = { duration: meters.spread('firstcome_http_request_duration_seconds', { operation }), byStatus: new Map() }
      operations.set(operation, cells)
    }
    return cells
  }
  const countOf = (operation: string, { byStatus }: OperationCells, status: number): Count => {
    let count = byStatus.get(status)
    if (count === undefined) {
      count = meters.count('firstcome_http_requests_total', { operation, status: String(status) })
      byStatus.set(status, count)
    }
    return count
  }
  const countIssue = (request: FastifyRequest, answer: FastifyReply['answer'], tookMs: number): void => {
    if (answer === null) return
    // Nobody was told that.
    if (answer === 'unavailable' && request.raw.socket.destroyed) return hungUp.add()
    const cells = answers.get(answer)
    cells?.count.add()
    cells?.duration.add(tookMs / 1_000)
  }

  meters.onLook(async () => {
    underWayLevel.value = underWay
    connections.value = await new Promise<number>((resolve) => {
      app.server.getConnections((error, count) => resolve(error === null ? count : 0))
    })
  })

  app.decorateRequest('arrivedAtMs', 0)
  app.decorateRequest('companion', null)
  app.decorateRequest('span', null)
  app.decorateReply('answer', null)
  app.addHook('onRequest', (request, _reply, done) => {
    underWay++
    // Fastify's own `elapsedTime` is 0 unless it logs.
    request.arrivedAtMs = clock.nowMs()
    if (traces !== null) {
      request.span = traces.begin(request.method, request.routeOptions.url ?? null, request.headers)
      request.companion = new CallCompanion(request.span.spanContext)
      request.span.around(done)
      return
    }
    if (request.raw.headers['prefer'] !== undefined) request.companion = new CallCompanion(null)
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    underWay--
    const tookMs = clock.nowMs() - request.arrivedAtMs
    const { config } = request.routeOptions
    const operation = request.is404 ? 'none' : (config.operationId ?? 'documentation')
    const cells = cellsOf(operation)
    cells.duration.add(tookMs / 1_000)
    countOf(operation, cells, reply.statusCode).add()
    if (operation === 'issueCoupon') {
      countIssue(request, reply.answer, tookMs)
      if (request.companion !== null && isPreferred(SERVER_TIMING, request.raw.headers['prefer'])) {
        reply.header(SERVER_TIMING, request.companion.serverTiming(tookMs))
        reply.header('preference-applied', SERVER_TIMING)
      }
    }
    request.span?.end({ status: reply.statusCode, code: reply.answer, campaignId: campaignIdOf(request) })
    done()
  })
}

/** Made from the start for all that an issue can be told, so that each can be seen to grow from 0. */
function answerCells(meters: Telemetry['meters']) {
  const { problems }: Operation = OPERATIONS.issueCoupon
  const codes: (OutcomeCode | FaultCode)[] = ['issued', 'replayed', ...problems]
  return new Map(
    codes.map((code) => {
      const kind = code === 'issued' || code === 'replayed' ? 'coupon' : code in OUTCOMES ? 'refusal' : 'fault'
      const count = meters.count('firstcome_issue_answers_total', { code })
      return [code, { count, duration: meters.spread('firstcome_issue_duration_seconds', { kind }) }]
    }),
  )
}

function campaignIdOf(request: FastifyRequest): string | null {
  const { id } = (request.params ?? {}) as { id?: unknown }
  // Anything can stand in a path: what is no campaign's id is told to nobody.
  return typeof id === 'string' && CAMPAIGN_ID.test(id) ? id : null
}
