// The OpenAPI document as a contract: requests are made of it, such that fit and such that are wrong in one place, and
// every reply is held against it (documented.ts). On failure fast-check prints the seed and the smallest request it found.

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callerOf, DOCUMENT, misfits, type Call, type Parameter, type Reply, type Schema } from './documented.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer, openServerUntilClosed, type OpenServer } from './open-server.ts'
import { breaking, broken, defined, fitting, pointerOf, resolved, type Breakage } from './schema-arbitraries.ts'

const SEED = 20_270_302

interface Request {
  readonly path: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly header: Readonly<Record<string, unknown>>
  /** undefined: none. */
  readonly body: unknown
}

const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, described]) => {
    const parameters = (described.parameters ?? []).map((one) =>
      resolved<Parameter & { $ref?: string }>(one as Parameter),
    )
    const media = described.requestBody?.content['application/json']
    return {
      operationId: described.operationId,
      method: method.toUpperCase(),
      path,
      of: (place: Parameter['in']) => parameters.filter((one) => one.in === place),
      body: media?.schema,
      samples: Object.values(media?.examples ?? {}).map(({ value }) => value),
      isBodyRequired: described.requestBody?.required ?? false,
    }
  }),
)
type Operation = (typeof OPERATIONS)[number]

/** What one field demands of another is said in words only, and refused at one of these places, in these words. */
const RELATIONS: Readonly<Record<string, RegExp>> = {
  '/end_time': /later than start_time/,
  '/start_time': /later than start_time/,
  '/total_coupons': /too many for the codes/,
  '/code_format/length': /must be at (least \d+ for \d+ coupons|most \d+: with its prefix)/,
}

const IDS = ['open', 'sold-out', 'paused', 'trial']
let server: OpenServer
let call: Call
/** What a caller has from earlier replies. */
const seen = { codes: [] as string[], etags: [] as string[], campaignCursor: '', couponCursor: '', changeCursor: '' }

beforeAll(async () => {
  server = await openServerUntilClosed()
  call = callerOf(server.app)
  await setUp()
})

afterAll(() => server.close())

/** The campaigns that requests are about, as far as they are not there any more. */
async function setUp(): Promise<void> {
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'open', metadata: { a: [1, '가'] } })
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'sold-out', total_coupons: 2 })
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'paused', paused: true, recipient_required: true })
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'trial', test: true, code_format: { alphabet: 'hangul' } })
  for (const id of IDS) {
    for (const recipient of ['r1', 'r2']) {
      const { json } = await call('POST', `/v1/campaigns/${id}/coupons`, { recipient })
      if (typeof json['coupon_code'] === 'string') seen.codes.push(json['coupon_code'])
    }
    seen.etags.push(String((await call('GET', `/v1/campaigns/${id}`)).headers['etag']))
  }
  seen.campaignCursor = String((await call('GET', '/v1/campaigns?limit=1')).json['next_cursor'])
  seen.changeCursor = String((await call('GET', '/v1/changes?limit=1')).json['next_cursor'])
  seen.couponCursor = String((await call('GET', '/v1/campaigns/open/coupons?limit=1')).json['next_cursor'])
}

/** Values that no schema can make, because they come out of earlier replies. */
function known({ operationId }: Operation, name: string): fc.Arbitrary<unknown> | null {
  const one = (values: () => readonly string[]) => fc.nat().map((n) => values()[n % values().length] ?? '')
  switch (name) {
    case 'id':
      return fc.constantFrom(...IDS)
    case 'code':
      return operationId === 'problem' ? fc.constantFrom('sold_out', 'busy') : one(() => seen.codes)
    case 'cursor':
      return one(() => [cursorOf(operationId)])
    case 'If-Match':
      return one(() => seen.etags)
    default:
      return null
  }
}

function cursorOf(operationId: string): string {
  if (operationId === 'listChanges') return seen.changeCursor
  return operationId === 'listCampaigns' ? seen.campaignCursor : seen.couponCursor
}

/** In a path any text leads somewhere, if only to a 404; but not dots, which clients resolve. */
const segment = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 70 }).filter((text) => !/^\.\.?$/.test(text))

function valueOf(operation: Operation, { name, in: place, schema }: Parameter): fc.Arbitrary<unknown> {
  const given = known(operation, name)
  if (place === 'path') return fc.oneof(given ?? segment, segment)
  // A cursor of one's own making is none.
  return given === null ? fitting(schema) : name === 'cursor' ? given : fc.oneof(given, fitting(schema))
}

function parametersOf(operation: Operation, place: Parameter['in']): fc.Arbitrary<Record<string, unknown>> {
  const values = operation.of(place).map((one) => [one.name, valueOf(operation, one)] as const)
  return fc.record(Object.fromEntries(values), {
    requiredKeys: place === 'path' ? values.map(([name]) => name) : [],
    noNullPrototype: true,
  })
}

