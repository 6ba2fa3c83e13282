// Requests that no route takes: is it the path that is unknown, or only the method?

import type { FastifyInstance } from 'fastify'
import type { Problems } from './problems.ts'

/** Before the body is looked at: a wrong path is told before a wrong body. To be called before the first route is added. */
export function answerUnrouted(app: FastifyInstance, problems: Problems): void {
  const methodsOf = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsOf.get(url) ?? new Set()
    for (const one of [method].flat()) methods.add(one)
    methodsOf.set(url, methods)
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    const allowed = [...methodsOf].find(([url]) => matches(url, request.url))?.[1]
    if (allowed === undefined) problems.send(reply, 'not_found')
    else problems.send(reply.header('allow', [...allowed].join(', ')), 'method_not_allowed')
  })
}

function matches(pattern: string, url: string): boolean {
  // A proxy may send the whole address.
  const given = url
    .replace(/^https?:\/\/[^/?]*/i, '')
    .replace(/\?.*/s, '')
    .split('/')
  const wanted = pattern.split('/')
  return given.length === wanted.length && wanted.every((part, i) => part.startsWith(':') || part === given[i])
}
