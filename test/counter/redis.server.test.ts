// The counter on a real Redis: the contract, on one server and on a cluster, and what happens when those are hurt.

import { createServer, type Socket, connect } from 'node:net'
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest'
import type { CampaignIdentity } from '../../src/campaign/campaign.ts'
import { type Counter, CounterUnavailable, type Reservation } from '../../src/counter/counter.ts'
import { COUNTER_LIMITS } from '../../src/counter/limits.ts'
import { openRedisCounter } from '../../src/counter/redis.ts'
import { type Clock, systemClock } from '../../src/host.ts'
import { counterContract, newCampaign, reservationOf } from '../contract/counter.ts'
import { uniquePrefix } from '../servers/fresh.ts'
import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { connected, eventually, keyOf, openRaw, plant, type Raw } from './raw-redis.ts'
import { startCluster, type TestCluster } from './redis-cluster.ts'

const ask = (campaign: CampaignIdentity, count = 1, total = 1_000_000) => ({ campaign, count, total })

async function reserveOne(counter: Counter, campaign: CampaignIdentity, count = 1): Promise<Reservation> {
  const [answer] = await counter.reserve([ask(campaign, count)])
  return reservationOf(answer)
}

async function refusedOne(counter: Counter, campaign: CampaignIdentity): Promise<string> {
  const [answer] = await counter.reserve([ask(campaign)])
  if (!(answer instanceof CounterUnavailable)) throw new Error('an answer where none was expected', { cause: answer })
  return answer.message
}

/** Time stands still, and deadlines pass, when the test says so: nothing comes right by waiting. */
function heldClock(): Clock & { passDeadlines(): void; timeMs: number } {
  const waiting = new Set<() => void>()
  return {
    ...systemClock,
    timeMs: 0,
    nowMs() {
      return this.timeMs
    },
    after(_ms, work) {
      waiting.add(work)
      return () => waiting.delete(work)
    },
    passDeadlines() {
      for (const work of waiting) {
        waiting.delete(work)
        work()
      }
    },
  }
}

function open(url: string, options: { prefix?: string; clock?: Clock; replyMsMax?: number } = {}): Counter {
  const { prefix = uniquePrefix(), clock = systemClock, replyMsMax = 5_000 } = options
  const counter = openRedisCounter({ url, prefix, clock, replyMsMax })
  onTestFinished(() => counter.close())
  return counter
}

counterContract('on one server', async () => {
  const prefix = uniquePrefix()
  const url = inject('redisUrl')
  const [counter, other] = [0, 1].map(() =>
    openRedisCounter({ url, prefix, clock: systemClock, replyMsMax: 5_000 }),
  ) as [Counter, Counter]
  const raw = await openRaw(url)
  await Promise.all([connected(counter), connected(other)])
  return {
    counter,
    other,
    plant: (campaign, value) => plant((...args) => raw.sendCommand(args), keyOf(prefix, campaign), value),
    async close() {
      for await (const keys of raw.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 }))
        if (keys.length > 0) await raw.del(keys)
      raw.destroy()
    },
  }
})

