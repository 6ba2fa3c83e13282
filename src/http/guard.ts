// The guard in front of each operation, before a body is read: who calls, may they, and is it too often?

import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { may, type Caller, type Scope } from '../access/caller.ts'
import type { KeyRing, Unidentified } from '../access/key-ring.ts'
import { strangerSign } from '../access/open-door.ts'
import type { Kind, Rates } from '../access/rates.ts'
import { Fault } from '../answers.ts'
import type { Operation } from './operations.ts'
import type { Problems } from './problems.ts'

type Keys = Pick<KeyRing, 'isOpen' | 'identify'>
type Done = (error?: Error) => void

const CHALLENGE = 'Bearer realm="firstcome"'

export class Guard {
  readonly #keys: Keys
  readonly #rates: Rates
  readonly #problems: Problems

  constructor(keys: Keys, rates: Rates, problems: Problems) {
    this.#keys = keys
    this.#rates = rates
    this.#problems = problems
  }

  /** Empty: anybody may. */
  of({ scope, limitedAs = 'reads' }: Operation): onRequestHookHandler[] {
    if (scope === null) return []
    return [(request, reply, done) => this.#stop(request, reply, scope, limitedAs, done)]
  }

  #stop(request: FastifyRequest, reply: FastifyReply, scope: Scope, kind: Kind, done: Done): void {
    const { headers } = request.raw
    const sign = this.#keys.isOpen ? strangerSign(headers) : null
    if (sign !== null) return this.#refuse(request, reply, { detail: sign })
    const pass = (found: Caller | Unidentified) => {
      if ('detail' in found) return this.#refuse(request, reply, found)
      request.caller = found
      if (!may(found, scope)) return void this.#problems.send(reply, 'forbidden', { scope })
      const over = this.#rates.client(kind, found.client)
      done(over === null ? undefined : rateLimited(over))
    }
    const found = this.#keys.identify(headers.authorization)
    // As a rule at once: only a key that is not known yet is waited for.
    if (found instanceof Promise) found.then(pass).catch(done)
    else pass(found)
  }

  #refuse({ raw: { headers } }: FastifyRequest, reply: FastifyReply, { detail }: Unidentified): void {
    const challenge = headers.authorization === undefined ? CHALLENGE : `${CHALLENGE}, error="invalid_token"`
    this.#problems.send(reply.header('www-authenticate', challenge), 'unauthenticated', { detail })
  }
}

/** @param detail which limit */
export function rateLimited(detail: string): Fault {
  return new Fault('rate_limited', 'over a limit of calls', { detail })
}
