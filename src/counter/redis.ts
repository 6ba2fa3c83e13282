// The counter in Redis or Valkey, one server or a cluster: one key a campaign, two scripts.

import { readFileSync } from 'node:fs'
import {
  ClientClosedError,
  ClientOfflineError,
  type CommandParser,
  createClient,
  createCluster,
  defineScript,
  ErrorReply,
} from '@redis/client'
import type { CampaignIdentity } from '../campaign/campaign.ts'
import { type Clock, type Randomness, systemRandomness } from '../host.ts'
import { checkReserveAsks, checkResyncAsks } from './asks.ts'
import { type Counter, CounterUnavailable, type Reservation, type ReserveAsk, type ResyncAsk } from './counter.ts'
import { COUNTER_LIMITS } from './limits.ts'

export interface RedisCounterOptions {
  /** redis://[user:password@]host[:port][/database] or rediss://…; several, separated by commas: nodes of a cluster. */
  readonly url: string
  /** In front of every key. No braces: what stands in the first pair decides the shard, and that is the campaign's id. */
  readonly prefix: string
  /** For all replies of one call together. */
  readonly replyMsMax?: number
  readonly clock: Clock
  readonly randomness?: Randomness
}

/**
 * Returns at once and connects in the background, for as long as it takes; until then every element is a
 * CounterUnavailable, at once. Nothing is ever sent twice, and nothing is sent after its call has been answered.
 *
 * @throws TypeError on a bad `url` or `prefix`; the message holds neither address nor password.
 */
export function openRedisCounter(options: RedisCounterOptions): Counter {
  const { prefix, replyMsMax = COUNTER_LIMITS.replyMsMax.value, clock, randomness = systemRandomness } = options
  if (/[{}]/.test(prefix)) throw new TypeError('the prefix of the Redis keys must not contain { or }')
  const servers = parseUrls(options.url)
  const link = servers.length === 1 ? openServer(servers, randomness) : openCluster(servers, clock, randomness)

  // The lanes with commands beyond their deadline whose fate is unknown. Whatever is sent behind them is executed when the
  // server wakes up, for nobody: ten minutes of it could take every slot of a campaign. So nothing is.
  const overdue = new Map<string, { commands: number; sinceMs: number }>()
  const underWay = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  const isStalled = (lane: string): boolean => {
    const held = overdue.get(lane)
    return held !== undefined && clock.nowMs() - held.sinceMs < COUNTER_LIMITS.stallMsMax.value
  }
  const hold = (lane: string): void => {
    overdue.set(lane, { commands: (overdue.get(lane)?.commands ?? 0) + 1, sinceMs: clock.nowMs() })
  }
  const release = (lane: string): void => {
    const held = overdue.get(lane)
    if (held !== undefined && --held.commands === 0) overdue.delete(lane)
  }

  interface Command<Answer> {
    readonly lane: string
    /** In messages; the key is not for them. */
    readonly about: string
    readonly key: string
    readonly send: (abort: AbortSignal) => Promise<unknown>
    /** Of a reply; undefined is none that makes sense. */
    readonly decode: (reply: unknown) => { readonly answer: Answer } | undefined
  }

  /** Sends all at once — @redis/client writes what one tick brings in one go — and waits for all, within one deadline. */
  const run = <Answer>(commands: readonly Command<Answer>[]): Promise<(Answer | CounterUnavailable)[]> => {
    if (commands.length === 0) return Promise.resolve([])
    const call = Promise.withResolvers<(Answer | CounterUnavailable)[]>()
    const answers = Array.from<Answer | CounterUnavailable>({ length: commands.length })
    const waiting = new Map(commands.entries())
    const abort = new AbortController()

    const settle = (index: number, answer: Answer | CounterUnavailable): void => {
      answers[index] = answer
      waiting.delete(index)
      if (waiting.size > 0) return
      cancelDeadline()
      underWay.delete(call.promise)
      call.resolve(answers)
    }
    const giveUp = (): void => {
      for (const [index, { lane, about }] of waiting) {
        hold(lane)
        settle(index, new CounterUnavailable(`${about}: no reply from Redis in ${replyMsMax} ms`))
      }
      // What is not on its way yet is not sent any more, and comes back as a rejection that releases its lane again.
      abort.abort()
    }
    // Timers come before sockets: when this process itself was held up, the replies are here and only not read yet.
    const cancelDeadline = clock.after(replyMsMax, () => clock.soon(giveUp))
    underWay.add(call.promise)

    for (const [index, { lane, about, key, send, decode }] of commands.entries()) {
      if (closing !== undefined) {
        settle(index, new CounterUnavailable(`${about}: the counter is closed`))
        continue
      }
      if (isStalled(lane)) {
        settle(index, new CounterUnavailable(`${about}: Redis has not answered earlier commands yet`))
        continue
      }
      send(abort.signal).then(
        (reply) => {
          if (!waiting.has(index)) return release(lane)
          const decoded = decode(reply)
          settle(
            index,
            decoded ? decoded.answer : new CounterUnavailable(`${about}: Redis gave a reply that makes no sense`),
          )
        },
        (error: unknown) => {
          if (!waiting.has(index)) return release(lane)
          settle(index, new CounterUnavailable(`${about}: ${explain(error, key, about, link.lastFault())}`))
        },
      )
    }
    return call.promise
  }

  const expiry = String(COUNTER_LIMITS.expirySeconds.value)
  const commandFor = (campaign: CampaignIdentity) => {
    const key = `${prefix}{${campaign.id}}:${campaign.createdAtMs.toString(36)}:next`
    return { key, lane: link.laneOf(key), about: `campaign ${campaign.id}` }
  }

  return {
    async reserve(asks: readonly ReserveAsk[]) {
      checkReserveAsks(asks)
      return run(
        asks.map(({ campaign, count, total }): Command<Reservation> => {
          const command = commandFor(campaign)
          return {
            ...command,
            send: (abort) => link.reserve(abort, command.key, String(count), String(total), expiry),
            decode: (reply) => decodeReservation(reply, count, total),
          }
        }),
      )
    },

    async resync(asks: readonly ResyncAsk[]) {
      checkResyncAsks(asks)
      return run(
        asks.map(({ campaign, maxSlot }): Command<undefined> => {
          const command = commandFor(campaign)
          return {
            ...command,
            send: (abort) => link.resync(abort, command.key, String(maxSlot), expiry),
            decode: (reply) =>
              typeof reply === 'number' && Number.isSafeInteger(reply) && reply > maxSlot
                ? { answer: undefined }
                : undefined,
          }
        }),
      )
    },

    async ping() {
      const pong: Command<true> = {
        lane: link.laneOf(''),
        about: 'ping',
        key: '',
        send: (abort) => link.ping(abort),
        decode: (reply) => (reply === true ? { answer: true } : undefined),
      }
      const [answer] = await run([pong])
      return answer === true
    },

    close() {
      // Every call under way ends by its own deadline; after that no reply is worth waiting for.
      closing ??= Promise.allSettled(underWay).then(() => link.destroy())
      return closing
    },
  }
}

