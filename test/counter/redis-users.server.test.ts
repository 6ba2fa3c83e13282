// The counter as the user of deploy/redis/users.acl: with all that it needs, and nothing else.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Counter } from '../../src/counter/counter.ts'
import { openRedisCounter } from '../../src/counter/redis.ts'
import { systemClock } from '../../src/host.ts'
import { counterContract } from '../contract/counter.ts'
import { startRedis } from '../servers/redis.ts'
import { readUsers, redisUser } from '../servers/redis-users.ts'
import type { TestServer } from '../servers/server.ts'
import { connected, keyOf, openRaw, plant, type Raw } from './raw-redis.ts'
import { startCluster, type TestCluster } from './redis-cluster.ts'

const user = redisUser()
/** Beside what the program needs: plants what stands in the way. */
const TESTER = 'user tester on nopass ~* &* +@all'
const asTester = (url: string) => url.replaceAll('redis://', 'redis://tester:any@')

async function openTwo(url: string, prefix: string): Promise<[Counter, Counter]> {
  const two = [0, 1].map(() => openRedisCounter({ url: user.at(url), prefix, clock: systemClock, replyMsMax: 5_000 }))
  await Promise.all(two.map(connected))
  return two as [Counter, Counter]
}

const ownPrefix = () => `firstcome:${randomBytes(6).toString('hex')}:`

describe('one server with that file', () => {
  let folder: string
  let server: TestServer
  let raw: Raw

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'firstcome-acl-'))
    const file = join(folder, 'users.acl')
    writeFileSync(file, `${user.acl}${TESTER}\n`)
    server = await startRedis({ options: ['--aclfile', file] })
    raw = await openRaw(asTester(server.url))
  })
  afterAll(async () => {
    raw?.destroy()
    await server?.close()
    rmSync(folder, { recursive: true })
  })

  counterContract('the counter', async () => {
    const prefix = ownPrefix()
    const [counter, other] = await openTwo(server.url, prefix)
    return {
      counter,
      other,
      plant: (campaign, value) => plant((...args) => raw.sendCommand(args), keyOf(prefix, campaign), value),
      async close() {},
    }
  })

  test.each([
    ['GET', 'other:key'],
    ['SET', 'other:key', '1'],
    ['EVAL', "return redis.call('DEL', KEYS[1])", '1', 'firstcome:a'],
    ['DEL', 'firstcome:a'],
    ['KEYS', '*'],
    ['FLUSHALL'],
    ['CONFIG', 'GET', '*'],
    ['SCRIPT', 'FLUSH'],
    ['SUBSCRIBE', 'firstcome:a'],
    ['ACL', 'LIST'],
    ['CLIENT', 'LIST'],
    ['CLUSTER', 'RESET'],
  ])('%s %s is refused', async (...command) => {
    const client = await openRaw(user.at(server.url))
    await expect(client.sendCommand(command)).rejects.toThrow(/NOPERM|ACL failure|can't run/)
    client.destroy()
  })

  test('whoever has no password is nobody', async () => {
    const socket = connect(server.port, '127.0.0.1')
    socket.write('PING\r\n')
    const [reply] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    expect(reply.toString()).toMatch(/^-NOAUTH /)
  })
})

test('the file as it stands is refused: its password is none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firstcome-acl-'))
  const file = join(folder, 'users.acl')
  writeFileSync(file, readUsers())
  await expect(startRedis({ options: ['--aclfile', file] })).rejects.toThrow(/users\.acl:2/)
  rmSync(folder, { recursive: true })
})

describe('a cluster', () => {
  let cluster: TestCluster

  beforeAll(async () => {
    cluster = await startCluster()
    for (const shard of [0, 1, 2]) await cluster.rawOf(shard).sendCommand(['ACL', 'SETUSER', ...user.rules])
  })
  afterAll(() => cluster?.close())

  counterContract('the counter', async () => {
    const prefix = ownPrefix()
    const [counter, other] = await openTwo(cluster.url, prefix)
    return {
      counter,
      other,
      async plant(campaign, value) {
        const key = keyOf(prefix, campaign)
        const raw = cluster.rawOf(await cluster.shardOf(key))
        await plant((...args) => raw.sendCommand(args), key, value)
      },
      async close() {},
    }
  })
})
