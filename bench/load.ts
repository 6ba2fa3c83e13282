// What the load engine itself can do: against a server that only says the same coupon again, in a process of its own.
//
//   node bench/load.ts [requests] [connections]

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock, systemRandomness } from '../src/host.ts'
import { runLoad } from '../src/load/load.ts'

const COUPON = JSON.stringify({
  campaign_id: 'bench',
  coupon_code: 'AEG76X18AKX72AQB',
  slot: 1,
  recipient: null,
  issued_at: '2027-03-02T01:00:00.115Z',
  replayed: null,
})

if (process.argv[2] === 'serve') {
  const headers = { 'content-type': 'application/json', 'content-length': COUPON.length }
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(201, headers).end(COUPON)
  }).listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
} else {
  const [requests = 200_000, connections = 256] = process.argv.slice(2).map(Number)
  const child = spawn(process.execPath, [import.meta.filename, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  const cpu = process.cpuUsage()
  const { calls, elapsedMs, latency } = await runLoad({
    servers: [`http://127.0.0.1:${port.toString().trim()}`],
    campaignId: 'bench',
    plan: { kind: 'closed', requests, callers: connections, fromMs: 0 },
    want: (number) => ({ request: String(number), recipient: `user-${number}`, idempotencyKey: null }),
    connections,
    patienceMs: 60_000,
    onCall: () => {},
    signal: new AbortController().signal,
    clock: systemClock,
    randomness: systemRandomness,
  })
  const { user, system } = process.cpuUsage(cpu)
  const perSecond = (ms: number) => `${Math.round((calls / ms) * 1_000).toLocaleString('en-US')}/s`
  console.log(`${calls} calls over ${connections} connections: ${perSecond(elapsedMs)}`)
  console.log(`of one core: ${perSecond((user + system) / 1_000)}`)
  console.log(`p50 ${latency.p50Ms} ms, p99 ${latency.p99Ms} ms`)
  child.kill()
}
