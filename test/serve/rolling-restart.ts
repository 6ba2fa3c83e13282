// Servers behind a proxy, a crowd that does not wait, and one server after the other stopped and started anew: what callers
// were told meanwhile, and whether it was exact.

import { auditCampaign } from '../../src/audit/audit.ts'
import { mysqlAuditSource } from '../../src/audit/mysql.ts'
import { systemClock, systemRandomness } from '../../src/host.ts'
import type { HistoryCall } from '../../src/load/history.ts'
import { runLoad } from '../../src/load/load.ts'
import { steady } from '../../src/load/plan.ts'
import { freshDatabase, uniquePrefix } from '../servers/fresh.ts'
import { startProxy, type ProxyKind } from '../servers/proxies.ts'
import { freePort } from '../servers/server.ts'
import { until } from '../servers/processes.ts'
import { startServe, type ServerProcess } from './server-process.ts'

const KEY = 'rolling-restart-bootstrap-key-of-tests'
/** Well below the 1,000 a second of `bench/rolling-restart.ts` each. */
const CONNECTIONS = 128

export interface RollingOptions {
  readonly mysqlUrl: string
  readonly redisUrl: string
  readonly proxy: ProxyKind
  readonly servers: number
  readonly perSecond: number
  readonly seconds: number
  /** Of the calls, so that the campaign sells out after the last restart. */
  readonly share: number
  readonly drainMs: number
  /** With an Idempotency-Key the proxy may send a call anew; without one it may not, and each loss shows. */
  readonly hasKeys: boolean
}

export interface RollingResult {
  readonly calls: number
  readonly issued: number
  readonly soldOut: number
  /** Everything else, by what it was. */
  readonly failed: Readonly<Record<string, number>>
  /** Issued when the last server was back. */
  readonly issuedWhileRolling: number
  readonly slowestMs: number
  /** Exit codes of the servers that were stopped. */
  readonly exits: readonly (number | null)[]
  readonly verdict: string
  /** What the proxy said. */
  readonly proxyLog: string
}

export async function rollingRestart(options: RollingOptions): Promise<RollingResult> {
  const { servers: count, perSecond, seconds, hasKeys } = options
  const database = await freshDatabase(options.mysqlUrl)
  const prefix = uniquePrefix()
  const servers: ServerProcess[] = []
  const start = (port: number) =>
    startServe({
      MYSQL_URL: database.url,
      REDIS_URL: options.redisUrl,
      REDIS_PREFIX: prefix,
      PORT: String(port),
      DRAIN_MS: String(options.drainMs),
      BOOTSTRAP_API_KEY: KEY,
      LOG_LEVEL: 'info',
      LOG_REQUESTS: 'faults',
    })
  try {
    for (let index = 0; index < count; index++) servers.push(await start(await freePort()))
    await using proxy = await startProxy(
      options.proxy,
      servers.map(({ url }) => url),
    )
    const requests = Math.round(perSecond * seconds)
    const id = await newCampaign(proxy.url, Math.round(requests * options.share))
    const calls: HistoryCall[] = []
    const stop = new AbortController()
    const load = runLoad({
      servers: [proxy.url],
      campaignId: id,
      apiKey: KEY,
      plan: steady(perSecond, seconds, Date.now()),
      want: (number) => {
        const name = `rolling-caller-${number}`
        return { request: name, recipient: name, idempotencyKey: hasKeys ? name : null }
      },
      connections: CONNECTIONS,
      patienceMs: 30_000,
      onCall: (call) => void calls.push(call),
      signal: stop.signal,
      clock: systemClock,
      randomness: systemRandomness,
    })
    await until(() => calls.length > perSecond / 2)
    const exits: (number | null)[] = []
    for (const [index, server] of servers.entries()) {
      const { port } = new URL(server.url)
      exits.push((await server.process.stop()).code)
      await server.close()
      servers[index] = await start(Number(port))
      if (options.proxy === 'haproxy') await isUpAgain(() => proxy.output, index + 1)
    }
    const issuedWhileRolling = calls.filter(({ code }) => code === 'issued').length
    await load

    const source = mysqlAuditSource({ url: database.url })
    const report = await auditCampaign(source, id, { graceMs: 0, histories: [{ calls: of(calls) }] })
    for (const { check, detail } of report?.violations ?? []) process.stderr.write(`${check}: ${detail}\n`)
    return {
      calls: calls.length,
      issued: calls.filter(({ code }) => code === 'issued').length,
      soldOut: calls.filter(({ code }) => code === 'sold_out').length,
      failed: failures(calls),
      issuedWhileRolling,
      slowestMs: Math.round(Math.max(...calls.map((call) => call.answered_at - call.intended_at))),
      exits,
      verdict: report?.complete === true ? report.verdict : `not complete, ${report?.verdict}`,
      proxyLog: proxy.output,
    }
  } finally {
    await Promise.all(servers.map((server) => server.close()))
    await database.drop()
  }
}

/** The proxy sends it callers: before that the next one must not go. */
async function isUpAgain(output: () => string, times: number): Promise<void> {
  await until(() => (output().match(/ is UP, /g) ?? []).length >= times)
}

async function newCampaign(url: string, total: number): Promise<string> {
  const response = await fetch(`${url}/v1/campaigns`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: '선착순 쿠폰', start_time: 'now', total_coupons: total }),
  })
  if (response.status !== 201) throw new Error(`create: ${response.status} ${await response.text()}`)
  return ((await response.json()) as { id: string }).id
}

function failures(calls: readonly HistoryCall[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { code, status } of calls) {
    if (code === 'issued' || code === 'sold_out') continue
    const name = `${status ?? 'no reply'}${code === null ? '' : ` ${code}`}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

async function* of(calls: readonly HistoryCall[]) {
  yield* calls
}
