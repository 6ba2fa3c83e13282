// What a server says about itself: is it alive, is it ready, where is what, and what do its problems mean.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { FAULTS, type Language } from '../answers.ts'
import { isClosing, type Health, type Lifecycle } from './health.ts'
import { METRICS_TYPE } from '../telemetry/exposition.ts'
import { languageOf } from './languages.ts'
import { PROBLEMS, type ProblemCode, type Problems } from './problems.ts'

export function startJson(version: string) {
  return {
    name: 'Firstcome',
    version,
    documentation: '/docs/',
    openapi: '/openapi.json',
    campaigns: '/v1/campaigns',
    health: '/livez',
    readiness: '/readyz',
    metrics: '/metrics',
  }
}

export function problemPageJson(code: ProblemCode, language: Language = 'en') {
  const { status, title, meaning } = PROBLEMS[code]
  return {
    code,
    status,
    title: title[language],
    meaning,
    retryable: code in FAULTS && FAULTS[code as keyof typeof FAULTS].retryable,
  }
}

export interface ServiceParts {
  readonly health: Health
  readonly lifecycle: Lifecycle
  readonly version: string
  /** The OpenAPI document. */
  readonly document: object
  readonly telemetry: { text(): Promise<string> }
}

export class ServiceHandlers {
  readonly #parts: ServiceParts
  readonly #problems: Problems
  readonly #documentJson: string

  constructor(parts: ServiceParts, problems: Problems) {
    this.#parts = parts
    this.#problems = problems
    this.#documentJson = JSON.stringify(parts.document)
  }

  start = (request: FastifyRequest, reply: FastifyReply) => {
    const start = startJson(this.#parts.version)
    reply.header('vary', 'accept')
    if (!wantsHtml(request)) return reply.send(start)
    const links = Object.entries(start).filter(([, value]) => value.startsWith('/'))
    return sendPage(reply, 'Firstcome', [
      `<p>First come, first served: coupons, issued exactly. Version ${escape(start.version)}.</p>`,
      `<ul>${links.map(([name, path]) => `<li><a href="${path}">${name}</a>: <code>${path}</code></li>`).join('')}</ul>`,
    ])
  }

  alive = (_request: FastifyRequest, reply: FastifyReply) => reply.send({ status: 'ok' })

  ready = async (_request: FastifyRequest, reply: FastifyReply) => {
    const { health, lifecycle } = this.#parts
    const report = await health.report()
    const status = isClosing(lifecycle) ? 'closing' : health.ready() ? 'ready' : 'starting'
    return reply.code(status === 'ready' ? 200 : 503).send({ status, ...report })
  }

  problem = (request: FastifyRequest, reply: FastifyReply) => {
    const { code } = request.params as { code: string }
    if (!isProblemCode(code)) return this.#problems.send(reply, 'not_found')
    const language = languageOf(request.headers['accept-language'])
    const page = problemPageJson(code, language)
    reply.header('vary', 'accept, accept-language').header('content-language', language)
    if (!wantsHtml(request)) return reply.send(page)
    const words = escape(page.meaning).replace(/`([^`]+)`/g, '<code>$1</code>')
    const retry = page.retryable ? '<p>Ask the same again after the time in <code>Retry-After</code>.</p>' : ''
    return sendPage(
      reply,
      page.title,
      [`<p><code>${code}</code>, HTTP ${page.status}</p><p>${words}</p>${retry}`],
      language,
    )
  }

  document = (_request: FastifyRequest, reply: FastifyReply) =>
    reply
      .header('content-type', 'application/json; charset=utf-8')
      .header('cache-control', 'no-cache')
      .send(this.#documentJson)

  metrics = async (_request: FastifyRequest, reply: FastifyReply) =>
    reply.header('content-type', METRICS_TYPE).send(await this.#parts.telemetry.text())
}

function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code)
}

function wantsHtml(request: FastifyRequest): boolean {
  return request.headers.accept?.includes('text/html') ?? false
}

function sendPage(
  reply: FastifyReply,
  title: string,
  parts: readonly string[],
  language: Language = 'en',
): FastifyReply {
  return reply
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
        `<title>${escape(title)}</title><h1 lang="${language}">${escape(title)}</h1>${parts.join('')}</html>`,
    )
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
