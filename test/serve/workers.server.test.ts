// Several processes at one address: whoever dies is followed by another, all can be replaced while they serve, they count as
// one server, and none outlives the primary.

import { createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { auditCampaign } from '../../src/audit/audit.ts'
import { mysqlAuditSource } from '../../src/audit/mysql.ts'
import { systemClock, systemRandomness } from '../../src/host.ts'
import type { HistoryCall } from '../../src/load/history.ts'
import { runLoad } from '../../src/load/load.ts'
import { noteSecrets } from '../secrets/notes.ts'
import { freshDatabase, uniquePrefix, type FreshDatabase } from '../servers/fresh.ts'
import { spawnGuarded } from '../servers/guarded.ts'
import { childrenOf, isAlive, until } from '../servers/processes.ts'
import { seriesOf, valueOf, type Series } from '../telemetry/exposition.ts'
import {
  call,
  countReplies,
  createCampaign,
  issue,
  MAIN,
  startServe,
  type Reply,
  type ServerProcess,
} from './server-process.ts'

let database: FreshDatabase
const prefix = uniquePrefix()
const started: ServerProcess[] = []

beforeAll(async () => {
  database = await freshDatabase(inject('mysqlUrl'))
})
afterAll(() => database.drop())
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()))
})

function environment(): Record<string, string> {
  const stores = { MYSQL_URL: database.url, REDIS_URL: inject('redisUrl'), REDIS_PREFIX: prefix }
  return { ...stores, WORKERS: '2', LOG_REQUESTS: 'faults', RECIPIENT_CALLS_PER_S: '0', CLIENT_READS_PER_S: '0' }
}

async function start(more: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await startServe({ ...environment(), ...more })
  started.push(server)
  return server
}

const workersOf = ({ process }: ServerProcess) => childrenOf(process.pid)

async function metrics({ url }: ServerProcess): Promise<Series[]> {
  const reply = await fetch(`${url}/metrics`)
  expect(reply.status).toBe(200)
  return seriesOf(await reply.text())
}

/** Of the service, what only grows, by name and labels. */
function grown(series: readonly Series[]): Map<string, number> {
  const counted = series.filter(({ name }) => /^firstcome_\w+_(total|bucket|sum|count)$/.test(name))
  return new Map(counted.map(({ name, labels, value }) => [`${name} ${JSON.stringify(labels)}`, value]))
}

/** A crowd in which everybody asks until they are answered. @param onCall with how many calls there were */
async function rush(
  url: string,
  id: string,
  requests: number,
  onCall = (_calls: number) => {},
): Promise<HistoryCall[]> {
  const history: HistoryCall[] = []
  await runLoad({
    servers: [url],
    campaignId: id,
    plan: { kind: 'closed', requests, callers: 64, fromMs: 0 },
    want: (number) => ({ request: `${id}-${number}`, recipient: `${id}-${number}`, idempotencyKey: null }),
    connections: 64,
    patienceMs: 60_000,
    onCall(one) {
      noteSecrets(one.recipient, one.coupon?.coupon_code)
      history.push(one)
      onCall(history.length)
    },
    signal: new AbortController().signal,
    clock: systemClock,
    randomness: systemRandomness,
  })
  return history
}

async function audited(id: string, history: readonly HistoryCall[]) {
  const calls = (async function* () {
    yield* history
  })()
  return auditCampaign(mysqlAuditSource({ url: database.url }), id, { graceMs: 0, histories: [{ calls }] })
}

/** While somebody else holds the campaign: calls for its coupons are in flight until `work` is over. */
async function whileHeld(id: string, work: () => Promise<void>): Promise<void> {
  const connection = await createConnection(database.url)
  try {
    await connection.beginTransaction()
    await connection.query('SELECT id FROM campaigns WHERE id = ? FOR UPDATE', [id])
    await work()
    await connection.rollback()
  } finally {
    await connection.end()
  }
}

/** Calls that wait behind whoever holds the campaign, of each worker some. */
async function inFlight(server: ServerProcess, id: string, count: number): Promise<Promise<Reply | null>[]> {
  const calls = Array.from({ length: count }, (_, index) => issue(server.url, id, { recipient: `held-${id}-${index}` }))
  await expect.poll(async () => valueOf(await metrics(server), 'firstcome_issue_unanswered_requests')).toBe(count)
  return calls
}