describe('what it leaves in Redis, and what it sends there', () => {
  let server: TestServer
  let raw: Raw
  beforeAll(async () => {
    server = await startRedis()
    raw = await openRaw(server.url)
  })
  beforeEach(() => raw.flushAll())
  afterAll(async () => {
    raw?.destroy()
    await server?.close()
  })

  const stat = async (section: string, name: RegExp) => Number(name.exec(await raw.info(section))?.[1] ?? 0)
  const calls = (command: string) => stat('commandstats', new RegExp(`cmdstat_${command}:calls=(\\d+)`))

  test('one integer a campaign, that expires after the last use', async () => {
    const counter = open(server.url, { prefix: 'shop:' })
    await connected(counter)
    const campaigns = [newCampaign(), newCampaign(), newCampaign()]
    await counter.reserve(campaigns.map((campaign) => ask(campaign)))
    expect(await raw.dbSize()).toBe(0)
    await counter.resync(campaigns.map((campaign, i) => ({ campaign, maxSlot: i })))
    const expiry = COUNTER_LIMITS.expirySeconds.value
    for (const campaign of campaigns) expect(await raw.ttl(keyOf('shop:', campaign))).toBeGreaterThan(expiry - 60)
    await counter.reserve(campaigns.map((campaign) => ask(campaign, 10)))

    expect((await raw.keys('*')).toSorted()).toEqual(campaigns.map((campaign) => keyOf('shop:', campaign)).toSorted())
    for (const [i, campaign] of campaigns.entries()) {
      const key = keyOf('shop:', campaign)
      expect(await raw.type(key)).toBe('string')
      expect(await raw.get(key)).toBe(String(i + 11))
      const left = await raw.ttl(key)
      expect(left).toBeGreaterThan(expiry - 60)
      expect(left).toBeLessThanOrEqual(expiry)
    }
  })

  test('taking a slot begins the expiry anew; asking for none that are left writes nothing', async () => {
    const counter = open(server.url, { prefix: '' })
    await connected(counter)
    const campaign = newCampaign()
    const key = keyOf('', campaign)
    await counter.resync([{ campaign, maxSlot: 8 }])
    await raw.expire(key, 100)
    await counter.reserve([ask(campaign, 1, 9)])
    expect(await raw.ttl(key)).toBeGreaterThan(100)
    await raw.expire(key, 100)
    const written = await calls('set')
    await counter.reserve([ask(campaign, 1, 9)])
    await counter.resync([{ campaign, maxSlot: 9 }])
    expect(await calls('set')).toBe(written)
    expect(await raw.ttl(key)).toBeLessThanOrEqual(100)
  })

  test('one EVALSHA a campaign, all of a call in one write', async () => {
    const counter = open(server.url)
    await connected(counter)
    const campaigns = Array.from({ length: 60 }, newCampaign)
    await counter.resync(campaigns.map((campaign) => ({ campaign, maxSlot: 0 })))
    await counter.reserve(campaigns.map((campaign) => ask(campaign)))
    const before = { evalsha: await calls('evalsha'), eval: await calls('eval') }
    const reads = () => stat('stats', /total_reads_processed:(\d+)/)
    const readsBefore = await reads()
    await counter.reserve(campaigns.map((campaign) => ask(campaign)))
    // Its own PING may come between, and this INFO is one as well.
    expect((await reads()) - readsBefore).toBeLessThanOrEqual(4)
    expect({ evalsha: await calls('evalsha'), eval: await calls('eval') }).toEqual({
      ...before,
      evalsha: before.evalsha + 60,
    })
  })

  test('after SCRIPT FLUSH the scripts are sent once more, and nothing is done twice', async () => {
    const counter = open(server.url)
    await connected(counter)
    const campaign = newCampaign()
    await counter.resync([{ campaign, maxSlot: 0 }])
    expect(await reserveOne(counter, campaign, 3)).toMatchObject({ from: 1, count: 3 })
    await raw.scriptFlush()
    expect(await counter.reserve([ask(campaign, 2), ask(campaign, 2)])).toMatchObject([{ from: 4 }, { from: 6 }])
    const evals = await calls('eval')
    expect(await reserveOne(counter, campaign)).toMatchObject({ from: 8 })
    expect(await calls('eval')).toBe(evals)
  })

  test('an idle connection is asked whether it lives', async () => {
    await connected(open(server.url))
    const before = await calls('ping')
    await eventually(async () => (await calls('ping')) >= before + 2)
  })

  describe('both languages draw the same limits', () => {
    const script = (name: string) => readFileSync(new URL(`../../src/counter/${name}.lua`, import.meta.url), 'utf8')
    const run = (name: string, ...args: string[]) => raw.eval(script(name), { keys: ['k'], arguments: args })
    const countMax = COUNTER_LIMITS.reserveCountMax.value
    const totalMax = COUNTER_LIMITS.totalMax.value

    test('what is allowed', async () => {
      expect(await run('resync', '0', '10')).toBe(1)
      expect(await run('reserve', '1', '1', '10')).toEqual(['ok', 1, 1])
      expect(await run('reserve', String(countMax), String(totalMax), '2147483647')).toEqual(['ok', 2, countMax])
      expect(await run('resync', String(totalMax), '10')).toBe(totalMax + 1)
      expect(await run('reserve', '1', String(totalMax), '10')).toEqual(['ok', totalMax + 1, 0])
    })

    const wrong = ['', '0', '-1', '1.5', ' 1', '01', '1e1', 'nan', '0x1']
    test.each([
      ...[...wrong, String(countMax + 1)].map((count) => ['reserve', count, '10', '10']),
      ...[...wrong, String(totalMax + 1)].map((total) => ['reserve', '1', total, '10']),
      ...wrong.map((expiry) => ['reserve', '1', '10', expiry]),
      ...[...wrong.filter((max) => max !== '0'), String(totalMax + 1)].map((max) => ['resync', max, '10']),
      ...wrong.map((expiry) => ['resync', '1', expiry]),
      ['reserve', '1', '10'],
      ['reserve', '1', '10', '10', '10'],
      ['resync', '1'],
    ] as [string, ...string[]][])('%s %j %j %j is refused, and nothing is written', async (name, ...args) => {
      await raw.set('k', '5')
      await expect(run(name, ...args)).rejects.toThrow(`ERR ${name}:`)
      expect([await raw.get('k'), await raw.ttl('k')]).toEqual(['5', -1])
      await raw.del('k')
      await expect(run(name, ...args)).rejects.toThrow(`ERR ${name}:`)
      expect(await raw.dbSize()).toBe(0)
    })
  })
})

