// The only reader of the environment. Every setting is a row of one table; flags and environment are validated together,
// and all that is wrong is said at once.

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { BOOTSTRAP_LENGTH_MAX, BOOTSTRAP_LENGTH_MIN } from './access/limits.ts'
import type { RateLimits } from './access/rates.ts'

export interface Setting {
  readonly env: string
  /** null: no flag, because it may hold a password and command lines are seen by everybody on the machine. */
  readonly flag: string | null
  readonly placeholder: string
  readonly default: string | null
  readonly meaning: string
}

/** Of the servers. docs/settings.md shows this table, `firstcome serve --help` too; tests compare them. */
export const SETTINGS = [
  {
    env: 'MYSQL_URL',
    flag: null,
    placeholder: 'URL',
    default: null,
    meaning: 'MySQL 8.4+ or MariaDB 10.11+, mysql://user:password@host:3306/database. Not given: the embedded SQLite.',
  },
  {
    env: 'REDIS_URL',
    flag: null,
    placeholder: 'URL',
    default: null,
    meaning: 'Redis 6.2+ or Valkey, redis://host:6379; several, with commas between: a cluster. Only beside MYSQL_URL.',
  },
  {
    env: 'REDIS_PREFIX',
    flag: 'redis-prefix',
    placeholder: 'TEXT',
    default: 'firstcome:',
    meaning: 'What every key in Redis begins with.',
  },
  {
    env: 'SQLITE_PATH',
    flag: 'sqlite-path',
    placeholder: 'FILE',
    default: 'data/firstcome.db',
    meaning: 'Where the embedded default keeps its data; `:memory:` keeps nothing. Not beside MYSQL_URL.',
  },
  {
    env: 'HOST',
    flag: 'host',
    placeholder: 'ADDRESS',
    default: '127.0.0.1',
    meaning: 'The address to listen on. Other than loopback only with API keys: see `firstcome key create`.',
  },
  { env: 'PORT', flag: 'port', placeholder: 'N', default: '8080', meaning: 'The port to listen on; 0: any free one.' },
  {
    env: 'WORKERS',
    flag: 'workers',
    placeholder: 'N',
    default: '1',
    meaning: 'Processes that share the port, 1 to 64; `auto`: one for each core. More than one only with MYSQL_URL.',
  },
  {
    env: 'BOOTSTRAP_API_KEY',
    flag: null,
    placeholder: 'KEY',
    default: null,
    meaning: 'An admin key of your own making, 32 characters or more, good while the database has no other.',
  },
  {
    env: 'RECIPIENT_CALLS_PER_S',
    flag: 'recipient-calls-per-s',
    placeholder: 'N',
    default: '20',
    meaning:
      'Calls a second that issue to one recipient of one client, at each server; more are `rate_limited`. 0: any.',
  },
  {
    env: 'CLIENT_ISSUES_PER_S',
    flag: 'client-issues-per-s',
    placeholder: 'N',
    default: '0',
    meaning: 'Calls a second that issue, for one client, at each server. 0: any, for a shop asks for everybody.',
  },
  {
    env: 'CLIENT_READS_PER_S',
    flag: 'client-reads-per-s',
    placeholder: 'N',
    default: '1000',
    meaning: 'All other calls a second, of one client, at each server, but look-ups by code. 0: any.',
  },
  {
    env: 'CLIENT_LOOK_UPS_PER_S',
    flag: 'client-look-ups-per-s',
    placeholder: 'N',
    default: '50',
    meaning: 'Look-ups by code a second, of one client, at each server: nobody guesses codes faster. 0: any.',
  },
  {
    env: 'CONNECTIONS_MAX',
    flag: 'connections-max',
    placeholder: 'N',
    default: '25000',
    meaning:
      'Connections of callers at once, fewer if the process may open fewer files. For one more the longest idle is closed.',
  },
  {
    env: 'WAIT_MS_MAX',
    flag: 'wait-ms-max',
    placeholder: 'MS',
    default: '3000',
    meaning: 'Whoever would wait longer in the queue is told `overloaded` at once. 100 to 7000.',
  },
  {
    env: 'DRAIN_MS',
    flag: 'drain-ms',
    placeholder: 'MS',
    default: '5000',
    meaning: 'After SIGTERM: how long it goes on serving while /readyz already says 503. SIGINT does not wait.',
  },
  {
    env: 'CLOSE_MS',
    flag: 'close-ms',
    placeholder: 'MS',
    default: '10000',
    meaning: 'After that: how long what is in flight may take to finish before the process ends anyway.',
  },
  {
    env: 'LOG_LEVEL',
    flag: 'log-level',
    placeholder: 'LEVEL',
    default: 'info',
    meaning: 'fatal, error, warn, info or debug. Logs are JSON lines on standard error.',
  },
  {
    env: 'LOG_REQUESTS',
    flag: 'log-requests',
    placeholder: 'WHICH',
    default: 'faults',
    meaning: 'Which requests get a line of their own: `faults` only, `sampled` (one in 100, too) or `all`.',
  },
] as const satisfies readonly Setting[]

