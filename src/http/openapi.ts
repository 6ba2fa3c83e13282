// The OpenAPI 3.1 document, made of the operations, the schemas that validate and the tables of answers. Every answer is
// a named example.

import type { TSchema } from 'typebox'
import { KEY_FORM } from '../access/keys.ts'
import { FAULTS } from '../answers.ts'
import { IF_MATCH } from './etags.ts'
import { OPERATIONS, problemsOf, SCHEMAS, type Operation, type Reply, type SchemaName } from './operations.ts'
import { PROBLEM_TYPE, PROBLEMS, type ProblemCode } from './problems.ts'
import { sampleProblem } from './samples.ts'
import { CAMPAIGN_ID } from './request-schemas.ts'

const ABOUT = `Hands out coupons to a crowd that comes in the same second: first come, first served, exactly as many as there are.

**Problems.** Every answer that is not what was asked for is \`application/problem+json\` with a stable \`code\`; its \`type\` leads to a page about it. On any path there may also be \`not_found\` (404), \`method_not_allowed\` (405, see \`Allow\`), \`request_timeout\` (408) and \`headers_too_large\` (431).

**Keys.** Send \`Authorization: Bearer\` and an API key. What a key allows is its scopes: \`issue\`; \`read\`; \`codes\`, which is \`read\` with codes in full; \`admin\`, which is everything. While a server has no keys it takes calls without one, from its own machine only.

**Asking again.** \`request_timeout\`, \`busy\`, \`rate_limited\`, \`overloaded\` and \`unavailable\` say in \`retry_after_ms\` when. A call with an \`Idempotency-Key\` or a \`recipient\` can always be repeated.

**Languages.** \`title\` is Korean when \`Accept-Language\` prefers it, else English; everything else is the same.

**Times** go out in UTC with milliseconds. They come in as RFC 3339 with an offset.`

const TAGS = {
  campaigns: 'What is given out, how many, and when.',
  coupons: 'Issuing them and finding them again.',
  changes: 'Who decided what.',
  service: 'The server about itself.',
}

export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of Object.values<Operation>(OPERATIONS)) {
    paths[operation.path] = { ...paths[operation.path], [operation.method.toLowerCase()]: describe(operation) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Firstcome',
      version,
      summary: 'First-come-first-served coupons',
      description: ABOUT,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server' }],
    security: [],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: SCHEMAS, parameters: PARAMETERS, headers: HEADERS, securitySchemes: SECURITY_SCHEMES },
  }
}

const PARAMETERS = {
  id: {
    name: 'id',
    in: 'path',
    required: true,
    description: 'The campaign.',
    schema: { type: 'string', pattern: CAMPAIGN_ID.source },
    example: 'spring-2027',
  },
  code: {
    name: 'code',
    in: 'path',
    required: true,
    description: 'The coupon’s code, or the problem’s.',
    schema: { type: 'string' },
  },
  idempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      '1–255 visible ASCII characters, in double quotes or bare, new for every coupon that is wanted. Good while the campaign exists.',
    schema: { type: 'string', pattern: String.raw`^(?:[!#-~][!-~]{0,254}|"(?:[!#-\[\]-~]|\\["\\]){1,255}")$` },
    example: '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
  },
  ifMatch: {
    name: 'If-Match',
    in: 'header',
    description:
      'The `ETag` of the campaign as you saw it: if it was changed since, nothing is done. `*`: whatever it is.',
    schema: { type: 'string', pattern: IF_MATCH.source },
    example: '"1.mhvbb7z5"',
  },
}

const SECURITY_SCHEMES = {
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    description: `An API key, ${KEY_FORM}, as \`firstcome key create\` prints it once.`,
  },
}

const HEADERS = {
  Challenge: { description: 'What would be taken: a bearer key.', schema: { type: 'string' } },
  ContentLanguage: {
    description: 'Of `title`: what `Accept-Language` prefers.',
    schema: { type: 'string', enum: ['en', 'ko'] },
  },
  ETag: { description: 'Of the campaign as it is now.', schema: { type: 'string' } },
  RequestId: {
    description: 'Names this call in the log: your own `X-Request-Id` if it is harmless, else one of ours.',
    schema: { type: 'string' },
  },
  RetryAfter: { description: 'Seconds: `retry_after_ms`, rounded up.', schema: { type: 'integer', minimum: 1 } },
}

function describe(operation: Operation): object {
  const { operationId, tag, scope, summary, description, body, path, query, takesIdempotencyKey, takesIfMatch } =
    operation
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ $ref: `#/components/parameters/${name}` })),
    ...(takesIdempotencyKey === true ? [{ $ref: '#/components/parameters/idempotencyKey' }] : []),
    ...(takesIfMatch === true ? [{ $ref: '#/components/parameters/ifMatch' }] : []),
    ...Object.entries((query?.properties ?? {}) as Record<string, TSchema & { description?: string }>).map(
      ([name, schema]) => ({
        name,
        in: 'query',
        description: schema.description,
        schema,
      }),
    ),
  ]
  return {
    operationId,
    tags: [tag],
    summary,
    description: scope === null ? description : `${description}\n\nScope: \`${scope}\`.`,
    security: scope === null ? [] : [{ apiKey: [scope] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: !body.isOptional, content: { 'application/json': media(body.schema, body.samples) } },
    }),
    responses: { ...goodResponses(operation), ...problemResponses(operation) },
  }
}

/** In every reply. */
const requestId = { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } }

function goodResponses({ replies }: Operation): Record<string, object> {
  const responseOf = ({ description, schema, samples = {}, stream, headers, isPageToo }: Reply) => ({
    description,
    headers: { ...headers, ...requestId },
    ...((schema !== undefined || stream !== undefined) && {
      content: {
        ...(schema !== undefined && { 'application/json': media(schema, samples) }),
        ...(isPageToo === true && { 'text/html': { schema: { type: 'string' } } }),
        ...(stream !== undefined && { [stream.contentType]: { schema: { type: 'string' }, example: stream.sample } }),
      },
    }),
  })
  return Object.fromEntries(Object.entries(replies).map(([status, reply]) => [status, responseOf(reply)]))
}

/** Problems with one HTTP status are one response with an example for each. */
function problemResponses(operation: Operation): Record<string, object> {
  const { wrong = [] } = operation
  const byStatus = Map.groupBy(problemsOf(operation), (code) => PROBLEMS[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].meaning}`).join('\n\n'),
        headers: {
          ...requestId,
          'Content-Language': { $ref: '#/components/headers/ContentLanguage' },
          ...(codes.some(isRetryable) && { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }),
          ...(codes.includes('unauthenticated') && { 'WWW-Authenticate': { $ref: '#/components/headers/Challenge' } }),
          ...(codes.includes('campaign_changed') && { ETag: { $ref: '#/components/headers/ETag' } }),
        },
        content: {
          [PROBLEM_TYPE]: media('Problem', Object.fromEntries(codes.map((code) => [code, sampleProblem(code, wrong)]))),
        },
      },
    ]),
  )
}

function isRetryable(code: ProblemCode): boolean {
  return code in FAULTS && FAULTS[code as keyof typeof FAULTS].retryable
}

function media(schema: SchemaName, samples: Readonly<Record<string, object>>): object {
  const examples = Object.fromEntries(Object.entries(samples).map(([name, value]) => [name, { value }]))
  return { schema: { $ref: `#/components/schemas/${schema}` }, ...(Object.keys(examples).length > 0 && { examples }) }
}
