// A Redis that is killed, cut off, slow or of no use: what its callers wait for, what the log says, and that it is used again.

import { expect, onTestFinished, test } from 'vitest'
import { CounterUnavailable } from '../../src/counter/counter.ts'
import { openRedisCounter } from '../../src/counter/redis.ts'
import { systemClock } from '../../src/host.ts'
import { CALM, openFaultProxy, type FaultProxy } from '../chaos/fault-proxy.ts'
import { newCampaign } from '../contract/counter.ts'
import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { connected, eventually, openRaw } from './raw-redis.ts'

interface Place {
  readonly redis: TestServer
  readonly proxy: FaultProxy
}

/** @returns what makes it well again */
type Hurt = (place: Place) => Promise<() => Promise<unknown>>

const HURTS: Readonly<Record<string, Hurt>> = {
  async killed({ redis }) {
    await redis.kill()
    return () => redis.restart()
  },
  async 'black-holed'({ proxy }) {
    const { promise, resolve } = Promise.withResolvers<void>()
    const over = proxy.blackHole(promise)
    return () => {
      resolve()
      return over
    }
  },
  async slow({ proxy }) {
    // Twice half of it, which is longer than a reply may take and shorter than what breaks the connection.
    proxy.weather({ ...CALM, delay: 1, delayMsMax: 1_200 })
    return async () => proxy.weather(CALM)
  },
  async 'out of memory'({ redis }) {
    const raw = await openRaw(redis.url)
    await raw.configSet('maxmemory', '1')
    return async () => {
      await raw.configSet('maxmemory', '0')
      raw.destroy()
    }
  },
}

test.each(Object.entries(HURTS))('%s: told once, nobody waits, and used again by itself', async (_name, hurt) => {
  await using redis = await startRedis()
  await using proxy = await openFaultProxy(redis.url, () => 0.5)
  const lines: string[] = []
  const log = { warn: (line: string) => void lines.push(line) }
  const counter = openRedisCounter({ url: proxy.url, prefix: '', clock: systemClock, log })
  onTestFinished(() => counter.close())
  await connected(counter)
  const campaign = newCampaign()
  const faultOf = async () => {
    const [answer] = await counter.reserve([{ campaign, count: 1, total: 1_000_000 }])
    return answer instanceof CounterUnavailable ? answer.fault : null
  }
  await counter.resync([{ campaign, maxSlot: 0 }])
  expect(await faultOf()).toBeNull()

  const heal = await hurt({ redis, proxy })
  await eventually(async () => (await faultOf()) !== null && lines.length > 0)
  expect(lines).toEqual([expect.stringMatching(/^Redis is away: .*\. Coupons come from the database alone$/)])
  expect(await counter.ping()).toBe(false)
  // From here on, whatever it does costs no request the time-out: it is not even sent, or it is refused at once.
  for (let calls = 0; calls < 500; calls++) {
    expect(await faultOf()).toMatch(/^(?:stalled|no_connection|refused)$/)
    await systemClock.sleep(2)
  }
  await heal()
  // A connection that lost bytes is mute until it is given up, and what comes back empty is cold.
  await eventually(async () => (await faultOf()) === null)
  await connected(counter)
  expect(lines.slice(1)).toEqual([
    expect.stringMatching(/^Redis answers again after \d+\.\d s: [1-9]\d* requests took the ledger way$/),
  ])
})
