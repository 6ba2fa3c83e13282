// Every answer that is not what was asked for: RFC 9457, from the two tables of src/answers.ts.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Fault, FAULTS, OUTCOMES } from '../answers.ts'
import type { Answer, FaultCode, Language, OutcomeCode } from '../answers.ts'
import type { Randomness } from '../host.ts'
import type { FaultLog } from './fault-log.ts'
import { InvalidRequest } from './invalid-request.ts'
import { languageOf } from './languages.ts'
import { BODY_BYTES_MAX, RETRY_JITTER, RETRY_MS_DEFAULT } from './limits.ts'
import type { RequestLog } from './request-log.ts'

export type ProblemCode = Exclude<OutcomeCode, 'issued' | 'replayed'> | FaultCode

export const PROBLEMS: Readonly<Record<ProblemCode, Answer>> = withoutGood()
export const PROBLEM_TYPE = 'application/problem+json'

/** What a problem may carry besides its code. `detail` defaults to what the table says. */
export interface ProblemExtras {
  readonly detail?: string
  readonly [member: string]: unknown
}

export function problemJson(
  code: ProblemCode,
  requestId: string,
  extras: ProblemExtras = {},
  language: Language = 'en',
) {
  const { status, title, meaning } = PROBLEMS[code]
  return {
    type: `/problems/${code}`,
    title: title[language],
    status,
    code,
    detail: meaning,
    request_id: requestId,
    ...extras,
  }
}

export class Problems {
  readonly #randomness: Randomness
  readonly #log: FaultLog
  readonly #requests: RequestLog

  constructor(randomness: Randomness, log: FaultLog, requests: RequestLog) {
    this.#randomness = randomness
    this.#log = log
    this.#requests = requests
  }

  send(reply: FastifyReply, code: ProblemCode, extras?: ProblemExtras): FastifyReply {
    this.#requests.refused(reply.request, code)
    const language = languageOf(reply.request.headers['accept-language'])
    const problem = problemJson(code, reply.request.id, extras, language)
    reply.answer = code
    return reply
      .code(problem.status)
      .header('content-type', PROBLEM_TYPE)
      .header('content-language', language)
      .send(JSON.stringify(problem))
  }

  /** Spread out, so that those who are told together do not come back together. */
  retryAfterMs(ms = RETRY_MS_DEFAULT): number {
    return Math.ceil(ms * (1 - RETRY_JITTER + 2 * RETRY_JITTER * this.#randomness.fraction()))
  }

  /** Of what cannot be told to its caller any more. */
  log(error: unknown, request: FastifyRequest): void {
    this.#log.write(faultOf(error).code, request, error)
  }

  /** The one error handler: whatever was thrown leaves as a fault of the table, without its message, stack or cause. */
  sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const fault = faultOf(error)
    if (PROBLEMS[fault.code].status >= 500) this.#log.write(fault.code, request, error)
    // Fastify closes a connection whose body it did not like, and with it the requests that follow in it. Node reads the
    // rest of the body away, for REQUEST_MS_MAX at the longest.
    reply.removeHeader('connection')
    if (!FAULTS[fault.code].retryable) return this.send(reply, fault.code, fault.extras)
    const retryMs = this.retryAfterMs(fault.retryAfterMs)
    reply.header('retry-after', Math.ceil(retryMs / 1_000))
    return this.send(reply, fault.code, { ...fault.extras, retry_after_ms: retryMs })
  }
}

interface FaultAnswer {
  readonly code: FaultCode
  readonly retryAfterMs: number
  readonly extras?: ProblemExtras
}

function faultOf(error: unknown): FaultAnswer {
  if (error instanceof InvalidRequest) return invalid({ errors: error.errors })
  if (error instanceof Fault) {
    const { code, retryAfterMs, detail } = error
    return { code, retryAfterMs: retryAfterMs ?? RETRY_MS_DEFAULT, ...(detail !== null && { extras: { detail } }) }
  }
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown }
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return {
        code: 'payload_too_large',
        retryAfterMs: 0,
        extras: { detail: `A body may have ${BODY_BYTES_MAX} bytes.` },
      }
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return { code: 'unsupported_media_type', retryAfterMs: 0 }
    case 'FST_ERR_BAD_URL':
      return invalid({ detail: 'The path is not properly percent-encoded UTF-8.' })
    default:
      // What Fastify and Node blame on the request: a body that was cut off, or of another length than was said.
      return statusCode === 400
        ? invalid({ detail: 'The request was not complete.' })
        : { code: 'internal', retryAfterMs: 0 }
  }
}

function invalid(extras: ProblemExtras): FaultAnswer {
  return { code: 'invalid_request', retryAfterMs: 0, extras }
}

function withoutGood(): Record<ProblemCode, Answer> {
  const { issued: _issued, replayed: _replayed, ...refusals } = OUTCOMES
  return { ...refusals, ...FAULTS }
}
