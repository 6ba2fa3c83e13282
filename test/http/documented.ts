// Calls the service and holds every reply against the OpenAPI document: nothing may be answered that is not in there.

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { expect } from 'vitest'
import { FAULTS } from '../../src/answers.ts'
import { openApiDocument } from '../../src/http/openapi.ts'

/** What may be answered on any path: said once in the document, not with each operation. */
const ANYWHERE = ['not_found', 'method_not_allowed', 'headers_too_large', 'invalid_request']
const UTC_MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

interface Media {
  readonly schema: object
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}
interface Response {
  readonly headers?: object
  readonly content: Readonly<Record<string, Media>>
}
interface Described {
  readonly operationId: string
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<Record<string, Response>>
}
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

/** As callers get it: through JSON, so that nothing of TypeBox is left in it. */
export const DOCUMENT = JSON.parse(JSON.stringify(openApiDocument('0.0.0'))) as Document

/** Closed: a member that is not described is not to be sent. */
const ajv = formats.default(new Ajv2020({ strict: false, allErrors: true }))
ajv.addSchema(closed({ ...DOCUMENT, $id: 'openapi' }) as object)
const compiled = new Map<string, ValidateFunction>()

/** What of the value does not fit the media type's schema; empty when it fits. */
export function misfits(media: Media, value: unknown): unknown[] {
  const key = JSON.stringify(media.schema)
  const validate = compiled.get(key) ?? ajv.compile(JSON.parse(key.replaceAll('"#/components', '"openapi#/components')))
  compiled.set(key, validate)
  return validate(value) ? [] : (validate.errors ?? [])
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

export type Call = (method: string, url: string, body?: unknown, options?: InjectOptions) => Promise<Reply>

/** @returns how to call it: a body that is a string or Buffer is sent as it is, anything else as JSON */
export function callerOf(app: FastifyInstance): Call {
  return async (method, url, body, options = {}) => {
    const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
    const response = await app.inject({
      method: method as 'GET',
      url,
      ...options,
      ...(body !== undefined && { payload: isRaw ? body : JSON.stringify(body) }),
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...options.headers },
    })
    const reply = { status: response.statusCode, headers: response.headers, text: response.body }
    return { ...reply, json: expectDocumented(method, url, reply) }
  }
}

/** @returns the body */
export function expectDocumented(method: string, url: string, reply: Omit<Reply, 'json'>): Reply['json'] {
  const type = (reply.headers['content-type'] as string).split(';')[0] as string
  const operation = operationAt(method, url)
  if (type === 'text/html') {
    expect(operation?.responses[reply.status]?.content).toHaveProperty(['text/html'])
    return {}
  }
  const json = JSON.parse(reply.text) as Reply['json']
  if (type === 'application/problem+json') expectProblem(operation, json, reply)
  else {
    expect(operation, `${method} ${url} is described`).toBeDefined()
    const media = operation?.responses[reply.status]?.content[type]
    expect(media, `${operation?.operationId} may answer ${reply.status} ${type}: ${reply.text}`).toBeDefined()
    expect(misfits(media as Media, json), reply.text).toEqual([])
  }
  expect(reply.headers['cache-control']).toBe(operation?.operationId === 'document' ? 'no-cache' : 'no-store')
  if (operation?.operationId !== 'document') expectTimes(json)
  return json
}

function expectProblem(
  operation: Described | undefined,
  json: Record<string, unknown>,
  reply: Omit<Reply, 'json'>,
): void {
  expect(misfits({ schema: { $ref: '#/components/schemas/Problem' } }, json), reply.text).toEqual([])
  const code = String(json['code'])
  const examples = operation?.responses[reply.status]?.content['application/problem+json']?.examples ?? {}
  expect([...ANYWHERE, ...Object.keys(examples)], `${operation?.operationId} may answer ${code}`).toContain(code)
  expect(json['status']).toBe(reply.status)
  expect(json['type']).toBe(`/problems/${code}`)
  const isRetryable = code in FAULTS && FAULTS[code as keyof typeof FAULTS].retryable
  const retryMs = json['retry_after_ms']
  expect(retryMs !== undefined).toBe(isRetryable)
  expect(reply.headers['retry-after']).toBe(isRetryable ? String(Math.ceil(Number(retryMs) / 1_000)) : undefined)
}

function operationAt(method: string, url: string): Described | undefined {
  const parts = (url.split('?')[0] as string).split('/')
  const path = Object.keys(DOCUMENT.paths).find((template) => {
    const wanted = template.split('/')
    return wanted.length === parts.length && wanted.every((part, i) => part === parts[i] || part.startsWith('{'))
  })
  return path === undefined ? undefined : DOCUMENT.paths[path]?.[method.toLowerCase()]
}

function expectTimes(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, child] of Object.entries(value)) {
    if (/_(time|at)$/.test(name) && child !== null) expect(child).toMatch(UTC_MS)
    else if (name !== 'metadata') expectTimes(child)
  }
}

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const copy = Object.fromEntries(Object.entries(value).map(([key, child]) => [key, closed(child)]))
  const isShape = copy['type'] === 'object' && typeof copy['properties'] === 'object'
  return isShape && copy['additionalProperties'] === undefined ? { ...copy, additionalProperties: false } : copy
}