describe('when the server is hurt', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await startRedis()
  })
  afterEach(() => server.close())

  /** A campaign that begins at `first`: its slots cannot be taken for another's. */
  const begun = async (counter: Counter, first: number) => {
    const campaign = newCampaign()
    expect(await counter.resync([{ campaign, maxSlot: first - 1 }])).toEqual([undefined])
    return campaign
  }
  const evalshas = async () => {
    const raw = await openRaw(server.url)
    const info = await raw.info('commandstats')
    raw.destroy()
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0)
  }

  test('away from the start: it says so at once, and is there when Redis is', async () => {
    await server.kill()
    const counter = open(server.url, { clock: heldClock() })
    const campaign = newCampaign()
    expect(await refusedOne(counter, campaign)).toMatch(/no connection to Redis/)
    await eventually(async () => /ECONNREFUSED/.test(await refusedOne(counter, campaign)))
    expect(await counter.ping()).toBe(false)
    await server.restart()
    await connected(counter)
    expect(await reserveOne(counter, campaign)).toEqual({ status: 'cold' })
  })

  test('kill -9: unavailable while it is away, then back by itself, and cold', async () => {
    const counter = open(server.url)
    await connected(counter)
    const campaign = await begun(counter, 1)
    await reserveOne(counter, campaign, 10)
    await server.kill()
    await refusedOne(counter, campaign)
    expect(await refusedOne(counter, campaign)).toMatch(/no connection to Redis/)
    await server.restart()
    await connected(counter)
    expect(await reserveOne(counter, campaign)).toEqual({ status: 'cold' })
    await counter.resync([{ campaign, maxSlot: 10 }])
    expect(await reserveOne(counter, campaign)).toEqual({ status: 'ok', from: 11, count: 1 })
  })

  test('it hangs: the deadline ends the calls, those after them are not sent, and later replies go to nobody', async () => {
    const clock = heldClock()
    const counter = open(server.url, { clock })
    await connected(counter)
    const campaigns = [await begun(counter, 1001), await begun(counter, 2001), await begun(counter, 3001)] as const
    await counter.reserve(campaigns.map((campaign) => ask(campaign)))
    const sentBefore = await evalshas()

    server.pause()
    const calls = [counter.reserve(campaigns.map((c) => ask(c, 10))), counter.reserve([ask(campaigns[1], 20)])]
    await new Promise((resolve) => setImmediate(resolve)) // written from there
    clock.passDeadlines()
    const late = (await Promise.all(calls)).flat()
    expect(late).toHaveLength(4)
    for (const answer of late) {
      expect(answer).toBeInstanceOf(CounterUnavailable)
      expect(answer instanceof Error && answer.message).toMatch(/no reply from Redis in \d+ ms/)
      expect(answer).toMatchObject({ fault: 'no_reply' })
    }
    // No deadline passes from here on: who is not answered at once hangs.
    for (let i = 0; i < 20; i++)
      expect(await refusedOne(counter, campaigns[0])).toMatch(/not answered earlier commands/)
    expect(await counter.reserve([ask(campaigns[0])])).toMatchObject([{ fault: 'stalled' }])
    expect(await counter.ping()).toBe(false)
    // Should the library ever lose a reply, that does not shut the way for good: after a while one call is a try.
    clock.timeMs += COUNTER_LIMITS.stallMsMax.value
    const attempt = counter.reserve([ask(campaigns[2], 5)])
    await new Promise((resolve) => setImmediate(resolve))
    clock.passDeadlines()
    expect(await attempt).toEqual([expect.any(CounterUnavailable)])
    expect(await refusedOne(counter, campaigns[0])).toMatch(/not answered earlier commands/)

    server.resume()
    await connected(counter)
    expect(await evalshas()).toBe(sentBefore + 5)
    expect(await counter.reserve(campaigns.toReversed().map((c) => ask(c)))).toEqual([
      { status: 'ok', from: 3017, count: 1 },
      { status: 'ok', from: 2032, count: 1 },
      { status: 'ok', from: 1012, count: 1 },
    ])
  })

  test('it hangs while it has lost the scripts: they are not sent after the deadline', async () => {
    const clock = heldClock()
    const counter = open(server.url, { clock, prefix: '' })
    await connected(counter)
    const campaign = await begun(counter, 1)
    await reserveOne(counter, campaign)
    const raw = await openRaw(server.url)
    await raw.scriptFlush()
    server.pause()
    const call = counter.reserve([ask(campaign, 10)])
    await new Promise((resolve) => setImmediate(resolve)) // written from there
    clock.passDeadlines()
    expect(await call).toEqual([expect.any(CounterUnavailable)])
    server.resume()
    await connected(counter)
    expect(await raw.get(keyOf('', campaign))).toBe('2')
    raw.destroy()
  })

  test('it hangs: the deadline is kept by the real clock as well', async () => {
    const replyMsMax = 300
    const counter = open(server.url, { replyMsMax })
    await connected(counter)
    const campaign = await begun(counter, 1)
    server.pause()
    const beganMs = performance.now()
    expect(await refusedOne(counter, campaign)).toMatch('no reply from Redis in 300 ms')
    expect(performance.now() - beganMs).toBeGreaterThan(replyMsMax * 0.9)
    server.resume()
    await connected(counter)
  })

  test('when this process is held up beyond the deadline, the replies that came meanwhile count', async () => {
    const counter = open(server.url, { replyMsMax: 100 })
    await connected(counter)
    const campaign = await begun(counter, 1)
    await reserveOne(counter, campaign) // from now on Redis knows the script: one round trip
    const call = counter.reserve([ask(campaign)])
    await new Promise((resolve) => setImmediate(resolve)) // written from there
    const until = performance.now() + 400
    while (performance.now() < until);
    expect(await call).toEqual([{ status: 'ok', from: 2, count: 1 }])
  })

  test('it hangs for long: the connection is dropped, and a new one opened when it wakes', async () => {
    const counter = open(server.url, { replyMsMax: 50 })
    await connected(counter)
    const campaign = await begun(counter, 1)
    server.pause()
    await refusedOne(counter, campaign)
    await eventually(async () => /no connection/.test(await refusedOne(counter, campaign)))
    server.resume()
    await connected(counter)
    expect(await reserveOne(counter, campaign)).toMatchObject({ status: 'ok', count: 1 })
  })

  test('a reply is lost with its connection: nothing is sent a second time', async () => {
    await using proxy = await openProxy(server.port)
    const counter = open(proxy.url)
    await connected(counter)
    const campaign = await begun(counter, 1)
    await reserveOne(counter, campaign)
    const sentBefore = await evalshas()
    proxy.cutAtNextReply()
    expect(await refusedOne(counter, campaign)).toMatch(/no connection to Redis/)
    await connected(counter)
    expect(await evalshas()).toBe(sentBefore + 1)
    expect(await reserveOne(counter, campaign)).toEqual({ status: 'ok', from: 3, count: 1 })
  })

  describe('close()', () => {
    test('waits for what is under way', async () => {
      const counter = open(server.url)
      await connected(counter)
      const campaign = await begun(counter, 1)
      const call = counter.reserve([ask(campaign)])
      await counter.close()
      expect(await call).toEqual([{ status: 'ok', from: 1, count: 1 }])
    })

    test('ends while Redis is away, and while it hangs', async () => {
      const away = open('redis://127.0.0.1:1/')
      await away.close()
      const counter = open(server.url, { replyMsMax: 50 })
      await connected(counter)
      server.pause()
      const call = counter.reserve([ask(newCampaign())])
      const beginning = open(server.url)
      await Promise.all([counter.close(), counter.close(), beginning.close()])
      expect(await call).toEqual([expect.any(CounterUnavailable)])
    })
  })

  describe('what it refuses is told to an operator', () => {
    let raw: Raw
    beforeEach(async () => {
      raw = await openRaw(server.url)
    })
    afterEach(() => raw.destroy())

    const refusal = async (counter: Counter, campaign: CampaignIdentity) => {
      const message = await refusedOne(counter, campaign)
      expect(message).toContain(campaign.id)
      expect(message).not.toContain(campaign.createdAtMs.toString(36))
      return message
    }

    test('READONLY', async () => {
      const counter = open(server.url)
      await connected(counter)
      const campaign = await begun(counter, 1)
      await raw.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
      expect(await refusal(counter, campaign)).toMatch('Redis refused: READONLY')
      await raw.sendCommand(['REPLICAOF', 'NO', 'ONE'])
      expect(await reserveOne(counter, campaign)).toMatchObject({ from: 1 })
    })

    test('OOM', async () => {
      const counter = open(server.url)
      await connected(counter)
      const campaign = await begun(counter, 1)
      await raw.configSet('maxmemory', '1')
      expect(await refusal(counter, campaign)).toMatch(/Redis refused: .*OOM/)
      await raw.configSet('maxmemory', '0')
      expect(await reserveOne(counter, campaign)).toMatchObject({ from: 1 })
    })

    test('NOPERM, and a user without EVALSHA', async () => {
      await raw.sendCommand(['ACL', 'SETUSER', 'blind', 'on', '>pa55', '+@all', '~other:*'])
      await raw.sendCommand(['ACL', 'SETUSER', 'mute', 'on', '>pa55', '+@all', '-@scripting', '~*'])
      for (const user of ['blind', 'mute']) {
        const counter = open(`redis://${user}:pa55@127.0.0.1:${server.port}/`)
        await connected(counter)
        expect(await refusal(counter, newCampaign())).toMatch('Redis refused: NOPERM')
      }
    })

    test('a value that may not be read is not cold, and resync does not replace it', async () => {
      const campaign = newCampaign()
      await raw.set(keyOf('', campaign), '500')
      await raw.sendCommand(['ACL', 'SETUSER', 'writer', 'on', '>pa55', '+@all', '-get', '~*'])
      const counter = open(`redis://writer:pa55@127.0.0.1:${server.port}/`, { prefix: '' })
      await connected(counter)
      await refusal(counter, campaign)
      expect(await counter.resync([{ campaign, maxSlot: 3 }])).toEqual([expect.any(CounterUnavailable)])
      expect(await raw.get(keyOf('', campaign))).toBe('500')
    })

    test('the least rights that suffice', async () => {
      const rights = ['+@connection', '+evalsha', '+eval', '+get', '+set', '~shop:*']
      await raw.sendCommand(['ACL', 'SETUSER', 'least', 'on', '>pa55', ...rights])
      const counter = open(`redis://least:pa55@127.0.0.1:${server.port}/`, { prefix: 'shop:' })
      await connected(counter)
      expect(await reserveOne(counter, await begun(counter, 5))).toMatchObject({ from: 5 })
    })

    test('a wrong password, which is not repeated', async () => {
      await raw.sendCommand(['ACL', 'SETUSER', 'one', 'on', '>pa55', '+@all', '~*'])
      const counter = open(`redis://one:gue55@127.0.0.1:${server.port}/`)
      const message = await eventually(async () => /.*WRONGPASS.*/.exec(await refusal(counter, newCampaign()))?.[0])
      expect(message).not.toMatch(/gue55|127/)
      await raw.sendCommand(['ACL', 'SETUSER', 'one', '>gue55'])
      await connected(counter)
    })

    test('a user and a password of any characters, and a database', async () => {
      await raw.sendCommand(['ACL', 'SETUSER', 'sho@p', 'on', '>p@s,s:/?', '+@all', '~*'])
      const counter = open(`redis://sho%40p:p%40s%2Cs%3A%2F%3F@127.0.0.1:${server.port}/3`, { prefix: '' })
      await connected(counter)
      await begun(counter, 1)
      await raw.sendCommand(['SELECT', '3'])
      expect(await raw.sendCommand(['DBSIZE'])).toBe(1)
    })
  })
})