function decodeReservation(reply: unknown, asked: number, total: number): { readonly answer: Reservation } | undefined {
  if (!Array.isArray(reply)) return undefined
  const [status, from, count, ...rest] = reply as readonly unknown[]
  if (status === 'cold' && from === undefined) return { answer: { status } }
  if (status !== 'ok' || !isInteger(from) || !isInteger(count) || rest.length > 0) return undefined
  if (from < 1 || count < 0 || count > asked || (count > 0 && from + count - 1 > total)) return undefined
  return { answer: { status, from, count } }
}

function isInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value)
}

/** For an operator: what went wrong, without the key, an address or a password. */
function explain(error: unknown, key: string, about: string, lastFault: string): string {
  if (!(error instanceof ErrorReply)) {
    const isOffline = error instanceof ClientOfflineError || error instanceof ClientClosedError
    return `no connection to Redis (${isOffline ? lastFault : wordFor(error)})`
  }
  // Only "unknown command" repeats arguments, and cuts them where it likes.
  const text = error.message.replace(/,? with args beginning with:.*/s, '').replaceAll(key, about)
  return `Redis refused: ${text.slice(0, 200)}`
}

/** Messages of network errors hold addresses; this does not. */
function wordFor(error: unknown): string {
  if (error instanceof ErrorReply) return error.message.split(' ', 1)[0] ?? ''
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.constructor.name
  return typeof error
}

/** One server or a cluster, as the counter needs it. */
interface Link {
  /** Commands of one lane stall together: nothing is sent behind one that is overdue. */
  laneOf(key: string): string
  reserve(abort: AbortSignal, key: string, count: string, total: string, expiry: string): Promise<unknown>
  resync(abort: AbortSignal, key: string, maxSlot: string, expiry: string): Promise<unknown>
  /** True when all of it answers. */
  ping(abort: AbortSignal): Promise<boolean>
  /** What the connection suffered from last, in a word. */
  lastFault(): string
  destroy(): void
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

function openServer([server]: readonly [Server, ...Server[]], randomness: Randomness): Link {
  const faults = faultLog()
  const client = createClient({ ...server, ...connectionOptions(server, randomness), scripts, commandOptions })
  client.on('error', faults.note)
  // Rejects only when it is destroyed on its way: the reconnect strategy never gives up.
  client.connect().catch(faults.note)
  return {
    laneOf: () => '',
    reserve: (abort, ...args) => client.withAbortSignal(abort).reserve(...args),
    resync: (abort, ...args) => client.withAbortSignal(abort).resync(...args),
    ping: async (abort) => (await client.withAbortSignal(abort).ping()) === 'PONG',
    lastFault: faults.last,
    destroy: () => client.destroy(),
  }
}

function openCluster(servers: readonly [Server, ...Server[]], clock: Clock, randomness: Randomness): Link {
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
