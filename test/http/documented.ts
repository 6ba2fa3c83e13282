// Calls the service and holds every reply against the OpenAPI document: nothing may be answered that is not in there.

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { expect } from 'vitest'
import { FAULTS, type Language } from '../../src/answers.ts'
import { openApiDocument } from '../../src/http/openapi.ts'
import { PROBLEMS, type ProblemCode } from '../../src/http/problems.ts'
import { noteSecrets } from '../secrets/notes.ts'

/** What may be answered on any path: said once in the document, not with each operation. */
const ANYWHERE = ['not_found', 'method_not_allowed', 'request_timeout', 'headers_too_large', 'invalid_request']
const PROBLEM = 'application/problem+json'
const UTC_MS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

export interface Media {
  readonly schema: Schema
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
  readonly example?: unknown
}
interface Response {
  readonly headers?: Readonly<Record<string, object>>
  /** None: the reply has no body. */
  readonly content?: Readonly<Record<string, Media>>
}
export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly schema: Schema
  readonly example?: unknown
}
export interface Described {
  readonly operationId: string
  /** Empty: none is needed. */
  readonly security: readonly { readonly apiKey: readonly string[] }[]
  readonly parameters?: readonly (Parameter | Reference)[]
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<Record<string, Response>>
}
export interface Reference {
  readonly $ref: string
}
/** What of JSON Schema the document uses. */
export interface Schema {
  readonly $ref?: string
  readonly type?: 'string' | 'integer' | 'boolean' | 'object' | 'array' | 'null'
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly examples?: readonly unknown[]
  readonly default?: unknown
}
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly parameters: Readonly<Record<string, Parameter>>
  }
}

/** As callers get it: through JSON, so that nothing of TypeBox is left in it. */
export const DOCUMENT = JSON.parse(JSON.stringify(openApiDocument('0.0.0'))) as Document

const HEADERS = new Set(
  Object.values(DOCUMENT.paths)
    .flatMap((operations) => Object.values(operations))
    .flatMap(({ responses }) => Object.values(responses))
    .flatMap(({ headers = {} }) => Object.keys(headers).map((name) => name.toLowerCase())),
)

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
    const json = expectDocumented(method, url, reply)
    const { recipient } = (body ?? {}) as { recipient?: unknown }
    noteSecrets(recipient, options.headers?.['idempotency-key'], json['coupon_code'])
    return { ...reply, json }
  }
}

/** @returns the body; of what is not JSON an empty object */
export function expectDocumented(method: string, url: string, reply: Omit<Reply, 'json'>): Reply['json'] {
  const operation = operationAt(method, url)
  const type = ((reply.headers['content-type'] as string | undefined) ?? '').split(';')[0] as string
  if (type === PROBLEM) return expectProblem(operation, reply)

  const response = operation?.responses[reply.status]
  expect(
    response,
    `${operation?.operationId ?? `${method} ${url}`} may answer ${reply.status}: ${reply.text}`,
  ).toBeDefined()
  expect(reply.headers['cache-control']).toBe(operation?.operationId === 'document' ? 'no-cache' : 'no-store')
  expectHeaders(Object.keys(response?.headers ?? {}), reply)
  if (response?.content === undefined) {
    expect([type, reply.text]).toEqual(['', ''])
    return {}
  }
  const media = response.content[type]
  expect(media, `${operation?.operationId} may answer with ${type}`).toBeDefined()
  // A page, or a stream in a format of its own.
  if (type !== 'application/json') return {}
  const json = JSON.parse(reply.text) as Reply['json']
  expect(misfits(media as Media, json), reply.text).toEqual([])
  if (operation?.operationId !== 'document') expectTimes(json)
  return json
}

function expectProblem(operation: Described | undefined, reply: Omit<Reply, 'json'>): Reply['json'] {
  const json = JSON.parse(reply.text) as Reply['json']
  expect(misfits({ schema: { $ref: '#/components/schemas/Problem' } }, json), reply.text).toEqual([])
  const code = String(json['code']) as ProblemCode
  const examples = operation?.responses[reply.status]?.content?.[PROBLEM]?.examples ?? {}
  expect([...ANYWHERE, ...Object.keys(examples)], `${operation?.operationId} may answer ${code}`).toContain(code)
  expect(json['status']).toBe(reply.status)
  expect(json['type']).toBe(`/problems/${code}`)
  expect(json['title']).toBe(PROBLEMS[code].title[reply.headers['content-language'] as Language])
  expect(reply.headers['cache-control']).toBe('no-store')
  expect(reply.headers['x-request-id']).toBe(json['request_id'])
  const isRetryable = code in FAULTS && FAULTS[code as keyof typeof FAULTS].retryable
  const retryMs = json['retry_after_ms']
  expect(retryMs !== undefined).toBe(isRetryable)
  if (isRetryable) expect(reply.headers['retry-after']).toBe(String(Math.ceil(Number(retryMs) / 1_000)))
  expectHeaders(
    [
      'X-Request-Id',
      'Content-Language',
      ...(isRetryable ? ['Retry-After'] : []),
      ...(code === 'unauthenticated' ? ['WWW-Authenticate'] : []),
      ...(code === 'campaign_changed' ? ['ETag'] : []),
    ],
    reply,
  )
  expectTimes(json)
  return json
}

/** Those that the document names somewhere: here these, and no others. */
function expectHeaders(names: readonly string[], { headers }: Omit<Reply, 'json'>): void {
  const sent = Object.keys(headers).filter((name) => HEADERS.has(name))
  expect(sent.sort()).toEqual(names.map((name) => name.toLowerCase()).sort())
}

export function operationAt(method: string, url: string): Described | undefined {
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
