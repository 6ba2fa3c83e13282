// What happens to Redis, and to what it knows.

import { cpSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { RedisClientType } from '@redis/client'
import type { Dice } from './dice.ts'
import type { Fault } from './fault.ts'
import { networkFaults } from './network-faults.ts'
import type { Stage } from './stage.ts'

/** How far into the future it is set, in slots; campaigns have up to 20,000. */
const AHEAD_MAX = 25_000

/** What a counter that is none may look like. */
const NONSENSE = ['', '0', '-7', '007', '1e3', 'NaN', '12.5', ' 9', '9'.repeat(40), 'false'] as const

export function redisFaults(stage: Stage): Fault[] {
  const { redis } = stage
  /** Does something to the counter of each campaign. */
  const toCounters = (
    name: string,
    change: (client: RedisClientType, key: string, dice: Dice) => Promise<unknown>,
  ): Fault => ({
    name: `Redis: ${name}`,
    strike: (dice) =>
      redis.ask(async (client) => {
        const keys = await client.keys(`${stage.redisPrefix}*`)
        for (const key of keys) await change(client, key, dice)
        return keys.length
      }),
  })
  const numberOf = async (client: RedisClientType, key: string) => Number((await textOf(client, key)) ?? 1) || 1
  return [
    ...networkFaults('Redis', redis.proxy),
    {
      name: 'Redis: killed, back with what is on its disk',
      async strike(dice) {
        await redis.server.kill()
        await pause(dice.whole(0, 1_500))
        await redis.server.restart()
        return 1
      },
    },
    {
      name: 'Redis: killed, back empty',
      async strike(dice) {
        await redis.server.kill()
        await pause(dice.whole(0, 1_500))
        await redis.moveTo(await redis.startEmpty())
        return 1
      },
    },
    {
      name: 'Redis: killed, back from an old snapshot',
      async strike(dice) {
        const snapshot = mkdtempSync(join(stage.folder, 'snapshot-'))
        const folder = await redis.ask(async (client) => {
          await client.sendCommand(['SAVE'])
          return (await client.configGet('dir'))['dir'] as string
        })
        cpSync(join(folder, 'dump.rdb'), join(snapshot, 'dump.rdb'))
        await pause(dice.whole(500, 3_000))
        await redis.server.kill()
        await redis.moveTo(await redis.startFrom(snapshot))
        return 1
      },
    },
    {
      name: 'Redis: killed, a replica that lags takes over',
      async strike(dice) {
        const replica = await redis.startReplica()
        // From here on it hears no more of its master.
        await redis.ask((client) => client.sendCommand(['REPLICAOF', 'NO', 'ONE']), replica)
        await pause(dice.whole(300, 2_500))
        await redis.server.kill()
        await redis.moveTo(replica)
        return 1
      },
    },
    {
      name: 'Redis: a replica that nobody has promoted yet',
      strike: (dice) =>
        redis.ask(async (client) => {
          await client.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
          await pause(dice.whole(300, 2_000))
          await client.sendCommand(['REPLICAOF', 'NO', 'ONE'])
          return 1
        }),
    },
    { name: 'Redis: emptied', strike: async () => ((await redis.ask((client) => client.flushAll())) === 'OK' ? 1 : 0) },
    toCounters('counter set back', async (client, key, dice) =>
      client.set(key, dice.whole(1, await numberOf(client, key))),
    ),
    toCounters('counter set forward', async (client, key, dice) =>
      client.set(key, (await numberOf(client, key)) + dice.whole(1, dice.pick([10, 1_000, AHEAD_MAX]))),
    ),
    toCounters('counter made nonsense', async (client, key, dice) => {
      await client.del(key)
      return dice.chance(0.3) ? client.rPush(key, 'a list') : client.set(key, dice.pick(NONSENSE))
    }),
  ]
}

/** null: another fault has made it something else. */
async function textOf(client: RedisClientType, key: string): Promise<string | null> {
  return (await client.type(key)) === 'string' ? client.get(key) : null
}
