// The connection of the counter to Redis or Valkey: one server or a cluster, kept up for ever in the background.

import { readFileSync } from 'node:fs'
import { type CommandParser, createClient, createCluster, defineScript, ErrorReply } from '@redis/client'
import type { Clock, Randomness } from '../host.ts'
import { COUNTER_LIMITS } from './limits.ts'
import { parseRedisUrls, type RedisAddress } from './redis-url.ts'

/** One server or a cluster, as the counter needs it. */
export interface RedisLink {
  /** Commands of one lane stall together: nothing is sent behind one that is overdue. */
  laneOf(key: string): string
  reserve(abort: AbortSignal, key: string, count: string, total: string, expiry: string): Promise<unknown>
  resync(abort: AbortSignal, key: string, maxSlot: string, expiry: string): Promise<unknown>
  /** null: there is nothing. */
  read(abort: AbortSignal, key: string): Promise<unknown>
  /** True when all of it answers. */
  ping(abort: AbortSignal): Promise<boolean>
  /** What the connection suffered from last, in a word; null: nothing since it was opened. */
  lastFault(): string | null
  destroy(): void
}

/** Returns at once. @throws TypeError on a bad URL; the message holds neither address nor password. */
export function openRedisLink(url: string, surroundings: Surroundings): RedisLink {
  const servers = parseRedisUrls(url)
  return servers.length === 1 ? openServer(servers, surroundings) : openCluster(servers, surroundings)
}

export interface Surroundings {
  readonly clock: Clock
  readonly randomness: Randomness
  /** For the log: neither address nor password. */
  warn(what: string): void
  /** A server's connection, as often as it fails; not of a cluster, whose other servers go on. */
  lost(word: string): void
  /** One that can be used. */
  ready(): void
}

const script = (name: 'reserve' | 'resync') =>
  defineScript({
    SCRIPT: readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8'),
    NUMBER_OF_KEYS: 1,
    IS_READ_ONLY: false,
    parseCommand(parser: CommandParser, key: string, ...args: string[]) {
      parser.pushKey(key)
      parser.push(...args)
    },
    transformReply: (reply: unknown): unknown => reply,
  })

const scripts = { reserve: script('reserve'), resync: script('resync') }

function openServer(
  [server]: readonly [RedisAddress, ...RedisAddress[]],
  { randomness, warn, lost, ready }: Surroundings,
): RedisLink {
  const faults = faultLog(server, warn, lost)
  const client = createClient({ ...loginOf(server), ...connectionOptions(server, randomness), scripts, commandOptions })
  client.on('error', faults.note).on('ready', () => {
    faults.up()
    ready()
  })
  // Rejects only when it is destroyed on its way: the reconnect strategy never gives up.
  client.connect().catch(faults.note)
  return {
    laneOf: () => '',
    reserve: (abort, ...args) => client.withAbortSignal(abort).reserve(...args),
    resync: (abort, ...args) => client.withAbortSignal(abort).resync(...args),
    read: (abort, key) => client.withAbortSignal(abort).get(key),
    ping: async (abort) => (await client.withAbortSignal(abort).ping()) === 'PONG',
    lastFault: faults.last,
    destroy: () => client.destroy(),
  }
}

function openCluster(
  servers: readonly [RedisAddress, ...RedisAddress[]],
  { clock, randomness, warn, ready }: Surroundings,
): RedisLink {
  const faults = faultLog(servers[0], warn, null)
  const cluster = createCluster({
    rootNodes: servers.map(({ host, port, ...login }) => ({ ...loginOf(login), socket: { host, port } })),
    // Connections to what the cluster announces. All servers of it have the same users, and TLS or not.
    defaults: {
      ...loginOf(servers[0]),
      ...connectionOptions(servers[0], randomness),
    },
    // Otherwise one server that cannot be reached holds up the connection to all the others.
    minimizeConnections: true,
    // It knows only servers that were reached once; the listener below knows all.
    topologyRefreshOnReconnectionAttemptStrategy: false,
    scripts,
    commandOptions,
  })
  let destroyed = false
  let cancelRetry: (() => void) | undefined
  let askedTopologyMs = Number.NEGATIVE_INFINITY

  // While a server is away its place may have been taken: without asking, its campaigns would wait for it for ever.
  const askTopology = (): void => {
    if (destroyed || !cluster.isReady || clock.nowMs() - askedTopologyMs < COUNTER_LIMITS.topologyMs.value) return
    askedTopologyMs = clock.nowMs()
    // Typed and exported, if not meant for us; the library asks by itself only after MOVED.
    // oxlint-disable-next-line no-underscore-dangle
    cluster._slots.rediscover().catch(faults.note)
  }
  const connect = (tries: number): void => {
    cluster.connect().catch((error: unknown) => {
      faults.note(error)
      if (!destroyed) cancelRetry = clock.after(reconnectMs(tries, randomness), () => connect(tries + 1))
    })
  }
  cluster.on('error', faults.note).on('node-error', faults.note).on('node-reconnecting', askTopology)
  cluster.on('node-ready', () => {
    faults.up()
    ready()
  })
  connect(0)

  const within = (abortSignal: AbortSignal) => cluster.withCommandOptions({ ...commandOptions, abortSignal })
  return {
    // A stalled server stalls its own campaigns, one by one: which ones they are is the cluster's affair.
    laneOf: (key) => key,
    reserve: (abort, ...args) => within(abort).reserve(...args),
    resync: (abort, ...args) => within(abort).resync(...args),
    read: (abort, key) => within(abort).get(key),
    async ping(abort) {
      if (cluster.masters.length === 0) return false
      await Promise.all(
        cluster.masters.map(async (master) => (await cluster.nodeClient(master)).withAbortSignal(abort).ping()),
      )
      return true
    },
    lastFault: faults.last,
    destroy() {
      destroyed = true
      cancelRetry?.()
      cluster.destroy()
    },
  }
}

