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
    if (!isUtf8(body)) return done(notJson('must be UTF-8'))
    void parseJson(request, body.toString(), (error, value) => {
      if (error) done(notJson('must be JSON, without the keys __proto__ and constructor.prototype'))
      else done(null, value)
    })
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    if (body.length === 0) done(null, undefined)
    else done(new Fault('unsupported_media_type', 'the body is not JSON'))
  })
}

function notJson(detail: string): InvalidRequest {
  return new InvalidRequest([{ in: 'body', pointer: '', detail }])
}
