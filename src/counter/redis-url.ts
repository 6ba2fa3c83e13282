// redis://user:password@host:6379/0, or rediss://…?tls-ca=/etc/ca.pem for TLS; several with commas between: nodes of a
// cluster. Only these parameters. No message shows the URL: it holds a password.

import { readFileSync } from 'node:fs'

export interface RedisTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface RedisAddress {
  readonly host: string
  readonly port: number
  /** null: none. What is not named is as the system has it. */
  readonly tls: RedisTls | null
  readonly username?: string
  readonly password?: string
  readonly database?: number
}

const TLS_PARAMETERS = { 'tls-ca': 'ca', 'tls-cert': 'cert', 'tls-key': 'key' } as const

/** @throws TypeError; the message holds neither address nor password. */
export function parseRedisUrls(urls: string): [RedisAddress, ...RedisAddress[]] {
  const [first, ...others] = urls.split(',').map(parseUrl)
  if (first === undefined) throw badUrl()
  if (others.some(({ tls }) => (tls === null) !== (first.tls === null)))
    throw new TypeError('redis: or rediss:, not both')
  if (others.length > 0 && [first, ...others].some(({ database }) => database !== undefined)) {
    throw new TypeError('a Redis cluster has no databases: no path in its URLs')
  }
  return [first, ...others]
}

function parseUrl(text: string): RedisAddress {
  // Not the error itself: it holds the URL, and the URL a password.
  const url = URL.parse(text.trim())
  if (url === null) throw badUrl()
  const { protocol, hostname, port, username, password, pathname, searchParams } = url
  const database = pathname.slice(1)
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '' || !/^\d{0,5}$/.test(database))
    throw badUrl()
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 6379 : Number(port),
    tls: tlsOf(searchParams, protocol === 'rediss:'),
    ...(username === '' ? {} : { username: decoded(username) }),
    ...(password === '' ? {} : { password: decoded(password) }),
    ...(Number(database) === 0 ? {} : { database: Number(database) }),
  }
}

function tlsOf(parameters: URLSearchParams, isTls: boolean): RedisTls | null {
  const files: { -readonly [name in keyof RedisTls]: string } = {}
  for (const [name, file] of parameters) {
    if (!(name in TLS_PARAMETERS)) {
      const known = Object.keys(TLS_PARAMETERS).join(', ')
      throw new TypeError(
        `the Redis URL has an unknown parameter${/^[a-zA-Z-]{1,32}$/.test(name) ? ` ${name}` : ''}: known are ${known}`,
      )
    }
    if (!isTls) throw new TypeError(`${name} is for TLS: the Redis URL must begin with rediss://`)
    files[TLS_PARAMETERS[name as keyof typeof TLS_PARAMETERS]] = readPem(name, file)
  }
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw new TypeError('tls-cert and tls-key of the Redis URL go together')
  }
  return isTls ? files : null
}

function readPem(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new TypeError(`${name} of the Redis URL: cannot read ${file}`)
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw badUrl()
  }
}

function badUrl(): TypeError {
  return new TypeError(
    'a Redis URL is redis://[user:password@]host[:port][/database], or rediss://; several: a cluster',
  )
}