// 0: no timer a command, the call has its own.
const commandOptions = { timeout: 0 }

function loginOf({ username, password, database }: Pick<RedisAddress, 'username' | 'password' | 'database'>) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
  }
}

function connectionOptions({ host, port, tls }: RedisAddress, randomness: Randomness) {
  const socket = {
    host,
    port,
    connectTimeout: COUNTER_LIMITS.connectMsMax.value,
    socketTimeout: COUNTER_LIMITS.silenceMsMax.value,
    reconnectStrategy: (tries: number) => reconnectMs(tries, randomness),
  }
  return {
    // Whom it leads to is always checked: certificate and host name.
    socket: tls === null ? { ...socket, tls: false as const } : { ...socket, ...tls, tls: true as const },
    name: 'firstcome',
    // A command that older servers do not know, and that a user would need a right for.
    disableClientInfo: true,
    pingInterval: COUNTER_LIMITS.pingMs.value,
    // A command that waits for a connection would be answered long after its call.
    disableOfflineQueue: true,
    maintNotifications: 'disabled' as const,
  }
}

function reconnectMs(tries: number, randomness: Randomness): number {
  const { reconnectMsMin, reconnectMsMax } = COUNTER_LIMITS
  const longest = Math.min(reconnectMsMax.value, reconnectMsMin.value * 2 ** tries)
  return Math.ceil(longest * (0.5 + randomness.fraction() / 2))
}

/**
 * @param warn told of each fault once, until another takes its place or the connection is there
 * @param lost told of each; then `warn` is only told of those before the first connection. null: a cluster
 */
function faultLog({ tls }: RedisAddress, warn: (what: string) => void, lost: ((word: string) => void) | null) {
  // Neither side says that it is spoken to in another language: one closes, the other waits.
  const perhaps = tls === null ? 'perhaps it takes TLS only, rediss://' : 'perhaps it takes no TLS, redis://'
  let wasUp = false
  let last: string | null = null
  return {
    last: () => last,
    note(this: void, error: unknown): void {
      const isMute = !wasUp && MUTE.has(codeOf(error))
      const word = isMute ? `${wordFor(error)}, ${perhaps}` : wordFor(error)
      if (word !== last && (lost === null || !wasUp)) warn(`no connection to Redis: ${word}`)
      last = word
      lost?.(word)
    },
    up(this: void): void {
      wasUp = true
      last = null
    },
  }
}

const MUTE = new Set(['ECONNRESET', 'EPIPE', 'SocketClosedUnexpectedlyError', 'ConnectionTimeoutError'])

const UNTRUSTED = 'the certificate is of nobody who is trusted here: name its authority by tls-ca'

/** What to do about it, where the code alone does not say. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ['SELF_SIGNED_CERT_IN_CHAIN', UNTRUSTED],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', UNTRUSTED],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNTRUSTED],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNTRUSTED],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'the certificate is for another host'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'the server wants a certificate of ours: tls-cert and tls-key'],
  ['NOAUTH', 'user and password are missing in the URL'],
  ['WRONGPASS', 'user or password is wrong'],
])

/** Messages of network errors hold addresses, and those of Redis may repeat what was sent; this does neither. */
export function wordFor(error: unknown): string {
  const word = codeOf(error)
  const hint = HINTS.get(word)
  return hint === undefined ? word : `${word}, ${hint}`
}

function codeOf(error: unknown): string {
  if (error instanceof ErrorReply) return /^[A-Z]{1,32}(?= |$)/.exec(error.message)?.[0] ?? 'ErrorReply'
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.constructor.name
  return typeof error
}
