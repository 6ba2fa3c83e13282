// What a crowd gets while a store is away: coupons a second before, during and after, the faults it is told, and whether in
// the end there are exactly as many coupons as there should be. Real servers, real kills, a proxy for what a network does.
//
//   node bench/outages.ts [scenario …] [--before 20] [--outage 20] [--after 10] [--callers 128]
//
// Driver, servers and stores share this machine, so that only the ratios say something. Needs `npm run servers`.

import { parseArgs } from 'node:util'
import { auditCampaign } from '../src/audit/audit.ts'
import { mysqlAuditSource } from '../src/audit/mysql.ts'
import { systemClock, systemRandomness } from '../src/host.ts'
import type { HistoryCall } from '../src/load/history.ts'
import { runLoad } from '../src/load/load.ts'
import { CALM, openFaultProxy, type FaultProxy } from '../test/chaos/fault-proxy.ts'
import { answered, call, createCampaign, startServe, type ServerProcess } from '../test/serve/server-process.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'
import type { TestServer } from '../test/servers/server.ts'

/** Coupons left when the stores are well again: the campaign is sold out to them. */
const TAIL_COUPONS = 1_000
/** Of every request; an outage is shorter. */
const PATIENCE_MS = 60_000
/** In which a store answers that is only slow. */
const SLOW_MS = 2_000

interface Stage {
  readonly mysql: TestServer
  readonly redis: TestServer
  /** Between the first server and Redis. */
  readonly proxy: FaultProxy
}

interface Scenario {
  readonly servers: number
  /** What goes wrong. @returns what makes it well again */
  begin(stage: Stage): Promise<() => Promise<void>>
}

const mute = async ({ proxy }: Stage) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const over = proxy.blackHole(promise)
  return async () => {
    resolve()
    await over
  }
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'redis-killed': {
    servers: 1,
    async begin({ redis }) {
      await redis.kill()
      return () => redis.restart()
    },
  },
  'redis-mute': { servers: 1, begin: mute },
  'redis-slow': {
    servers: 1,
    async begin({ proxy }) {
      proxy.weather({ ...CALM, delay: 1, delayMsMax: 2 * SLOW_MS })
      return async () => proxy.weather(CALM)
    },
  },
  'redis-mute-to-one-of-two': { servers: 2, begin: mute },
  'mysql-killed': {
    servers: 1,
    async begin({ mysql }) {
      await mysql.kill()
      return () => mysql.restart()
    },
  },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    before: { type: 'string', default: '20' },
    outage: { type: 'string', default: '20' },
    after: { type: 'string', default: '10' },
    callers: { type: 'string', default: '128' },
    help: { type: 'boolean', default: false },
  },
})
const names = positionals.length > 0 ? positionals : Object.keys(SCENARIOS)
const unknown = names.filter((name) => SCENARIOS[name] === undefined)
if (values.help || unknown.length > 0) {
  process.stdout.write(`Scenarios: ${Object.keys(SCENARIOS).join(', ')}\n`)
  process.exit(values.help ? 0 : 3)
}

const rows = []
for (const name of names) rows.push({ scenario: name, ...(await play(name, SCENARIOS[name] as Scenario)) })
console.table(rows)
if (rows.some(({ verdict }) => verdict !== 'exact')) process.exitCode = 1

