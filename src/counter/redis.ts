// The counter in Redis or Valkey, one server or a cluster: one key a campaign, two scripts.

import { ClientClosedError, ClientOfflineError, ErrorReply } from '@redis/client'
import type { CampaignIdentity } from '../campaign/campaign.ts'
import { type Clock, type Randomness, systemRandomness } from '../host.ts'
import { Absence } from './absence.ts'
import { checkCampaign, checkReserveAsks, checkResyncAsks } from './asks.ts'
import {
  type Counter,
  type CounterFault,
  CounterUnavailable,
  type Reservation,
  type ReserveAsk,
  type ResyncAsk,
} from './counter.ts'
import { Lanes, type Probe } from './lanes.ts'
import { COUNTER_LIMITS } from './limits.ts'
import { openRedisLink, wordFor } from './redis-link.ts'

export interface RedisCounterOptions {
  /** redis://[user:password@]host[:port][/database] or rediss://…; several, with commas between: a cluster. See redis-url.ts. */
  readonly url: string
  /** In front of every key. No braces: what stands in the first pair decides the shard, and that is the campaign's id. */
  readonly prefix: string
  /** For all replies of one call together. */
  readonly replyMsMax?: number
  readonly clock: Clock
  readonly randomness?: Randomness
  readonly log?: { warn(message: string): void }
}

/** Of what has no deadline. */
const NEVER = new AbortController().signal

/**
 * Returns at once and connects in the background, for as long as it takes; until then every element is a
 * CounterUnavailable, at once. Nothing is ever sent twice, and nothing is sent after its call has been answered.
 *
 * @throws TypeError on a bad `url` or `prefix`; the message holds neither address nor password.
 */
export function openRedisCounter(options: RedisCounterOptions): Counter {
  const { prefix, replyMsMax = COUNTER_LIMITS.replyMsMax.value, clock, randomness = systemRandomness } = options
  if (/[{}]/.test(prefix)) throw new TypeError('the prefix of the Redis keys must not contain { or }')
  const warn = (what: string): void => options.log?.warn(what)
  const absence = new Absence(clock, warn)
  const link = openRedisLink(options.url, {
    clock,
    randomness,
    warn,
    lost(word) {
      if (closing === undefined) absence.failed('no_connection', noConnection(word), 0)
    },
    ready: () => absence.reached(),
  })
  const lanes = new Lanes(clock, replyMsMax, () => absence.reached())
  const underWay = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  interface Command<Answer> {
    readonly lane: string
    /** In messages; the key is not for them. */
    readonly about: string
    readonly key: string
    /** That a reservation asks for. */
    readonly slots: number
    readonly probe: Probe
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
    const fail = (index: number, fault: CounterFault, reason: string, isKnown = true): void => {
      const { about, slots } = commands[index] as Command<Answer>
      if (fault !== 'closed') absence.failed(fault, isKnown ? reason : null, slots)
      settle(index, new CounterUnavailable(`${about}: ${reason}`, fault))
    }
    const giveUp = (): void => {
      for (const [index, { lane, probe }] of waiting) {
        lanes.hold(lane, probe)
        fail(index, 'no_reply', `no reply from Redis in ${replyMsMax} ms`)
      }
      // What is not on its way yet is not sent any more, and comes back as a rejection that releases its lane again.
      abort.abort()
    }
    // Timers come before sockets: when this process itself was held up, the replies are here and only not read yet.
    const cancelDeadline = clock.after(replyMsMax, () => clock.soon(giveUp))
    underWay.add(call.promise)

    for (const [index, { lane, about, key, send, decode }] of commands.entries()) {
      if (closing !== undefined) {
        fail(index, 'closed', 'the counter is closed')
        continue
      }
      if (lanes.isShut(lane)) {
        fail(index, 'stalled', 'Redis has not answered earlier commands in time')
        continue
      }
      send(abort.signal).then(
        (reply) => {
          if (!waiting.has(index)) return lanes.release(lane)
          const decoded = decode(reply)
          if (decoded === undefined) return fail(index, 'nonsense', 'Redis gave a reply that makes no sense')
          if (key === '') absence.reached()
          else absence.answered()
          settle(index, decoded.answer)
        },
        (error: unknown) => {
          if (!waiting.has(index)) return lanes.release(lane)
          const fault = error instanceof ErrorReply ? 'refused' : 'no_connection'
          const lastFault = link.lastFault()
          fail(index, fault, explain(error, key, about, lastFault), fault === 'refused' || lastFault !== null)
        },
      )
    }
    return call.promise
  }

  const expiry = String(COUNTER_LIMITS.expirySeconds.value)
  const commandFor = (campaign: CampaignIdentity) => {
    const key = `${prefix}{${campaign.id}}:${campaign.createdAtMs.toString(36)}:next`
    const probe = () => link.read(NEVER, key)
    return { key, lane: link.laneOf(key), about: `campaign ${campaign.id}`, slots: 0, probe }
  }

  return {
    async reserve(asks: readonly ReserveAsk[]) {
      checkReserveAsks(asks)
      return run(
        asks.map(({ campaign, count, total }): Command<Reservation> => {
          const command = commandFor(campaign)
          return {
            ...command,
            slots: count,
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

    async peek(campaigns: readonly CampaignIdentity[]) {
      campaigns.forEach(checkCampaign)
      return run(
        campaigns.map((campaign): Command<number | null> => {
          const command = commandFor(campaign)
          return {
            ...command,
            send: (abort) =>
              link.read(abort, command.key).catch((error: unknown) => {
                // Something else stands there, which is as good as nothing.
                if (error instanceof ErrorReply && error.message.startsWith('WRONGTYPE')) return null
                throw error
              }),
            decode: (reply) => ({ answer: decodeNext(reply) }),
          }
        }),
      )
    },

    async ping() {
      const pong: Command<true> = {
        lane: link.laneOf(''),
        about: 'ping',
        key: '',
        slots: 0,
        probe: () => link.ping(NEVER),
        send: (abort) => link.ping(abort),
        decode: (reply) => (reply === true ? { answer: true } : undefined),
      }
      const [answer] = await run([pong])
      return answer === true && !absence.isRefusing
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

/** As reserve.lua takes it. */
function decodeNext(reply: unknown): number | null {
  return typeof reply === 'string' && /^[1-9]\d{0,14}$/.test(reply) ? Number(reply) : null
}

function isInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value)
}

/** For an operator: what went wrong, without the key, an address or a password. */
function explain(error: unknown, key: string, about: string, lastFault: string | null): string {
  if (!(error instanceof ErrorReply)) {
    const isOffline = error instanceof ClientOfflineError || error instanceof ClientClosedError
    return noConnection(isOffline ? (lastFault ?? 'not connected yet') : wordFor(error))
  }
  // Only "unknown command" repeats arguments, and cuts them where it likes.
  const text = error.message.replace(/,? with args beginning with:.*/s, '').replaceAll(key, about)
  return `Redis refused: ${text.slice(0, 200)}`
}

function noConnection(word: string): string {
  return `no connection to Redis (${word})`
}