describe('replies that make no sense', () => {
  test.each([
    ['+OK', /makes no sense/],
    [':5', /makes no sense/],
    ['$-1', /makes no sense/],
    ['_', /makes no sense/],
    ['*0', /makes no sense/],
    ['*3\r\n$2\r\nok\r\n:0\r\n:1', /makes no sense/],
    ['*3\r\n$2\r\nok\r\n:1\r\n:-1', /makes no sense/],
    ['*3\r\n$2\r\nok\r\n:1\r\n:6', /makes no sense/],
    ['*3\r\n$2\r\nok\r\n:98\r\n:5', /makes no sense/],
    ['*3\r\n$2\r\nok\r\n$1\r\n1\r\n:1', /makes no sense/],
    ['*2\r\n$2\r\nok\r\n:1', /makes no sense/],
    ['*4\r\n$2\r\nok\r\n:1\r\n:1\r\n:1', /makes no sense/],
    ['*3\r\n$4\r\ncold\r\n:1\r\n:1', /makes no sense/],
    ['-LOADING Redis is loading the dataset in memory', /Redis refused: LOADING/],
    ['-CLUSTERDOWN Hash slot not served', /Redis refused: CLUSTERDOWN/],
    ['-MOVED 1 127.0.0.1:7001', /Redis refused: MOVED/],
    [
      "-ERR unknown command 'EVALSHA', with args beginning with: 'abc' '1' 'test",
      /Redis refused: ERR unknown command 'EVALSHA'$/,
    ],
  ])('%j is no answer', async (reply, message) => {
    await using server = await openFake((command) => (command === 'EVALSHA' ? reply : '+PONG'))
    const counter = open(server.url)
    await connected(counter)
    const campaign = newCampaign()
    const answers = await counter.reserve([
      { campaign, total: 100, count: 5 },
      { campaign, total: 100, count: 5 },
    ])
    expect(answers).toEqual([expect.any(CounterUnavailable), expect.any(CounterUnavailable)])
    for (const answer of answers) expect(answer instanceof CounterUnavailable && answer.message).toMatch(message)
    const fault = message.source.startsWith('Redis refused') ? 'refused' : 'nonsense'
    for (const answer of answers) expect(answer).toMatchObject({ fault })
    // Not even a resync takes just anything for done: it leaves at least the slots named.
    expect(await counter.resync([{ campaign, maxSlot: 5 }])).toEqual([expect.any(CounterUnavailable)])
  })

  test('one bad reply is its own element only', async () => {
    const replies = ['*1\r\n$4\r\ncold', '+what', '*3\r\n$2\r\nok\r\n:7\r\n:2']
    await using server = await openFake((command) => (command === 'EVALSHA' ? (replies.shift() ?? '+') : '+PONG'))
    const counter = open(server.url)
    await connected(counter)
    expect(await counter.reserve([ask(newCampaign(), 2), ask(newCampaign(), 2), ask(newCampaign(), 2)])).toEqual([
      { status: 'cold' },
      expect.any(CounterUnavailable),
      { status: 'ok', from: 7, count: 2 },
    ])
  })
})

