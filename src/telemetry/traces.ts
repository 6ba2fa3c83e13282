// Traces, when the process was started with an OpenTelemetry SDK: a span for each request, one for each station of a batch
// with links to those of its requests. Names of routes and of campaigns are told; no recipient, code, key or address.

import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Link,
  type Span,
  type Tracer,
} from '@opentelemetry/api'
import type { Accompanied, Station } from '../issue/meter.ts'
import { CallCompanion } from './companion.ts'

/** Requests that the span of a batch is linked to: enough to find it from most of them, far below what SDKs cut off at. */
const LINKS_MAX = 64

export interface EndedRequest {
  readonly status: number
  /** Of the problem, or `issued` and `replayed`; null: another good answer. */
  readonly code: string | null
  readonly campaignId: string | null
}

/** null: no SDK is loaded. */
export function openTraces(version: string): Traces | null {
  const tracer = trace.getTracer('firstcome', version)
  // Without an SDK spans are nobody's. This one is never ended, so that no SDK sends it anywhere.
  const isLoaded = isSpanContextValid(tracer.startSpan('is an SDK loaded?', { root: true }, ROOT_CONTEXT).spanContext())
  return isLoaded ? new Traces(tracer) : null
}

export class Traces {
  readonly #tracer: Tracer

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  /** @param route its pattern; null: there is none */
  begin(method: string, route: string | null, headers: object): RequestSpan {
    // Somebody else's instrumentation may have begun one already, and read `traceparent` for it.
    const parent = trace.getActiveSpan() === undefined ? propagation.extract(ROOT_CONTEXT, headers) : context.active()
    const attributes = { 'http.request.method': method, ...(route !== null && { 'http.route': route }) }
    const name = route === null ? method : `${method} ${route}`
    return new RequestSpan(this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent), parent)
  }

  /** A trace of its own: a batch belongs to many. None when none of its requests is recorded. */
  station<T>(station: Station, requests: readonly Accompanied[], work: () => Promise<T>): Promise<T> {
    const links = linksOf(requests)
    if (links.length === 0) return work()
    const attributes = { 'firstcome.station': station, 'firstcome.batch.requests': requests.length }
    const span = this.#tracer.startSpan(`issue ${station}`, { links, attributes, root: true }, ROOT_CONTEXT)
    return context.with(trace.setSpan(ROOT_CONTEXT, span), async () => {
      try {
        return await work()
      } catch (error) {
        // Without its message: a driver's may quote what was being written.
        span.setAttribute('error.type', error instanceof Error ? error.name : typeof error)
        span.setStatus({ code: SpanStatusCode.ERROR })
        throw error
      } finally {
        span.end()
      }
    })
  }
}

export class RequestSpan {
  readonly #span: Span
  readonly #parent: Context

  constructor(span: Span, parent: Context) {
    this.#span = span
    this.#parent = parent
  }

  get spanContext() {
    return this.#span.spanContext()
  }

  /** What is begun in `work` belongs to this span. */
  around(work: () => void): void {
    context.with(trace.setSpan(this.#parent, this.#span), work)
  }

  end({ status, code, campaignId }: EndedRequest): void {
    this.#span.setAttribute('http.response.status_code', status)
    if (code !== null) this.#span.setAttribute('firstcome.code', code)
    if (campaignId !== null) this.#span.setAttribute('firstcome.campaign_id', campaignId)
    if (status >= 500) {
      this.#span.setAttribute('error.type', code ?? String(status))
      this.#span.setStatus({ code: SpanStatusCode.ERROR })
    }
    this.#span.end()
  }
}

function linksOf(requests: readonly Accompanied[]): Link[] {
  const links: Link[] = []
  for (const { companion } of requests) {
    const spanContext = companion instanceof CallCompanion ? companion.spanContext : null
    if (spanContext === null || (spanContext.traceFlags & TraceFlags.SAMPLED) === 0) continue
    links.push({ context: spanContext })
    if (links.length === LINKS_MAX) break
  }
  return links
}