test('a worker killed with -9 in a rush: exactly N, nobody is told wrong, the other goes on, a new one comes', async () => {
  const server = await start()
  const before = workersOf(server)
  expect(before).toHaveLength(2)
  const [doomed, other] = before as [number, number]
  const { id } = await createCampaign(server.url, { total_coupons: 6_000 })
  // Counters never go backwards, whoever of the two is asked.
  let last = new Map<string, number>()
  const backwards: string[] = []
  let looks = 0
  let isOver = false
  const looking = (async () => {
    while (!isOver) {
      const now = grown(await metrics(server).catch(() => []))
      if (now.size === 0) continue
      for (const [name, value] of last) if (!((now.get(name) ?? -1) >= value)) backwards.push(name)
      last = now
      looks++
    }
  })()
  const history = await rush(server.url, id, 8_000, (calls) => {
    if (calls === 2_000) process.kill(doomed, 'SIGKILL')
  })
  isOver = true
  await looking
  expect(backwards).toEqual([])
  expect(looks).toBeGreaterThan(3)

  const report = await audited(id, history)
  expect(report).toMatchObject({ verdict: 'exact', complete: true, issued_count: 6_000 })
  expect(report?.history).toMatchObject({ acknowledged: 6_000, refused: 2_000, unknown_left: 0 })
  // No reply: only from the one that died, at most one for each caller.
  const codes = new Set(history.map(({ status, code }) => (status === null ? 'none' : code)))
  expect([...codes].filter((code) => !['none', 'issued', 'replayed', 'sold_out'].includes(String(code)))).toEqual([])
  expect(history.filter(({ status }) => status === null).length).toBeLessThanOrEqual(64)

  await server.process.waitForOutput(
    new RegExp(`"worker_pid":${doomed},"code":null,"signal":"SIGKILL".*"a worker died`),
  )
  await expect.poll(async () => valueOf(await metrics(server), 'firstcome_workers', { state: 'ready' })).toBe(2)
  expect(isAlive(other)).toBe(true)
  expect(workersOf(server)).toHaveLength(2)
  expect(workersOf(server)).not.toContain(doomed)
  expect(valueOf(await metrics(server), 'firstcome_worker_starts_total', { reason: 'died' })).toBe(1)
})

test('SIGHUP in a rush, and SIGTERM to one worker: all are new, no call failed, ready all the time, every coupon is counted', async () => {
  const server = await start({ DRAIN_MS: '700' })
  const old = workersOf(server)
  const { id } = await createCampaign(server.url, { total_coupons: 1_000_000 })
  let isOver = false
  const replies: (Reply | null)[] = []
  const callers = Array.from({ length: 64 }, async (_, caller) => {
    for (let number = 0; !isOver; number++)
      replies.push(await issue(server.url, id, { recipient: `hup-${caller}-${number}` }))
  })
  const readiness: (Reply | null)[] = []
  // Each time over a connection of its own: it may come to a worker in the moment in which that one leaves.
  const looking = Array.from({ length: 8 }, async () => {
    while (!isOver) readiness.push(await call(`${server.url}/readyz`, { headers: { connection: 'close' } }))
  })
  await until(() => replies.length > 500)
  server.process.signal('SIGHUP')
  await server.process.waitForOutput(/(?:"a worker was replaced"[^]*){2}/)
  const next = workersOf(server)
  expect(next).toHaveLength(2)
  expect(next.filter((pid) => old.includes(pid))).toEqual([])
  process.kill(next[0] as number, 'SIGTERM')
  await server.process.waitForOutput(/(?:"a worker was replaced"[^]*){3}/)
  isOver = true
  await Promise.all([...callers, ...looking])
  expect(countReplies(replies)).toEqual({ '201': replies.length })
  expect(countReplies(readiness)).toEqual({ '200': readiness.length })
  const series = await metrics(server)
  expect(valueOf(series, 'firstcome_issue_answers_total', { code: 'issued' })).toBe(replies.length)
  expect(valueOf(series, 'firstcome_worker_starts_total', { reason: 'replaced' })).toBe(3)
  expect(
    new Set(series.filter(({ name }) => name === 'process_cpu_seconds_total').map(({ labels }) => labels['worker'])),
  ).toEqual(new Set(['1', '2', 'primary']))
})