function fittingRequest(operation: Operation): fc.Arbitrary<Request> {
  const body = operation.body === undefined ? fc.constant(undefined) : fitting(operation.body)
  return fc.record({
    path: parametersOf(operation, 'path') as fc.Arbitrary<Record<string, string>>,
    // A cursor goes with the order that it came with, and with no recipient.
    query: parametersOf(operation, 'query').map(({ order, recipient, ...query }) => ({
      ...query,
      ...('cursor' in query ? {} : defined({ order, recipient })),
    })),
    header: parametersOf(operation, 'header'),
    body: operation.isBodyRequired || operation.body === undefined ? body : fc.option(body, { nil: undefined }),
  })
}

function send(call: Call, operation: Operation, request: Request): Promise<Reply> {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(request.path[name] ?? ''))
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(request.query)) {
    for (const one of [value].flat()) query.append(name, String(one))
  }
  const url = query.size === 0 ? path : `${path}?${query.toString()}`
  const headers = Object.fromEntries(Object.entries(request.header).map(([name, value]) => [name, String(value)]))
  return call(operation.method, url, request.body, { headers })
}

/** Whatever is asked: an answer of the document (documented.ts), and no fault of ours. */
function expectNoFault({ status, text }: Reply): void {
  expect(status, text).toBeLessThan(500)
}

const errorsOf = ({ json }: Reply) => (json['errors'] ?? []) as { in: string; pointer: string; detail: string }[]

/** Both tables, whole. */
async function tables() {
  const { ledger } = server
  const all = { limit: 10_000, after: null, test: 'all', status: null, text: null } as const
  const { campaigns } = await ledger.listCampaigns(all)
  const coupons = campaigns.map(({ id }) => ledger.listCoupons(id, { limit: 10_000, afterSlot: null, order: 'asc' }))
  return { campaigns, coupons: await Promise.all(coupons) }
}

describe('a request that is wrong in one place is refused with that place, and nothing is written:', () => {
  const wrongBody = (schema: Schema): fc.Arbitrary<Breakage> => fc.oneof(breaking(schema), breaking(schema))

  const wrongQuery = (operation: Operation): fc.Arbitrary<Breakage> => {
    const unknown = fc
      .string({ minLength: 1, maxLength: 12 })
      .filter((name) => !operation.of('query').some((one) => one.name === name))
    return fc.oneof(
      unknown.map((name) => ({ path: [name], value: 1 })),
      ...operation.of('query').map(({ name, schema }) => {
        // All that a query has is text, so that a type is wrong only if the text is; and what is said twice is a list.
        const texts =
          name === 'cursor'
            ? fc.constantFrom('', 'abc', 'czphc2M6MQ==')
            : breaking(schema).map(({ value }) => String(value))
        const wrong = texts.filter((text) => text.isWellFormed() && !isGoodText(schema, text))
        return fc.oneof(wrong, fc.constant(['1', '1'])).map((value) => ({ path: [name], value }))
      }),
    )
  }

  const wrongHeader = (operation: Operation): fc.Arbitrary<Breakage>[] =>
    operation.of('header').map(({ name, schema: { pattern = '' } }) =>
      fc
        .oneof(fc.constantFrom('', '"', 'a"b"', '"a', 'é', 'a b', 'k'.repeat(600)), fc.string({ maxLength: 9 }))
        .filter((value) => value === value.trim() && !new RegExp(pattern).test(value))
        .map((value) => ({ path: [name], value })),
    )

  test.each(OPERATIONS.filter(({ operationId }) => takesAnything(operationId)))('$operationId', async (operation) => {
    const before = await tables()
    const { body } = operation
    const wrongs = fc.oneof(
      ...(body === undefined ? [] : [wrongBody(body).map((wrong) => ({ place: 'body' as const, wrong }))]),
      wrongQuery(operation).map((wrong) => ({ place: 'query' as const, wrong })),
      ...wrongHeader(operation).map((one) => one.map((wrong) => ({ place: 'header' as const, wrong }))),
    )
    const property = fc.asyncProperty(fittingRequest(operation), wrongs, async (request, { place, wrong }) => {
      const reply = await send(call, operation, { ...request, [place]: broken(request[place] ?? {}, wrong) })
      expect([reply.status, reply.json['code']], reply.text).toEqual([400, 'invalid_request'])
      const told = errorsOf(reply).map(({ in: where, pointer }) => [where, pointer])
      expect(told, reply.text).toEqual([[place, pointerOf(wrong.path)]])
    })
    await fc.assert(property, { seed: SEED, numRuns: 120 })
    expect(await tables()).toEqual(before)
  })

  /** The pages that a server has about itself take whatever query comes. */
  function takesAnything(operationId: string): boolean {
    return !['alive', 'ready', 'start', 'problem', 'document', 'metrics'].includes(operationId)
  }

  function isGoodText({ type, minimum = 0, maximum = 0, enum: values }: Schema, text: string): boolean {
    if (values !== undefined) return values.includes(text)
    if (type === 'integer') return /^\d+$/.test(text) && Number(text) >= minimum && Number(text) <= maximum
    return text.trim() !== '' && !/\p{Cc}/u.test(text.trim()) && Array.from(text).length <= 255
  }
})

