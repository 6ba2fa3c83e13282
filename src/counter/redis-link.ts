// The connection of the counter to Redis or Valkey: one server or a cluster, kept up for ever in the background.

import { readFileSync } from 'node:fs'
import { type CommandParser, createClient, createCluster, defineScript, ErrorReply } from '@redis/client'
import type { Clock, Randomness } from '../host.ts'
import { COUNTER_LIMITS } from './limits.ts'

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
  /** What the connection suffered from last, in a word. */
  lastFault(): string
  destroy(): void
}

/** Returns at once. @throws TypeError on a bad URL; the message holds neither address nor password. */
export function openRedisLink(url: string, clock: Clock, randomness: Randomness): RedisLink {
  const servers = parseUrls(url)
  return servers.length === 1 ? openServer(servers, randomness) : openCluster(servers, clock, randomness)
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

function openServer([server]: readonly [Server, ...Server[]], randomness: Randomness): RedisLink {
  const faults = faultLog()
  const client = createClient({ ...server, ...connectionOptions(server, randomness), scripts, commandOptions })
  client.on('error', faults.note)
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

function openCluster(servers: readonly [Server, ...Server[]], clock: Clock, randomness: Randomness): RedisLink {
  const faults = faultLog()
  const [{ username, password }] = servers
  const cluster = createCluster({
    rootNodes: servers.map((server) => ({ ...server })),
    // Connections to what the cluster announces. All servers of it have the same users, and TLS or not.
    defaults: {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
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

interface Server {
  readonly socket: { readonly host: string; readonly port: number; readonly tls: boolean }
  readonly username?: string
  readonly password?: string
  readonly database?: number
}

function connectionOptions({ socket: { host, port, tls } }: Server, randomness: Randomness) {
  const socket = {
    host,
    port,
    connectTimeout: COUNTER_LIMITS.connectMsMax.value,
    socketTimeout: COUNTER_LIMITS.silenceMsMax.value,
    reconnectStrategy: (tries: number) => reconnectMs(tries, randomness),
  }
  return {
    socket: tls ? { ...socket, tls: true as const } : { ...socket, tls: false as const },
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

function faultLog() {
  let last = 'not connected yet'
  return {
    last: () => last,
    note(this: void, error: unknown): void {
      last = wordFor(error)
    },
  }
}

function parseUrls(urls: string): [Server, ...Server[]] {
  const [first, ...others] = urls.split(',').map(parseUrl)
  if (first === undefined) throw badUrl()
  if (others.some(({ socket }) => socket.tls !== first.socket.tls)) throw new TypeError('redis: or rediss:, not both')
  if (others.length > 0 && [first, ...others].some(({ database }) => database !== undefined)) {
    throw new TypeError('a Redis cluster has no databases: no path in its URLs')
  }
  return [first, ...others]
}

function parseUrl(text: string): Server {
  try {
    const { protocol, hostname, port, username, password, pathname } = new URL(text.trim())
    const database = pathname.slice(1)
    if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '' || !/^\d{0,5}$/.test(database))
      throw badUrl()
    return {
      socket: {
        host: hostname.replace(/^\[(.*)\]$/, '$1'),
        port: port === '' ? 6379 : Number(port),
        tls: protocol === 'rediss:',
      },
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(Number(database) === 0 ? {} : { database: Number(database) }),
    }
  } catch {
    // Not the error itself: it holds the URL, and the URL a password.
    throw badUrl()
  }
}

function badUrl(): TypeError {
  return new TypeError(
    'a Redis URL is redis://[user:password@]host[:port][/database], or rediss://; several: a cluster',
  )
}

/** Messages of network errors hold addresses; this does not. */
export function wordFor(error: unknown): string {
  if (error instanceof ErrorReply) return error.message.split(' ', 1)[0] ?? ''
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.constructor.name
  return typeof error
}
