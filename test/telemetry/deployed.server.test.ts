// Every expression of the alerts and of the dashboard, against what a real server on MySQL and Redis really tells, after it
// was made to do most of what it can.

import { expect, inject, test } from 'vitest'
import { answered, call, countReplies, createCampaign, issue, startServe } from '../serve/server-process.ts'
import { freshDatabase, uniquePrefix } from '../servers/fresh.ts'
import { readAlerts, readDashboard, targetsOf } from './deployed.ts'
import { seriesOf, valueOf } from './exposition.ts'
import { complaintsOf } from './promql.ts'

test('alerts and dashboard speak of nothing that a server does not tell', async () => {
  const database = await freshDatabase(inject('mysqlUrl'))
  const server = await startServe({
    MYSQL_URL: database.url,
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: uniquePrefix(),
    WORKERS: '2',
    // So that it can still be asked while it says that it is not ready any more.
    DRAIN_MS: '60000',
  })
  try {
    const { url } = server
    const { id } = await createCampaign(url, { total_coupons: 10 })
    const replies = await Promise.all(
      Array.from({ length: 30 }, (_, index) => issue(url, id, { recipient: `r${index}` })),
    )
    expect(countReplies(replies)).toEqual({ '201': 10, '409 sold_out': 20 })
    await answered(call(`${url}/v1/campaigns/${id}/audit`))
    server.process.signal('SIGTERM')
    await expect.poll(async () => (await answered(call(`${url}/readyz`))).status).toBe(503)
    const series = seriesOf(await (await fetch(`${url}/metrics`)).text())

    expect(valueOf(series, 'firstcome_issue_answers_total', { code: 'issued' })).toBe(10)
    expect(valueOf(series, 'firstcome_issue_ledger_way_requests_total', { reason: 'nothing_left' })).toBe(20)
    expect(valueOf(series, 'firstcome_redis_reply_seconds_count', { command: 'reserve' })).toBeGreaterThan(0)
    expect(valueOf(series, 'firstcome_redis_up')).toBe(1)
    expect(valueOf(series, 'firstcome_database_up')).toBe(1)
    expect(valueOf(series, 'firstcome_ready')).toBe(0)
    expect(Math.abs(valueOf(series, 'firstcome_database_clock_offset_seconds') ?? NaN)).toBeLessThan(60)
    expect(valueOf(series, 'firstcome_database_connections', { pool: 'path', state: 'idle' })).toBeGreaterThan(0)

    const ofAlerts = readAlerts().flatMap(({ name, expression }) =>
      complaintsOf(expression, series).map((complaint) => `${name}: ${complaint}`),
    )
    const dashboard = readDashboard()
    const ofPanels = targetsOf(dashboard).flatMap(({ panel, expression }) =>
      complaintsOf(expression, series).map((complaint) => `${panel}: ${complaint}`),
    )
    expect([...ofAlerts, ...ofPanels]).toEqual([])
    for (const { name, definition } of dashboard.templating.list.filter((one) => one.definition !== undefined)) {
      const [, metric = ''] = /^label_values\((\w+), (\w+)\)$/.exec(definition as string) ?? []
      expect(valueOf(series, metric), name).not.toBeNull()
    }
  } finally {
    await server.close()
    await database.drop()
  }
})
