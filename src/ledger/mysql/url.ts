// mysql://user:password@host:3306/database?ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/ca.pem, or ?socketPath=/run/mysqld.sock.
// Only these parameters: others of the driver would change how values come back. No message shows the URL: it holds a password.

import { readFileSync } from 'node:fs'
import type { SslOptions } from 'mysql2'

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
    if (!['socketPath', 'ssl-mode', 'ssl-ca'].includes(name)) {
      throw new BadMysqlUrl(`the MySQL URL has an unknown parameter ${name}: known are socketPath, ssl-mode, ssl-ca`)
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
    ssl: sslOptions(parameters.get('ssl-mode'), parameters.get('ssl-ca')),
  }
}

/** `host:port/database`, for people. */
export function shownAddress(address: MysqlAddress): string {
  return `${address.socketPath ?? `${address.host}:${address.port}`}/${address.database ?? ''}`
}

/** The modes of the mysql client; a certificate authority alone means that it is to be checked. */
function sslOptions(mode: string | undefined, caFile: string | undefined): SslOptions | null {
  const wanted = mode?.toUpperCase() ?? (caFile === undefined ? 'DISABLED' : 'VERIFY_IDENTITY')
  const ca = caFile === undefined ? {} : { ca: readCa(caFile) }
  switch (wanted) {
    case 'DISABLED':
      return null
    case 'REQUIRED':
      return { ...ca, rejectUnauthorized: false }
    case 'VERIFY_CA':
      return { ...ca, rejectUnauthorized: true, verifyIdentity: false }
    case 'VERIFY_IDENTITY':
      return { ...ca, rejectUnauthorized: true, verifyIdentity: true }
    default:
      throw new BadMysqlUrl('ssl-mode of the MySQL URL must be DISABLED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY')
  }
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new BadMysqlUrl(`ssl-ca of the MySQL URL: cannot read ${file}`)
  }
}

function decoded(part: string, what: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new BadMysqlUrl(`the ${what} in the MySQL URL is not percent-encoded correctly`)
  }
}