/** Of the commands that call a server. docs/settings.md shows them too. */
export const CLIENT_SETTINGS = [
  {
    env: 'FIRSTCOME_URL',
    flag: 'url',
    placeholder: 'URL',
    default: 'http://127.0.0.1:8080',
    meaning: 'The server to call: http or https, with a path if it stands behind one.',
  },
  {
    env: 'FIRSTCOME_API_KEY',
    flag: null,
    placeholder: 'KEY',
    default: null,
    meaning: 'The API key to call it with. Not given: none is sent, which a server without keys takes.',
  },
] as const satisfies readonly Setting[]

type Env = (typeof SETTINGS)[number]['env']
type ClientEnv = (typeof CLIENT_SETTINGS)[number]['env']

/** Settings that may hold a password can also be given as NAME_FILE, a file that holds the value. */
export const SECRET_SETTINGS: readonly (Env | ClientEnv)[] = [
  'MYSQL_URL',
  'REDIS_URL',
  'BOOTSTRAP_API_KEY',
  'FIRSTCOME_API_KEY',
]

const BOOTSTRAP_KEY = new RegExp(`^[!-~]{${BOOTSTRAP_LENGTH_MIN},${BOOTSTRAP_LENGTH_MAX}}$`)
/** Each has two dozen connections to the database. */
const WORKERS_MAX = 64
/** Of a limit of calls a second; more is none. */
const RATE_MAX = 1_000_000
/** What fits into a header. Whether it is a key, the server knows. */
const API_KEY = /^[!-~]{1,512}$/

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug'] as const
const LOG_REQUESTS = ['faults', 'sampled', 'all'] as const
export type LogRequests = (typeof LOG_REQUESTS)[number]

export interface Config {
  readonly store:
    | { readonly kind: 'embedded'; readonly path: string }
    | {
        readonly kind: 'mysql'
        readonly url: string
        readonly redis: { readonly url: string; readonly prefix: string } | null
      }
  readonly host: string
  readonly port: number
  /** 1: the process itself serves. */
  readonly workers: number
  /** null: none. */
  readonly bootstrapApiKey: string | null
  readonly rates: RateLimits
  readonly connectionsMax: number
  readonly waitMsMax: number
  readonly drainMs: number
  readonly closeMs: number
  readonly logLevel: (typeof LOG_LEVELS)[number]
  readonly logRequests: LogRequests
}

/** All that is wrong, a line each. Names settings, never their values: they may hold passwords. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * @param flags by flag name, as text; they win over the environment
 * @throws ConfigError
 */