describe('what cannot be opened', () => {
  test.each([
    '',
    'localhost:6379',
    'http://user:s3cret@host/',
    'redis://user:s3cret@host:port/',
    'redis://user:s3cret@host/shop',
    'redis://:s3cret%@host/',
    'redis://user:s3cret@a/,',
    'redis://user:s3cret@a/,redis://b/1',
    'redis://user:s3cret@a/,rediss://b/',
    'redis://user:s3cret@a/?timeout=5',
    'redis://user:s3cret@a/?tls-ca=/not/there.pem',
    'rediss://user:s3cret@a/?tls-ca=/not/there.pem',
    'rediss://user:s3cret@a/?rejectUnauthorized=false',
    `rediss://user:s3cret@a/?tls-cert=${import.meta.filename}`,
    `rediss://user:s3cret@a/,rediss://b/?tls-key=${import.meta.filename}`,
  ])('%j, without telling the password', (url) => {
    const failure = (() => {
      try {
        openRedisCounter({ url, prefix: '', clock: systemClock })
        return undefined
      } catch (error) {
        return error
      }
    })()
    expect(failure).toBeInstanceOf(TypeError)
    expect(JSON.stringify([String(failure), { ...(failure as object) }, (failure as Error).cause])).not.toMatch(
      /s3cret/,
    )
  })

  test.each(['a{b}', '{', 'x}'])('the prefix %j, which would take the shard from the campaign', (prefix) => {
    expect(() => openRedisCounter({ url: 'redis://localhost/', prefix, clock: systemClock })).toThrow(TypeError)
  })
})

