// Senders who mean harm, one kind after the other, against one real server, while honest callers issue at a steady rate.
// For each kind: what it was told, what the honest callers got of their rate against before, and the server's memory.
//
//   node bench/abuse.ts [--embedded] [--seconds 10] [--rate 500] [--only kind,kind]
//
// Linux: memory is read from /proc. Each kind of sender is a process of its own (bench/abuse-sender.ts). The server and the
// senders may each open as many files as `ulimit -Hn` says: with less than 20,500 not all idle connections can be had.

import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createCampaign, startServe } from '../test/serve/server-process.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'
import type { SenderReport } from './abuse-sender.ts'

const { values } = parseArgs({
  options: {
    embedded: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '500' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`node bench/abuse.ts [options]
  --embedded    on the embedded SQLite; default: private MariaDB and Redis
  --seconds N   of each kind (10)
  --rate N      requests of honest callers a second (500)
  --only a,b    these kinds only: ${Object.keys(kinds()).join(', ')}`)
  process.exit()
}

/** Senders of each kind; those of 20,000 are two processes. */
function kinds(): Record<string, readonly [what: string, senders: number, processes: number]> {
  return {
    'slow-headers': ['2,000 senders of headers, a byte a second', 2_000, 1],
    'slow-bodies': ['2,000 senders of bodies, a byte a second', 2_000, 1],
    'big-headers': ['20 senders of headers of 1 MB', 20, 1],
    silent: ['20,000 connections that never say a word', 20_000, 2],
    idle: ['20,000 connections kept after one request', 20_000, 2],
    bombs: ['20 senders of compressed bombs', 20, 1],
    'huge-bodies': ['10 senders of a body of 10 GB', 10, 1],
    chunks: ['10 senders of chunks without end', 10, 1],
    pipelines: ['10 senders of 100 requests of one recipient in one packet', 10, 1],
    nonsense: ['20 senders of what is hardly HTTP', 20, 1],
  }
}

const SECONDS = Number(values.seconds)
const RATE = Number(values.rate)
/** Before the first kind, and between two. */
const REST_MS = 3_000
const TICK_MS = 10

await using stack = new AsyncDisposableStack()
const environment: Record<string, string> = { LOG_LEVEL: 'fatal' }
if (values.embedded) {
  environment['SQLITE_PATH'] = ':memory:'
} else {
  const mysql = stack.use(await startMariadb())
  const redis = stack.use(await startRedis())
  environment['MYSQL_URL'] = (await freshDatabase(mysql.url)).url
  environment['REDIS_URL'] = redis.url
}
const server = await startServe(environment)
stack.defer(() => server.close())
const { id } = await createCampaign(server.url, { total_coupons: 100_000_000 })
const port = Number(new URL(server.url).port)

interface Honest {
  sent: number
  good: number
  readonly bad: Record<string, number>
  readonly latenciesMs: number[]
}
const nobody = (): Honest => ({ sent: 0, good: 0, bad: {}, latenciesMs: [] })
let honest = nobody()
let number = 0
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

function issueHonestly(): void {
  const into = honest
  const body = JSON.stringify({ recipient: `honest-${number++}` })
  const beganAt = performance.now()
  const headers = { 'content-type': 'application/json', 'content-length': body.length }
  const bad = (why: string) => void (into.bad[why] = (into.bad[why] ?? 0) + 1)
  into.sent++
  const call = request(`${server.url}/v1/campaigns/${id}/coupons`, { method: 'POST', agent, headers }, (response) => {
    response.resume().on('end', () => {
      into.latenciesMs.push(performance.now() - beganAt)
      if (response.statusCode === 201) into.good++
      else bad(String(response.statusCode))
    })
  })
  call.on('error', ({ code = 'error' }: NodeJS.ErrnoException) => bad(code))
  call.end(body)
}

const startedAt = performance.now()
let begun = 0
const crowd = setInterval(() => {
  for (const due = ((performance.now() - startedAt) * RATE) / 1_000; begun < due; begun++) issueHonestly()
}, TICK_MS)

let peakMiB = 0
const memory = setInterval(() => (peakMiB = Math.max(peakMiB, rssMiB())), 200)

function rssMiB(): number {
  const [, kib = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.process.pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kib) / 1_024)
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function observe(ms: number): Promise<{ rate: number; p99Ms: number; bad: Record<string, number> }> {
  const beganAt = performance.now()
  const seen = nobody()
  honest = seen
  await pause(ms)
  const rate = seen.good / ((performance.now() - beganAt) / 1_000)
  const sorted = seen.latenciesMs.toSorted((a, b) => a - b)
  return { rate, p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? NaN, bad: seen.bad }
}

async function attack(kind: string, senders: number, processes: number): Promise<() => Promise<SenderReport>> {
  const children = await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = fork(fileURLToPath(new URL('abuse-sender.ts', import.meta.url)), [
        kind,
        String(port),
        String(senders / processes),
        id,
      ])
      await new Promise((resolve) => child.once('message', resolve))
      return child
    }),
  )
  return async () => {
    const total: SenderReport = { told: {}, opened: 0, closed: 0, open: 0 }
    for (const report of await Promise.all(children.map(reportOf))) {
      for (const [what, count] of Object.entries(report.told)) total.told[what] = (total.told[what] ?? 0) + count
      total.opened += report.opened
      total.closed += report.closed
      total.open += report.open
    }
    return total
  }
}

async function reportOf(child: ChildProcess): Promise<SenderReport> {
  const report = new Promise<SenderReport>((resolve) => child.once('message', resolve))
  child.send('report')
  const received = await report
  child.kill('SIGKILL')
  return received
}

const counts = (told: Record<string, number>) =>
  Object.entries(told)
    .toSorted(([, a], [, b]) => b - a)
    .map(([what, count]) => `${what} ×${count.toLocaleString('en-US')}`)
    .join(', ')

await pause(2_000)
const before = await observe(5_000)
console.log(
  `before: ${before.rate.toFixed(0)} honest issues/s, p99 ${before.p99Ms.toFixed(1)} ms, ${rssMiB()} MiB` +
    ` (${values.embedded ? 'embedded' : 'MariaDB and Redis'})\n`,
)
console.log('| kind | told | open at the end | honest of before | p99 | RSS before, peak, after |')
console.log('| --- | --- | --- | --- | --- | --- |')
const only = values.only?.split(',')
for (const [kind, [what, senders, processes]] of Object.entries(kinds())) {
  if (only !== undefined && !only.includes(kind)) continue
  const rssBefore = rssMiB()
  peakMiB = 0
  const beganAt = performance.now()
  const stop = await attack(kind, senders, processes)
  const opening = ((performance.now() - beganAt) / 1_000).toFixed(0)
  const during = await observe(SECONDS * 1_000)
  const { told, opened, closed, open } = await stop()
  const peak = peakMiB
  await pause(REST_MS)
  const share = ((100 * during.rate) / before.rate).toFixed(0)
  const harmed = Object.keys(during.bad).length === 0 ? '' : ` (${counts(during.bad)})`
  console.log(
    `| ${what} | ${counts(told) || 'nothing'}; ${opened.toLocaleString('en-US')} connections (begun in ${opening} s), ${closed.toLocaleString('en-US')} closed | ` +
      `${open.toLocaleString('en-US')} | ${share} %${harmed} | ${during.p99Ms.toFixed(1)} ms | ${rssBefore}, ${peak}, ${rssMiB()} MiB |`,
  )
}
clearInterval(crowd)
clearInterval(memory)
agent.destroy()