export function readConfig(
  flags: Readonly<Record<string, string | undefined>> = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const problems: string[] = []
  const given = new Map<Env, string>()
  for (const setting of SETTINGS) {
    const value = valueOf(setting, flags, environment, problems)
    if (value !== undefined) given.set(setting.env, value)
  }
  const get = (env: Env): string => given.get(env) ?? SETTINGS.find((setting) => setting.env === env)?.default ?? ''
  const whole = (env: Env, min: number, max: number): number => {
    const value = get(env)
    const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN
    if (!(number >= min && number <= max)) problems.push(`${env}: a whole number from ${min} to ${max}, please`)
    return number
  }

  const mysqlUrl = given.get('MYSQL_URL')
  const redisUrl = given.get('REDIS_URL')
  if (mysqlUrl !== undefined && !isUrl(mysqlUrl, ['mysql:', 'mariadb:'])) {
    problems.push('MYSQL_URL: not of the form mysql://user:password@host:3306/database')
  }
  if (redisUrl !== undefined && !redisUrl.split(',').every((url) => isUrl(url, ['redis:', 'rediss:']))) {
    problems.push('REDIS_URL: not of the form redis://host:6379 (several: with commas between)')
  }
  if (redisUrl !== undefined && mysqlUrl === undefined) {
    problems.push(
      'REDIS_URL without MYSQL_URL: Redis only counts, the coupons are in MySQL. Set MYSQL_URL too, or unset both',
    )
  }
  if (mysqlUrl !== undefined && given.has('SQLITE_PATH')) {
    problems.push('MYSQL_URL and SQLITE_PATH: the coupons are in one of them. Unset the other')
  }
  // As it was written: what is refused on one machine is refused on every other.
  if (mysqlUrl === undefined && get('WORKERS') !== '1') {
    problems.push(
      'WORKERS: the embedded SQLite belongs to one process, which alone writes its file. Set MYSQL_URL too, or leave it at 1',
    )
  }
  const prefix = get('REDIS_PREFIX')
  // A brace would change the hash tag by which a cluster places the key.
  if (!/^[\x21-\x7a\x7c\x7e]{0,64}$/.test(prefix))
    problems.push('REDIS_PREFIX: up to 64 visible ASCII characters, no braces')
  const host = get('HOST')
  if (host === '' || /\s/.test(host)) problems.push('HOST: an address, for instance 127.0.0.1')
  const bootstrapApiKey = given.get('BOOTSTRAP_API_KEY') ?? null
  if (bootstrapApiKey !== null && !BOOTSTRAP_KEY.test(bootstrapApiKey))
    problems.push(
      `BOOTSTRAP_API_KEY: ${BOOTSTRAP_LENGTH_MIN} to ${BOOTSTRAP_LENGTH_MAX} visible ASCII characters without spaces, for instance of \`openssl rand -hex 24\``,
    )
  const logLevel = LOG_LEVELS.find((level) => level === get('LOG_LEVEL'))
  if (logLevel === undefined) problems.push(`LOG_LEVEL: one of ${LOG_LEVELS.join(', ')}`)
  const logRequests = LOG_REQUESTS.find((which) => which === get('LOG_REQUESTS'))
  if (logRequests === undefined) problems.push(`LOG_REQUESTS: one of ${LOG_REQUESTS.join(', ')}`)

  const config: Config = {
    store:
      mysqlUrl === undefined
        ? { kind: 'embedded', path: get('SQLITE_PATH') === ':memory:' ? ':memory:' : resolve(get('SQLITE_PATH')) }
        : { kind: 'mysql', url: mysqlUrl, redis: redisUrl === undefined ? null : { url: redisUrl, prefix } },
    host,
    port: whole('PORT', 0, 65_535),
    workers:
      get('WORKERS') === 'auto' ? Math.min(availableParallelism(), WORKERS_MAX) : whole('WORKERS', 1, WORKERS_MAX),
    bootstrapApiKey,
    rates: {
      recipientCallsPerS: whole('RECIPIENT_CALLS_PER_S', 0, RATE_MAX),
      clientIssuesPerS: whole('CLIENT_ISSUES_PER_S', 0, RATE_MAX),
      clientReadsPerS: whole('CLIENT_READS_PER_S', 0, RATE_MAX),
      clientLookUpsPerS: whole('CLIENT_LOOK_UPS_PER_S', 0, RATE_MAX),
    },
    connectionsMax: whole('CONNECTIONS_MAX', 1, 1_000_000),
    waitMsMax: whole('WAIT_MS_MAX', 100, 7_000),
    drainMs: whole('DRAIN_MS', 0, 600_000),
    closeMs: whole('CLOSE_MS', 1_000, 600_000),
    logLevel: logLevel ?? 'info',
    logRequests: logRequests ?? 'faults',
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
  return config
}

export interface ClientConfig {
  /** Without a slash at its end. */
  readonly url: string
  /** For `Accept-Language`; null: nothing is known. */
  readonly language: string | null
  /** null: none is sent. */
  readonly apiKey: string | null
}

/** @throws ConfigError */
export function readClientConfig(
  flags: Readonly<Record<string, string | undefined>> = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ClientConfig {
  return clientConfigOf(givenUrl(flags, environment), environment)
}

/** Of a command that calls several servers: their addresses, with commas between. @throws ConfigError */
export function readClientConfigs(
  flags: Readonly<Record<string, string | undefined>> = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ClientConfig[] {
  const { text, from } = givenUrl(flags, environment)
  return text.split(',').map((url) => clientConfigOf({ text: url.trim(), from }, environment))
}

interface GivenUrl {
  readonly text: string
  /** The flag or the variable, for whoever has to correct it. */
  readonly from: string
}

function givenUrl(
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
): GivenUrl {
  const [{ env, flag, default: standard }] = CLIENT_SETTINGS
  const text = flags[flag]
  return text === undefined ? { text: environment[env] || standard, from: env } : { text, from: `--${flag}` }
}

function clientConfigOf(
  { text, from }: GivenUrl,
  environment: Readonly<Record<string, string | undefined>>,
): ClientConfig {
  if (!isUrl(text, ['http:', 'https:'])) throw new ConfigError(`${from}: not of the form http://host:8080`)
  const { origin, pathname, search, hash, username, password } = new URL(text)
  if (username + password !== '') throw new ConfigError(`${from}: without user and password, please: the API has none`)
  if (search + hash !== '') throw new ConfigError(`${from}: without ? and #, please: paths are put behind it`)
  // As POSIX ranks them; C, POSIX and the like are no language.
  const locale = environment['LC_ALL'] || environment['LC_MESSAGES'] || environment['LANG'] || ''
  const [, language, region] = /^([a-z]{2,3})(?:_([A-Z]{2}))?(?![a-zA-Z])/.exec(locale) ?? []
  return {
    apiKey: apiKeyOf(environment),
    url: origin + pathname.replace(/\/+$/, ''),
    language: language === undefined ? null : region === undefined ? language : `${language}-${region}`,
  }
}

function apiKeyOf(environment: Readonly<Record<string, string | undefined>>): string | null {
  const [, setting] = CLIENT_SETTINGS
  const problems: string[] = []
  const key = valueOf(setting, {}, environment, problems) ?? null
  if (key !== null && !API_KEY.test(key))
    problems.push(`${setting.env}: a key as \`firstcome key create\` prints it, in one line`)
  if (problems.length > 0) throw new ConfigError(problems.join('\n'))
  return key
}

function valueOf(
  setting: Setting & { env: Env | ClientEnv },
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
): string | undefined {
  const flag = setting.flag === null ? undefined : flags[setting.flag]
  if (flag !== undefined) return flag
  // An empty variable counts as not given: that is how compose files and shells leave one out.
  const value = environment[setting.env] === '' ? undefined : environment[setting.env]
  const file = SECRET_SETTINGS.includes(setting.env) ? environment[`${setting.env}_FILE`] : undefined
  if (file === undefined || file === '') return value
  if (value !== undefined) problems.push(`${setting.env} and ${setting.env}_FILE: give one of them`)
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    problems.push(`${setting.env}_FILE: cannot read ${file}`)
    return undefined
  }
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol) && new URL(text).hostname !== ''
}
