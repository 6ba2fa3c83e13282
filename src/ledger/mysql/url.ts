// mysql://user:password@host:3306/database?ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/ca.pem, or ?socketPath=/run/mysqld.sock.
// Only these parameters: others of the driver would change how values come back. No message shows the URL: it holds a password.

import { readFileSync } from 'node:fs'
import type { SslOptions } from 'mysql2'

const SSL_FILES = { 'ssl-ca': 'ca', 'ssl-cert': 'cert', 'ssl-key': 'key' } as const
const PARAMETERS = ['socketPath', 'ssl-mode', ...Object.keys(SSL_FILES)]

export interface MysqlAddress {
  readonly host: string
  readonly port: number
  readonly socketPath: string | null
  readonly user: string
  readonly password: string
  /** null only while the database is still to be created. */
  readonly database: string | null
  readonly ssl: SslOptions | null
}

export class BadMysqlUrl extends Error {
  override readonly name = 'BadMysqlUrl'
}

export function parseMysqlUrl(text: string): MysqlAddress & { readonly database: string } {
  const url = URL.parse(text)
  if (url === null)
    throw new BadMysqlUrl('the MySQL URL cannot be read: expected mysql://user:password@host:3306/database')
  if (url.protocol !== 'mysql:' && url.protocol !== 'mariadb:') {
    throw new BadMysqlUrl('the MySQL URL must begin with mysql:// or mariadb://')
  }
  const parameters = new Map<string, string>()
  for (const [name, value] of url.searchParams) {
    if (!PARAMETERS.includes(name)) {
      throw new BadMysqlUrl(
        `the MySQL URL has an unknown parameter${/^[a-zA-Z-]{1,32}$/.test(name) ? ` ${name}` : ''}: known are ${PARAMETERS.join(', ')}`,
      )
    }
    parameters.set(name, value)
  }
  const database = decoded(url.pathname.slice(1), 'database')
  if (!/^[^/\\.\0]{1,64}$/.test(database)) {
    throw new BadMysqlUrl('the MySQL URL must name the database after the host: mysql://host/database')
  }
  const hostname = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  return {
    host: hostname === '' ? 'localhost' : decoded(hostname, 'host'),
    port: url.port === '' ? 3306 : Number(url.port),
    socketPath: parameters.get('socketPath') ?? null,
    user: decoded(url.username, 'user'),
    password: decoded(url.password, 'password'),
    database,
    ssl: sslOptions(parameters),
  }
}

/** `host:port/database`, for people. */
export function shownAddress(address: MysqlAddress): string {
  return `${address.socketPath ?? `${address.host}:${address.port}`}/${address.database ?? ''}`
}

/** The modes of the mysql client; a file alone means that the server is to be checked. */
function sslOptions(parameters: ReadonlyMap<string, string>): SslOptions | null {
  const files: Record<string, string> = {}
  for (const [name, option] of Object.entries(SSL_FILES)) {
    const file = parameters.get(name)
    if (file !== undefined) files[option] = readPem(name, file)
  }
  if ('cert' in files !== 'key' in files) throw new BadMysqlUrl('ssl-cert and ssl-key of the MySQL URL go together')
  const isNamed = Object.keys(files).length > 0
  switch (parameters.get('ssl-mode')?.toUpperCase() ?? (isNamed ? 'VERIFY_IDENTITY' : 'DISABLED')) {
    case 'DISABLED':
      return null
    case 'REQUIRED':
      return { ...files, rejectUnauthorized: false }
    case 'VERIFY_CA':
      return { ...files, rejectUnauthorized: true, verifyIdentity: false }
    case 'VERIFY_IDENTITY':
      return { ...files, rejectUnauthorized: true, verifyIdentity: true }
    default:
      throw new BadMysqlUrl('ssl-mode of the MySQL URL must be DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY')
  }
}

function readPem(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new BadMysqlUrl(`${name} of the MySQL URL: cannot read ${file}`)
  }
}

function decoded(part: string, what: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new BadMysqlUrl(`the ${what} in the MySQL URL is not percent-encoded correctly`)
  }
}
