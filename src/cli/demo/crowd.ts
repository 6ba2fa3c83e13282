// A crowd that wants coupons, and does what crowds do: some come too early, some ask twice at once, some hang up and ask
// again. Small and simple; nothing here measures anything.

import { Agent, request as httpRequest } from 'node:http'
import { sleep } from '../interruption.ts'

/** All share this machine with the servers: more connections would only wait elsewhere. */
const CONNECTIONS_MAX = 256
/** Whoever gets no answer asks again, like a patient client; then something is wrong. */
const CALLS_MAX = 20

export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface Person {
  readonly name: string
  /** Every answer this person got; the last one is what they left with. */
  readonly answers: Answer[]
  hangUps: number
}

export interface Crowd {
  readonly people: readonly Person[]
  /** Resolves when everybody has an answer, or has given up. */
  readonly gone: Promise<void>
}

/** @returns null when the connection broke, or was broken off */
export type Call = (url: string, options?: CallOptions) => Promise<Answer | null>

interface CallOptions {
  readonly method?: string
  readonly body?: object
  readonly hangUpAfterMs?: number
}

/** Told when to come back, nobody leaves. */
export function isFinal(answer: Answer): boolean {
  return typeof againInMs(answer) !== 'number'
}

function againInMs({ body }: Answer): unknown {
  return body['starts_in_ms'] ?? body['retry_after_ms']
}

/** @param apiKey null: none is sent */
export function openCaller(apiKey: string | null): { call: Call; close(): void } {
  const agent = new Agent({ keepAlive: true, maxTotalSockets: CONNECTIONS_MAX })
  const call: Call = (url, { method = 'GET', body, hangUpAfterMs } = {}) =>
    new Promise((resolve) => {
      const headers = {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
      }
      const request = httpRequest(url, { method, agent, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', () => resolve(null))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const body = text === '' ? {} : (JSON.parse(text) as Answer['body'])
          resolve({ status: response.statusCode ?? 0, body })
        })
      })
      request.on('error', () => resolve(null))
      request.end(body === undefined ? undefined : JSON.stringify(body))
      // From when it is on its way: queued for a connection, nobody would notice.
      if (hangUpAfterMs !== undefined)
        request.once('socket', () => setTimeout(() => request.destroy(), hangUpAfterMs).unref())
    })
  return { call, close: () => agent.destroy() }
}

/**
 * Everybody comes when the campaign opens; every 20th is too early.
 * @param urls of the campaign's coupons, on each server
 * @param opensInMs until the start
 */
export function gather(
  call: Call,
  urls: readonly string[],
  size: number,
  opensInMs: number,
  signal: AbortSignal,
): Crowd {
  const people = Array.from({ length: size }, (_, number): Person => ({
    name: `person-${number + 1}`,
    answers: [],
    hangUps: 0,
  }))
  const urlOf = (number: number) => urls[number % urls.length] as string

  const ask = async (person: Person, number: number): Promise<void> => {
    for (let calls = 0; calls < CALLS_MAX && !signal.aborted; calls++) {
      const isHangingUp = number % 20 === 7 && calls === 0
      const answer = await call(urlOf(number + calls), {
        method: 'POST',
        body: { recipient: person.name },
        ...(isHangingUp && { hangUpAfterMs: 1 + (number % 10) }),
      })
      if (answer === null && isHangingUp) person.hangUps++
      if (answer === null) continue
      person.answers.push(answer)
      if (isFinal(answer)) return
      await sleep(againInMs(answer) as number, signal)
    }
  }

  const come = async (person: Person, number: number): Promise<void> => {
    if (number % 20 !== 0) await sleep(opensInMs, signal)
    const calls = [ask(person, number)]
    // Impatient, or a double click: at another server, at the same moment.
    if (number % 10 === 3) calls.push(ask(person, number + 1))
    await Promise.all(calls)
  }
  return { people, gone: Promise.all(people.map(come)).then(() => {}) }
}