describe('a cluster', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster?.close())

  counterContract('on a cluster', async () => {
    const prefix = uniquePrefix()
    const [counter, other] = [0, 1].map(() =>
      openRedisCounter({ url: cluster.url, prefix, clock: systemClock, replyMsMax: 5_000 }),
    ) as [Counter, Counter]
    await Promise.all([connected(counter), connected(other)])
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

  /** One campaign on each of the three, begun. */
  const spread = async (counter: Counter, prefix: string) => {
    const found: CampaignIdentity[] = []
    while (Object.keys(found).length < 3) {
      const campaign = newCampaign()
      found[await cluster.shardOf(keyOf(prefix, campaign))] ??= campaign
    }
    expect(await counter.resync(found.map((campaign) => ({ campaign, maxSlot: 0 })))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    return found as [CampaignIdentity, CampaignIdentity, CampaignIdentity]
  }
  const statuses = (answers: readonly (Reservation | CounterUnavailable)[]) =>
    answers.map((answer) => (answer instanceof CounterUnavailable ? 'unavailable' : answer.status))

  test('each campaign is on its shard, in one key', async () => {
    const prefix = uniquePrefix()
    const counter = open(cluster.url, { prefix })
    await connected(counter)
    const campaigns = await spread(counter, prefix)
    for (const [shard, campaign] of campaigns.entries()) {
      expect(await cluster.rawOf(shard).keys(`${prefix}*`)).toEqual([keyOf(prefix, campaign)])
    }
  })

  test('a shard that hangs stalls its own campaigns only', async () => {
    const prefix = uniquePrefix()
    const counter = open(cluster.url, { prefix, replyMsMax: 200 })
    await connected(counter)
    const asks = (await spread(counter, prefix)).map((campaign) => ask(campaign))
    cluster.servers[1]?.pause()
    expect(statuses(await counter.reserve(asks))).toEqual(['ok', 'unavailable', 'ok'])
    expect(statuses(await counter.reserve(asks))).toEqual(['ok', 'unavailable', 'ok'])
    expect(await counter.ping()).toBe(false)
    cluster.servers[1]?.resume()
    await eventually(async () => statuses(await counter.reserve(asks)).every((status) => status === 'ok'))
  })

  test('a shard that is away fails its own campaigns only, also for a server that starts meanwhile', async () => {
    const prefix = uniquePrefix()
    const counter = open(cluster.url, { prefix, replyMsMax: 1_000 })
    await connected(counter)
    const asks = (await spread(counter, prefix)).map((campaign) => ask(campaign))
    await cluster.servers[2]?.kill()
    const late = open(cluster.url, { prefix, replyMsMax: 1_000 })
    for (const one of [counter, late]) {
      await eventually(async () =>
        statuses(await one.reserve(asks))
          .slice(0, 2)
          .every((status) => status === 'ok'),
      )
      for (let i = 0; i < 3; i++) expect(statuses(await one.reserve(asks))).toEqual(['ok', 'ok', 'unavailable'])
    }
    await cluster.servers[2]?.restart()
    for (const one of [counter, late]) {
      await eventually(async () => statuses(await one.reserve(asks))[2] === 'cold')
      await connected(one)
    }
    await cluster.reconnectRaw(2)
  })

  test('slots that move to another shard are followed', async () => {
    const prefix = uniquePrefix()
    const counter = open(cluster.url, { prefix })
    await connected(counter)
    const [campaign] = await spread(counter, prefix)
    const slot = await cluster.slotOf(keyOf(prefix, campaign))
    // Without its key: what another shard does not know is cold.
    await cluster.rawOf(0).flushAll()
    await cluster.give(slot, 1)
    expect(await reserveOne(counter, campaign)).toEqual({ status: 'cold' })
    await counter.resync([{ campaign, maxSlot: 4 }])
    expect(await cluster.rawOf(1).keys(`${prefix}{${campaign.id}}*`)).toHaveLength(1)
    await cluster.rawOf(1).flushAll()
    await cluster.give(slot, 0)
  })

  test('a replica that takes over is found, also by a server that started after its master was gone', async () => {
    const far = await startCluster({ withReplica: true })
    onTestFinished(() => far.close())
    const prefix = uniquePrefix()
    const early = open(far.url, { prefix, replyMsMax: 1_000 })
    await connected(early)
    const campaigns: CampaignIdentity[] = Array.from({ length: 20 }, newCampaign)
    const asks = campaigns.map((campaign) => ask(campaign))
    expect(new Set(statuses(await early.reserve(asks)))).toEqual(new Set(['cold']))
    await far.servers[2]?.kill()
    const late = open(far.url, { prefix, replyMsMax: 1_000 })
    for (const counter of [late, early]) {
      await eventually(async () => statuses(await counter.reserve(asks)).every((status) => status === 'cold'))
    }
  })

  test('all of it away from the start, then there', async () => {
    const far = await startCluster()
    onTestFinished(() => far.close())
    await Promise.all(far.servers.map((server) => server.kill()))
    const counter = open(far.url, { replyMsMax: 1_000 })
    const campaign = newCampaign()
    expect(await refusedOne(counter, campaign)).toMatch(/no connection to Redis/)
    await Promise.all(far.servers.map((server) => server.restart()))
    await connected(counter)
    await eventually(async () => statuses(await counter.reserve([ask(campaign)]))[0] === 'cold')
  })
})

interface Listening extends AsyncDisposable {
  readonly url: string
}

async function listen(onConnection: (socket: Socket) => void): Promise<Listening> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket.on('error', () => undefined).on('close', () => open.delete(socket)))
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `redis://127.0.0.1:${address.port}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Stands between a client and a server, and can lose a reply together with the connection. */
async function openProxy(port: number): Promise<Listening & { cutAtNextReply(): void }> {
  let cutting = false
  const listening = await listen((client) => {
    const upstream = connect(port, '127.0.0.1')
    upstream.on('error', () => client.destroy())
    client.on('data', (bytes) => upstream.write(bytes)).on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    upstream.on('data', (bytes) => {
      if (cutting) client.destroy()
      else client.write(bytes)
      cutting = false
    })
  })
  return {
    ...listening,
    cutAtNextReply() {
      cutting = true
    },
  }
}

/** Speaks just enough of the protocol to answer what it likes. */
function openFake(replyTo: (command: string) => string): Promise<Listening> {
  return listen((client) => {
    client.on('data', (bytes) => {
      for (const [, command = ''] of bytes.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        client.write(`${command === 'HELLO' || command === 'CLIENT' ? '+OK' : replyTo(command)}\r\n`)
      }
    })
  })
}
