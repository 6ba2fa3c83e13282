// Traces with a real SDK in this process, which keeps what it gets; and that without one nothing is made.

import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  ParentBasedSampler,
  SimpleSpanProcessor,
  AlwaysOnSampler,
} from '@opentelemetry/sdk-trace-node'
import { afterEach, expect, test } from 'vitest'
import { openTraces } from '../../src/telemetry/traces.ts'
import { NEW_CAMPAIGN } from '../http/new-campaign.ts'
import { openServer } from '../http/open-server.ts'

// The files of a worker share the process: an SDK that stayed would trace all others.
afterEach(() => {
  trace.disable()
  context.disable()
  propagation.disable()
})

function loadSdk() {
  const sampler = new ParentBasedSampler({ root: new AlwaysOnSampler() })
  const exporter = new InMemorySpanExporter()
  new NodeTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()
  return exporter
}

async function openCampaign() {
  const server = await openServer()
  const payload = { ...NEW_CAMPAIGN, id: 'spring', total_coupons: 100 }
  await server.app.inject({ method: 'POST', url: '/v1/campaigns', payload })
  return server
}

const issue = (
  { app }: Awaited<ReturnType<typeof openServer>>,
  recipient: string,
  headers: Record<string, string> = {},
) => app.inject({ method: 'POST', url: '/v1/campaigns/spring/coupons', payload: { recipient }, headers })

test('a request is a span of its caller’s trace, and each station of its batch one that is linked to it', async () => {
  const exporter = loadSdk()
  const server = await openCampaign()
  exporter.reset()
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const { body } = await issue(server, 'somebody', {
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    'idempotency-key': 'a-secret-key',
  })
  const spans = exporter.getFinishedSpans()
  const [request, ...others] = spans.filter(({ kind }) => kind === SpanKind.SERVER)
  expect(others).toEqual([])
  expect(request?.name).toBe('POST /v1/campaigns/:id/coupons')
  expect(request?.spanContext().traceId).toBe(traceId)
  expect(request?.parentSpanContext?.spanId).toBe('b7ad6b7169203331')
  expect(request?.attributes).toEqual({
    'http.request.method': 'POST',
    'http.route': '/v1/campaigns/:id/coupons',
    'http.response.status_code': 201,
    'firstcome.code': 'issued',
    'firstcome.campaign_id': 'spring',
  })
  const stations = spans.filter(({ kind }) => kind === SpanKind.INTERNAL)
  expect(stations.map(({ name }) => name)).toEqual(['issue look_up', 'issue ledger_way'])
  for (const { links, attributes, parentSpanContext } of stations) {
    expect(links.map(({ context: { spanId } }) => spanId)).toEqual([request?.spanContext().spanId])
    expect(attributes['firstcome.batch.requests']).toBe(1)
    expect(parentSpanContext).toBeUndefined()
  }
  const { coupon_code: code } = JSON.parse(body) as { coupon_code: string }
  const told = JSON.stringify(spans.map(({ name, attributes, events }) => ({ name, attributes, events })))
  for (const secret of ['somebody', 'a-secret-key', code]) expect(told).not.toContain(secret)
})

test('a batch has one span a station, linked to a bounded number of its requests', async () => {
  const exporter = loadSdk()
  const server = await openCampaign()
  exporter.reset()
  await Promise.all(Array.from({ length: 80 }, (_, index) => issue(server, `r-${index}`)))
  const spans = exporter.getFinishedSpans()
  expect(spans.filter(({ kind }) => kind === SpanKind.SERVER)).toHaveLength(80)
  const batch = spans.find(({ attributes }) => Number(attributes['firstcome.batch.requests']) > 64)
  expect(batch?.links).toHaveLength(64)
})

test('a fault is an error, a refusal is none', async () => {
  const exporter = loadSdk()
  const server = await openServer({ faults: { campaigns: () => Promise.reject(new Error('secret words')) } })
  await server.app.inject('/v1/campaigns/spring')
  await server.app.inject('/nowhere')
  await server.app.inject('/v1/campaigns/no%20id/coupons/SECRETCODE')
  const [fault, unrouted, wrong] = exporter.getFinishedSpans()
  expect(fault?.status).toEqual({ code: SpanStatusCode.ERROR })
  expect(fault?.attributes).toMatchObject({ 'error.type': 'internal', 'http.response.status_code': 500 })
  expect(JSON.stringify([fault?.attributes, fault?.events])).not.toContain('secret words')
  expect([unrouted?.name, unrouted?.status.code]).toEqual(['GET', SpanStatusCode.UNSET])
  expect(wrong?.attributes).toEqual({
    'http.request.method': 'GET',
    'http.route': '/v1/campaigns/:id/coupons/:code',
    'http.response.status_code': 404,
    'firstcome.code': 'campaign_not_found',
  })
})

test('what is not sampled costs no span of a station', async () => {
  const exporter = loadSdk()
  const server = await openCampaign()
  exporter.reset()
  // Its caller decided so, though whatever begins here would be.
  await issue(server, 'r', { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' })
  expect(exporter.getFinishedSpans()).toEqual([])
})

test('without an SDK nothing is made', async () => {
  expect(openTraces('0.0.0')).toBeNull()
  const server = await openServer()
  const seen: unknown[] = []
  const asked = await openServer({
    issuer: {
      issue: async ({ companion }) => {
        seen.push(companion)
        return { code: 'sold_out' }
      },
      isIdle: true,
    },
  })
  await issue(asked, 'r', { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' })
  expect(seen).toEqual([null])
  await server.close()
})