describe('whatever JSON is sent is either refused or was good:', () => {
  test.each(OPERATIONS.filter(({ body }) => body !== undefined))('$operationId', async (operation) => {
    const media = { schema: operation.body as Schema }
    const names = Object.keys(resolved(media.schema).properties ?? {})
    const json = fc.jsonValue({ maxDepth: 3 })
    const near = fc.record(Object.fromEntries(names.map((name) => [name, json])), { requiredKeys: [] })
    const property = fc.asyncProperty(fittingRequest(operation), fc.oneof(json, near), async (request, body) => {
      const reply = await send(call, operation, { ...request, body: JSON.stringify(body) })
      expectNoFault(reply)
      if (misfits(media, body).length > 0) expect([reply.status, reply.json['code']]).toEqual([400, 'invalid_request'])
    })
    await fc.assert(property, { seed: SEED, numRuns: 60 })
  })
})

describe('a request that fits is answered as documented, and refused only for what fields demand of each other:', () => {
  test.each(OPERATIONS)('$operationId', async (operation) => {
    await setUp()
    const hasChoice =
      operation.body !== undefined || ['path', 'query', 'header'].some((one) => operation.of(one as 'path').length > 0)
    const numRuns = hasChoice ? 100 : 1
    let good = 0
    const property = fc.asyncProperty(fittingRequest(operation), async (request) => {
      const reply = await send(call, operation, request)
      expectNoFault(reply)
      for (const { pointer, detail } of errorsOf(reply))
        expect(detail, reply.text).toMatch(RELATIONS[pointer] ?? / never/)
      if (reply.status !== 400) good++
    })
    await fc.assert(property, { seed: SEED, numRuns })
    expect(good).toBeGreaterThanOrEqual(numRuns / 2)
  })
})

describe('the samples of the document are taken:', () => {
  /** The campaign of the document may not have begun, or be over; its ETag and its coupons are nobody's. */
  const MAY_BE = [
    'campaign_not_started',
    'campaign_ended',
    'recipient_required',
    'campaign_changed',
    'coupon_not_found',
  ]
  const [created] = OPERATIONS.find(({ operationId }) => operationId === 'createCampaign')?.samples ?? []

  test.each(OPERATIONS)('$operationId', async (operation) => {
    const { app } = await openServer()
    await callerOf(app)('POST', '/v1/campaigns', created)
    const sampleOf = (place: Parameter['in']) => {
      const values = operation.of(place).map(({ name, example, schema }) => {
        const code = operation.operationId === 'problem' ? 'sold_out' : '7KQ2M9XD4R8TVW3A'
        return [name, example ?? schema.default ?? schema.enum?.[0] ?? (name === 'code' ? code : undefined)] as const
      })
      return Object.fromEntries(values.filter(([, value]) => value !== undefined))
    }
    const path = sampleOf('path') as Record<string, string>
    for (const header of [sampleOf('header'), {}]) {
      for (const body of operation.samples.length === 0 ? [undefined] : operation.samples) {
        const reply = await send(callerOf(app), operation, { path, query: sampleOf('query'), header, body })
        if (reply.status > 299) expect(MAY_BE, reply.text).toContain(reply.json['code'])
      }
    }
  })
})

test.each(Object.keys(DOCUMENT.paths))('%s has no methods but those of the document', async (path) => {
  const methods = Object.keys(DOCUMENT.paths[path] ?? {}).map((method) => method.toUpperCase())
  const isStream = /\.(csv|ndjson)$|^\/metrics$/.test(path)
  const allowed = new Set([...methods, ...(methods.includes('GET') && !isStream ? ['HEAD'] : [])])
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'].filter(
    (one) => !allowed.has(one),
  )) {
    const { statusCode, headers } = await server.app.inject({ method: method as 'GET', url: path.replace(/[{}]/g, '') })
    expect(statusCode, method).toBe(405)
    expect(new Set(String(headers['allow']).split(', '))).toEqual(allowed)
  }
})

test('after all that, the server works', async () => {
  await setUp()
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'after' })
  expect((await call('POST', '/v1/campaigns/after/coupons', { recipient: 'r' })).status).toBe(201)
  expect((await call('GET', '/v1/campaigns/after')).json).toMatchObject({ issued_count: 1 })
  expect(server.logged).toEqual([])
})