async function play(name: string, scenario: Scenario) {
  await using mysql = await startMariadb()
  await using redis = await startRedis()
  // Half of what is given: a delay of a known length.
  await using proxy = await openFaultProxy(redis.url, () => 0.5)
  const database = await freshDatabase(mysql.url)
  const servers: ServerProcess[] = []
  for (let index = 0; index < scenario.servers; index++) {
    const REDIS_URL = index === 0 ? proxy.url : redis.url
    servers.push(await startServe({ MYSQL_URL: database.url, REDIS_URL, CLIENT_READS_PER_S: '0' }))
  }
  const urls = servers.map(({ url }) => url)
  const [url = ''] = urls
  try {
    const { id } = await createCampaign(url, { total_coupons: 100_000_000 })
    const calls: HistoryCall[] = []
    const at = { fault: Infinity, healed: Infinity, end: Infinity }
    const stop = new AbortController()
    const load = crowd(urls, id, 'rush', 1e9, calls, stop.signal)
    const beganMs = Date.now()
    await phase(name, 'before', Number(values.before))
    at.fault = Date.now()
    const heal = await scenario.begin({ mysql, redis, proxy })
    await phase(name, 'outage', Number(values.outage) - (Date.now() - at.fault) / 1_000)
    const healing = Date.now()
    await heal()
    at.healed = Date.now()
    await phase(name, 'after', Number(values.after))
    at.end = Date.now()
    stop.abort()
    await load

    const rate = (fromMs: number, toMs: number, server?: string) =>
      Math.round((issuedIn(calls, fromMs, toMs, server) * 1_000) / (toMs - fromMs))
    // Two seconds in which the code is compiled and the pools are filled.
    const before = rate(beganMs + 2_000, at.fault)
    const during = rate(at.fault, healing)
    const first = calls.find(({ answered_at, answer }) => answer === 'ok' && answered_at > at.healed)
    const { total, verdict } = await sellOut(urls, id, calls, database.url)
    return {
      'before/s': before,
      'first second/s': rate(at.fault, at.fault + 1_000),
      'during/s': during,
      'during/s of each': urls.map((server) => rate(at.fault, healing, server)).join(' + '),
      ratio: Number((during / before).toFixed(2)),
      'after/s': rate(at.healed + 1_000, at.end),
      'back after ms': first === undefined ? null : Math.round(first.answered_at - at.healed),
      'faults in the first second': faultsIn(calls, at.fault, at.fault + 1_000),
      'later faults': faultsIn(calls, at.fault + 1_000, Infinity),
      total,
      verdict,
    }
  } finally {
    for (const server of servers) await server.close()
    await database.drop().catch(() => {})
  }
}

/** What is left, and more who ask than there is left. */
async function sellOut(urls: readonly string[], id: string, calls: HistoryCall[], mysqlUrl: string) {
  const campaignUrl = `${urls[0]}/v1/campaigns/${id}`
  const patch = (total: number) => answered(call(campaignUrl, { method: 'PATCH', body: { total_coupons: total } }))
  const lowest = Number((await patch(1)).body['lowest_total'])
  const total = lowest + TAIL_COUPONS
  await patch(total)
  const { body } = await answered(call(campaignUrl))
  const left = total - Number(body['issued_count'])
  await crowd(urls, id, 'tail', 2 * left, calls, new AbortController().signal)
  const histories = [{ calls: of(calls) }]
  const report = await auditCampaign(mysqlAuditSource({ url: mysqlUrl }), id, { graceMs: 0, histories })
  for (const { check, detail } of report?.violations ?? []) process.stderr.write(`${check}: ${detail}\n`)
  return { total, verdict: report?.complete === true ? report.verdict : `not complete, ${report?.verdict}` }
}

function crowd(
  servers: readonly string[],
  campaignId: string,
  run: string,
  requests: number,
  calls: HistoryCall[],
  signal: AbortSignal,
) {
  const callers = Number(values.callers)
  return runLoad({
    servers,
    campaignId,
    plan: { kind: 'closed', requests, callers, fromMs: 0 },
    want: (number) => ({ request: `${run}-${number}`, recipient: `${run}-${number}`, idempotencyKey: null }),
    connections: callers,
    patienceMs: PATIENCE_MS,
    onCall: (call) => void calls.push(call),
    signal,
    clock: systemClock,
    randomness: systemRandomness,
  })
}

async function* of(calls: readonly HistoryCall[]) {
  yield* calls
}

async function phase(scenario: string, name: string, seconds: number): Promise<void> {
  process.stderr.write(`${scenario}: ${name}, ${seconds.toFixed(0)} s\n`)
  await systemClock.sleep(seconds * 1_000)
}

function issuedIn(calls: readonly HistoryCall[], fromMs: number, toMs: number, of?: string): number {
  return calls.filter(
    ({ code, answered_at: at, server }) =>
      code === 'issued' && at >= fromMs && at < toMs && (of === undefined || server === of),
  ).length
}

function faultsIn(calls: readonly HistoryCall[], fromMs: number, toMs: number): string {
  const counts = new Map<string, number>()
  for (const { answer, code, status, answered_at: at } of calls) {
    if (answer !== 'unknown' || at < fromMs || at >= toMs) continue
    const name = code ?? `${status ?? 'no reply'}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ') || 'none'
}
