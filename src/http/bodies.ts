// From bytes to a value: UTF-8, JSON, nothing that would poison an object.

import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { Fault } from '../answers.ts'
import { InvalidRequest } from './invalid-request.ts'

/** A body of no bytes is no body, whatever its type: `curl -d ''` calls it a form. */
export function parseBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined)
    // Read as UTF-8 all the same, two different recipients could become one.
    if (!isUtf8(body)) return done(wrongBody('must be UTF-8'))
    const text = body.toString()
    void parseJson(request, text, (error, value) => {
      if (!error) done(null, value)
      else if (isJson(text)) done(wrongBody('must not hold the keys __proto__ or constructor.prototype'))
      else done(wrongBody('must be JSON (control characters in its strings are written as \\n or \\u0000)'))
    })
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    if (body.length === 0) done(null, undefined)
    else done(new Fault('unsupported_media_type', 'the body is not JSON'))
  })
}

/** Asked only of what was refused. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function wrongBody(detail: string): InvalidRequest {
  return new InvalidRequest([{ in: 'body', pointer: '', detail }])
}
