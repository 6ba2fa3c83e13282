// One line for a fault of ours: its code, its route and the request's id. Never what the caller sent: no recipient, code,
// key, address or body.

import type { FastifyRequest } from 'fastify'
import type { FaultCode } from '../answers.ts'
import type { Clock } from '../host.ts'
import { causeOf, traceOf } from '../telemetry/errors.ts'
import type { Log } from '../telemetry/log.ts'
import { FAULT_LOG_PAUSE_MS } from './limits.ts'

export class FaultLog {
  readonly #log: Pick<Log, 'error' | 'warn'>
  readonly #clock: Clock
  /** By code: when the next line may be written, and how many were not. */
  readonly #quiet = new Map<FaultCode | 'crowded', { untilMs: number; suppressed: number }>()

  constructor(log: Pick<Log, 'error' | 'warn'>, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  write(code: FaultCode, request: FastifyRequest, error: unknown): void {
    // A caller who hung up was told nothing: that is no fault of ours.
    if (code === 'unavailable' && request.raw.socket.destroyed) return
    const suppressed = this.#speak(code)
    if (suppressed === null) return
    const fields = {
      code,
      method: request.method,
      // The pattern, not the path: the path holds ids and codes.
      route: request.routeOptions.url,
      request_id: request.id,
      ...(suppressed > 0 && { suppressed }),
    }
    if (code === 'internal') this.#log.error({ ...fields, error: traceOf(error) }, 'a request failed')
    else this.#log.warn({ ...fields, cause: causeOf(error) }, 'a request was not answered')
  }

  crowded(connectionsMax: number): void {
    const suppressed = this.#speak('crowded')
    if (suppressed === null) return
    const fields = { connections: connectionsMax, closed: suppressed + 1 }
    this.#log.warn(fields, 'all connections are taken: for a new one the longest idle is closed')
  }

  /** How often it was left out since the last time; null: it is to be left out once more. */
  #speak(what: FaultCode | 'crowded'): number | null {
    const nowMs = this.#clock.nowMs()
    const quiet = this.#quiet.get(what)
    if (quiet !== undefined && nowMs < quiet.untilMs) {
      quiet.suppressed++
      return null
    }
    this.#quiet.set(what, { untilMs: nowMs + FAULT_LOG_PAUSE_MS, suppressed: 0 })
    return quiet?.suppressed ?? 0
  }
}
