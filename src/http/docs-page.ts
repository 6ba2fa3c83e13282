// /docs: the API's reference, drawn in the browser from /openapi.json. Everything it needs comes from this server.

import helmet from '@fastify/helmet'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'

const PREFIX = '/docs'
const PATHS = [PREFIX, `${PREFIX}/`, `${PREFIX}/js/scalar.js`]

/** Scalar writes styles and a script into its page; whatever it might fetch from elsewhere the browser refuses. */
const POLICY = {
  defaultSrc: ["'self'"],
  scriptSrc: ["'self'", "'unsafe-inline'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  fontSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  workerSrc: ["'self'", 'blob:'],
  frameAncestors: ["'none'"],
  // The service speaks plain http behind its proxy: an upgrade would break the page's own files.
  upgradeInsecureRequests: null,
}

export function addDocsPage(app: FastifyInstance): void {
  app.register(async (docs) => {
    await docs.register(helmet, { contentSecurityPolicy: { useDefaults: false, directives: POLICY }, hsts: false })
    // Static, and 5 MB of script: unlike answers it may be kept.
    docs.addHook('onRequest', (_request, reply, done) => {
      reply.header('cache-control', 'public, max-age=3600')
      done()
    })
    // Made when somebody looks: it is a tenth of a second and 25 MB, and of many servers nobody ever asks for it.
    let page: Promise<FastifyInstance> | null = null
    const show = async (request: FastifyRequest, reply: FastifyReply) => {
      const { statusCode, headers, rawPayload } = await (await (page ??= openPage())).inject(request.url)
      for (const name of ['content-type', 'location'] as const) {
        const value = headers[name]
        if (value !== undefined) reply.header(name, value)
      }
      return reply.code(statusCode).send(rawPayload)
    }
    for (const path of PATHS) docs.get(path, show)
  })
}

async function openPage(): Promise<FastifyInstance> {
  const page = Fastify()
  const { default: reference } = await import('@scalar/fastify-api-reference')
  await page.register(reference, {
    routePrefix: PREFIX,
    configuration: {
      url: '/openapi.json',
      pageTitle: 'Firstcome API',
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      showDeveloperTools: 'never',
      // A field for the key, which is kept nowhere.
      authentication: { preferredSecurityScheme: 'apiKey' },
      persistAuth: false,
      agent: { disabled: true },
      mcp: { disabled: true },
    },
  })
  return page
}
