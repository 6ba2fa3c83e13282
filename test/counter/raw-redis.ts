// A plain connection to Redis beside the counter, and what the counter leaves there.

import { createClient } from '@redis/client'
import type { CampaignIdentity } from '../../src/campaign/campaign.ts'
import type { Counter } from '../../src/counter/counter.ts'
import type { CounterUnderTest } from '../contract/counter.ts'

const WAIT_MS_MAX = 30_000

/** Asks again and again until there is an answer; the limit only turns a hang into a message. */
export async function eventually<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + WAIT_MS_MAX
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`not so within ${WAIT_MS_MAX} ms: ${look.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export const connected = (counter: Counter) => eventually(() => counter.ping())

/** A plain connection beside the counter. */
export async function openRaw(url: string) {
  const client = createClient({ url, disableOfflineQueue: true })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

export type Raw = Awaited<ReturnType<typeof openRaw>>

// Spelled out once more, on purpose: keys that are in Redis must not change unnoticed.
export const keyOf = (prefix: string, { id, createdAtMs }: CampaignIdentity) =>
  `${prefix}{${id}}:${createdAtMs.toString(36)}:next`

export async function plant(
  send: (...args: string[]) => Promise<unknown>,
  key: string,
  value: Parameters<CounterUnderTest['plant']>[1],
) {
  await send('DEL', key)
  if (value.is === 'text') await send('SET', key, value.text)
  if (value.is === 'list') await send('RPUSH', key, '5')
  if (value.is === 'hash') await send('HSET', key, 'next', '5')
}
