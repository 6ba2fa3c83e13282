// Each server behind HAProxy is stopped and started anew while a crowd calls: bench/rolling-restart.ts, in small.

import { expect, inject, test } from 'vitest'
import { rollingRestart } from './rolling-restart.ts'

test('one server after the other, in a rush that waits for nobody: no failed call, exactly N', async () => {
  const { proxyLog, ...result } = await rollingRestart({
    mysqlUrl: inject('mysqlUrl'),
    redisUrl: inject('redisUrl'),
    proxy: 'haproxy',
    servers: 2,
    perSecond: 100,
    seconds: 16,
    share: 0.8,
    // Longer than the 2 s in which the proxy notices.
    drainMs: 3_000,
    hasKeys: false,
  })
  expect(result).toMatchObject({
    calls: 1_600,
    issued: 1_280,
    soldOut: 320,
    failed: {},
    exits: [0, 0],
    verdict: 'exact',
  })
  // It was told, and did not find out by a connection that nobody took: then calls are lost, sooner or later.
  const downs = [...proxyLog.matchAll(/Server firstcome\/(\w+) is DOWN, reason: ([^,]+(?:, code: \d+)?)/g)]
  expect(downs.map(([, server, reason]) => `${server}: ${reason}`)).toEqual([
    'one: Layer7 wrong status, code: 503',
    'two: Layer7 wrong status, code: 503',
  ])
})
