// The user that deploy/redis/users.acl makes, for tests.

import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'

export function readUsers(): string {
  return readFileSync(new URL('../../deploy/redis/users.acl', import.meta.url), 'utf8')
}

export interface RedisUser {
  /** The file with a password of the test's in its place. */
  readonly acl: string
  /** Of `ACL SETUSER`: for a server that runs already. */
  readonly rules: readonly string[]
  /** The same server, as this user. */
  at(url: string): string
}

export function redisUser(): RedisUser {
  const password = randomBytes(12).toString('hex')
  const hash = createHash('sha256').update(password).digest('hex')
  const acl = readUsers().replace(/<SHA-256 of [^>]*>/, hash)
  const [, rules = ''] = /^user (firstcome .*)$/m.exec(acl) ?? []
  return {
    acl,
    rules: rules.split(' '),
    at: (url) => url.replaceAll('redis://', `redis://firstcome:${password}@`),
  }
}
