// Audits while a crowd is served by two servers on MySQL and Redis: at no moment do the rows, or what callers were told, look
// wrong; and when all is over the campaign is exact, complete, and the same to whoever looks.

import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { auditCampaign } from '../../src/audit/audit.ts'
import { httpAuditSource } from '../../src/audit/http.ts'
import { mysqlAuditSource } from '../../src/audit/mysql.ts'
import type { AuditReport, HistoryReport } from '../../src/audit/report.ts'
import type { HistoryCall } from '../../src/load/history.ts'
import { migrateMysql } from '../../src/ledger/mysql/migrate.ts'
import { answered, call, createCampaign, issue, startServe, type ServerProcess } from '../serve/server-process.ts'
import { freshDatabase, uniquePrefix, type FreshDatabase } from '../servers/fresh.ts'
import { told } from './audit-suite.ts'

const GRACE_MS = 30_000
const COUPONS = 3_000
const PEOPLE = 4_000
/** Of the crowd at once. */
const HANDS = 64

let database: FreshDatabase
let servers: ServerProcess[] = []
beforeAll(async () => {
  database = await freshDatabase(inject('mysqlUrl'))
  await migrateMysql({ url: database.url })
  const environment = { MYSQL_URL: database.url, REDIS_URL: inject('redisUrl'), REDIS_PREFIX: uniquePrefix() }
  servers = await Promise.all([startServe(environment), startServe(environment)])
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
  await database.drop()
})

const now = () => performance.timeOrigin + performance.now()

/** Somebody asks twice at once, of either server; every tenth hangs up on the first call. */
async function ask(id: string, person: number, history: HistoryCall[]): Promise<void> {
  const recipient = `user-${person}`
  const calls = [0, 1].map(async (index) => {
    const server = servers[(person + index) % servers.length] as ServerProcess
    const sentAt = now()
    const hangUp = index === 0 && person % 10 === 0 ? { hangUpAfterMs: 2 } : {}
    const reply = await issue(server.url, id, { recipient, ...hangUp })
    const { status = null, body = {} } = reply ?? {}
    const isOk = status === 200 || status === 201
    const isUnknown = status === null || status === 429 || status >= 500
    const { coupon_code, slot, recipient: stored, issued_at } = body as unknown as NonNullable<HistoryCall['coupon']>
    history.push({
      request: recipient,
      call: index + 1,
      campaign_id: id,
      recipient,
      idempotency_key: null,
      server: server.url,
      intended_at: sentAt,
      sent_at: sentAt,
      answered_at: now(),
      answer: isOk ? 'ok' : isUnknown ? 'unknown' : 'refused',
      status,
      code: status === 201 ? 'issued' : status === 200 ? 'replayed' : ((body['code'] as string | undefined) ?? null),
      coupon: isOk ? { coupon_code, slot, recipient: stored, issued_at } : null,
    })
  })
  await Promise.all(calls)
}

describe('a rush', () => {
  test('is exact whenever somebody looks, and complete at its end', async () => {
    const { id } = await createCampaign(servers[0]?.url as string, { total_coupons: COUPONS })
    const inDatabase = mysqlAuditSource({ url: database.url })
    const overHttp = httpAuditSource({ url: servers[1]?.url as string })
    const history: HistoryCall[] = []
    let next = 0
    let isOver = false
    const crowd = Promise.all(
      Array.from({ length: HANDS }, async () => {
        while (next < PEOPLE) await ask(id, next++, history)
      }),
    ).finally(() => (isOver = true))

    let looks = 0
    while (!isOver) {
      // Of what was told by now: whatever is told meanwhile is not in it.
      const soFar = [...history]
      const source = looks++ % 2 === 0 ? inDatabase : overHttp
      const report = await auditCampaign(source, id, { graceMs: GRACE_MS, histories: [{ calls: told(soFar) }] })
      expect(report?.violations).toEqual([])
      expect(report?.verdict).toBe('exact')
    }
    await crowd
    expect(looks).toBeGreaterThan(1)

    const options = () => ({ graceMs: GRACE_MS, histories: [{ calls: told(history) }] })
    const reports = [
      await auditCampaign(inDatabase, id, options()),
      await auditCampaign(overHttp, id, options()),
      (await answered(call(`${servers[0]?.url}/v1/campaigns/${id}/audit`))).body,
    ]
    for (const report of reports) {
      expect(report).toMatchObject({
        verdict: 'exact',
        complete: true,
        issued_count: COUPONS,
        through_slot: COUPONS,
        violations: [],
        gaps: { count: 0 },
        in_flight: { count: 0 },
      })
    }
    expect(new Set(reports.map((report) => report?.['checksum'])).size).toBe(1)
    expect(reports[2]?.['counter_next']).toBeGreaterThan(COUPONS)
    const counts = (reports[0] as AuditReport).history as HistoryReport
    expect(counts).toMatchObject({ requests: PEOPLE, unjudged: 0 })
    expect(counts.acknowledged + counts.unknown_stored).toBe(COUPONS)
  })
})

test('whoever may only read may audit, and writes nothing', async () => {
  const { id } = await createCampaign(servers[0]?.url as string, { total_coupons: 1 })
  const owner = await createConnection(database.url)
  const name = `reader_${Math.random().toString(36).slice(2, 8)}`
  const schema = new URL(database.url).pathname.slice(1)
  try {
    await owner.query(`CREATE USER '${name}'@'%' IDENTIFIED BY 'secret'`)
    await owner.query(`GRANT SELECT ON ${schema}.* TO '${name}'@'%'`)
    const url = new URL(database.url)
    url.username = name
    url.password = 'secret'
    const report = await auditCampaign(mysqlAuditSource({ url: url.href }), id, { graceMs: GRACE_MS })
    expect(report).toMatchObject({ verdict: 'exact', issued_count: 0, violations: [] })
  } finally {
    await owner.query(`DROP USER IF EXISTS '${name}'@'%'`)
    await owner.end()
  }
})

test('rows that come while it reads belong to another moment', async () => {
  const url = servers[0]?.url as string
  const { id } = await createCampaign(url, { total_coupons: 10 })
  await issue(url, id, { recipient: 'user-1' })
  let steps = 0
  const report = await auditCampaign(mysqlAuditSource({ url: database.url }), id, {
    graceMs: GRACE_MS,
    async onProgress() {
      await issue(url, id, { recipient: `late-${++steps}` })
    },
  })
  expect(steps).toBeGreaterThan(3)
  expect(report).toMatchObject({ verdict: 'exact', issued_count: 1, through_slot: 1, violations: [] })
})
