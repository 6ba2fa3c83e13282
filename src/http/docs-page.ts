// /docs: the API's reference, drawn in the browser from /openapi.json. Everything it needs comes from this server.

import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'

const PREFIX = '/docs'

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
    const { default: reference } = await import('@scalar/fastify-api-reference')
    await docs.register(reference, {
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
  })
}