test('SIGTERM to all of them, as a supervisor sends it: not ready at once, what is in flight is answered, exit 0', async () => {
  const server = await start({ DRAIN_MS: '500' })
  const workers = workersOf(server)
  const { id } = await createCampaign(server.url, { total_coupons: 100 })
  const calls: Promise<Reply | null>[] = []
  await whileHeld(id, async () => {
    calls.push(...(await inFlight(server, id, 12)))
    process.kill(-server.process.pid, 'SIGTERM')
    const readyz = () => call(`${server.url}/readyz`, { headers: { connection: 'close' } })
    await expect.poll(async () => (await readyz())?.status).toBe(503)
    // Of each of them, for they take turns.
    const replies = await Promise.all([readyz(), readyz(), readyz(), readyz()])
    expect(countReplies(replies)).toEqual({ '503': 4 })
    expect(replies.map((reply) => reply?.body['status'])).toEqual(Array(4).fill('closing'))
  })
  expect(countReplies(await Promise.all(calls))).toEqual({ '201': 12 })
  expect(await server.process.exited).toEqual({ code: 0, signal: null })
  expect(workers.filter(isAlive)).toEqual([])
})

test('Ctrl-C reaches all and is the primary’s: once ends in order, twice at once', async () => {
  const server = await start({ DRAIN_MS: '600000' })
  process.kill(-server.process.pid, 'SIGINT')
  expect(await server.process.exited).toEqual({ code: 0, signal: null })

  const patient = await start({ DRAIN_MS: '600000', CLOSE_MS: '600000' })
  const workers = workersOf(patient)
  const { id } = await createCampaign(patient.url, { total_coupons: 100 })
  await whileHeld(id, async () => {
    const calls = await inFlight(patient, id, 4)
    process.kill(-patient.process.pid, 'SIGINT')
    await patient.process.waitForOutput(/"all are ending"/)
    process.kill(-patient.process.pid, 'SIGINT')
    expect((await patient.process.exited).code).toBe(1)
    expect(countReplies(await Promise.all(calls))).toEqual({ none: 4 })
    await until(() => !workers.some(isAlive))
  })
})

test('a primary killed with -9 leaves nobody: its workers answer what is in flight, and end', async () => {
  const env = { PATH: process.env['PATH'], PORT: '0', DRAIN_MS: '600000', ...environment() }
  // Between the guardian and the primary: with its own child the guardian would end the workers, too.
  const shell = ['-c', '"$@" & echo "primary $!"; wait; while :; do sleep 1; done', 'sh']
  await using guarded = await spawnGuarded('/bin/sh', [...shell, process.execPath, MAIN, 'serve'], {
    env,
    isServer: true,
  })
  const [, primary] = await guarded.waitForOutput(/primary (\d+)/)
  const [, url] = (await guarded.waitForOutput(/listens on (http:\S+)/)) as unknown as [string, string]
  await guarded.waitForOutput(/^Ready\.$/m)
  const server = { url, process: guarded } as unknown as ServerProcess
  const workers = childrenOf(Number(primary))
  expect(workers).toHaveLength(2)
  const { id } = await createCampaign(url, { total_coupons: 100 })
  const calls: Promise<Reply | null>[] = []
  await whileHeld(id, async () => {
    calls.push(...(await inFlight(server, id, 12)))
    process.kill(Number(primary), 'SIGKILL')
    await guarded.waitForOutput(/(?:"the primary is gone"[^]*){2}/)
  })
  expect(countReplies(await Promise.all(calls))).toEqual({ '201': 12 })
  await until(() => !workers.some(isAlive))
})

test('what keeps them from starting is said once, with exit code 3', async () => {
  const server = await start({ WORKERS: '1' })
  const { port } = new URL(server.url)
  const tell = async (more: Record<string, string>) => {
    const env = { PATH: process.env['PATH'], ...environment(), ...more }
    await using guarded = await spawnGuarded(process.execPath, [MAIN, 'serve'], { env, isServer: true })
    return { exit: await guarded.exited, said: guarded.output }
  }
  expect(await tell({ PORT: port })).toEqual({
    exit: { code: 3, signal: null },
    said: `firstcome: port ${port} is in use on 127.0.0.1: end what uses it, or set PORT (0: any free one)\n`,
  })
  const open = await tell({ HOST: '0.0.0.0', PORT: '0' })
  expect(open.exit).toEqual({ code: 3, signal: null })
  expect(open.said.match(/without an API key/g)).toHaveLength(1)
})
