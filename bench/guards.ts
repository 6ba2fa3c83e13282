// What keys, limits, metrics and logs cost, with the refusal of odd framings and slow senders: coupons a second of this checkout
// against those of a copy of it that has none of them.
//
//   node bench/guards.ts [options of bench/against.ts]         needs wrk (Debian: apt-get install wrk)

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** Each stands in its file exactly once. */
const CUTS: readonly { readonly file: string; readonly from: string; readonly to: string }[] = [
  // Metrics and traces of a request.
  {
    file: 'src/http/server.ts',
    from: 'observeRequests(app, telemetry, clock)',
    to: "app.decorateRequest('arrivedAtMs', 0).decorateRequest('companion', null).decorateReply('answer', null)",
  },
  // Limits of connections, framing and idle senders.
  { file: 'src/http/server.ts', from: 'limitConnections(app, parts.connectionsMax', to: 'void (0' },
  { file: 'src/http/server.ts', from: '  refuseWrappings(app, problems)\n', to: '' },
  { file: 'src/http/server.ts', from: '    connectionTimeout: CONNECTION_IDLE_MS_MAX,\n', to: '' },
  // Metrics of the path and of the counter.
  { file: 'src/wire.ts', from: 'meter: telemetry.issueMeter', to: 'meter: NO_METER' },
  {
    file: 'src/wire.ts',
    from: 'import { IssuePath }',
    to: "import { NO_METER } from './issue/meter.ts'\nimport { IssuePath }",
  },
  { file: 'src/wire.ts', from: 'return telemetry.metered(', to: 'return (' },
  // Logs.
  {
    file: 'src/http/request-log.ts',
    from: 'this.#summaries.count(campaignId, outcome.code, this.#clock.nowMs() - request.arrivedAtMs)',
    to: '',
  },
  // Keys: without one the door is open, and strangers would be looked for.
  { file: 'src/http/guard.ts', from: 'this.#keys.isOpen ? strangerSign(headers) : null', to: 'null as string | null' },
  // Calls of one recipient.
  {
    file: 'src/http/coupon-handlers.ts',
    from: 'recipient === null ? null : this.#rates.recipient(client, recipient)',
    to: 'null as string | null',
  },
]

const ROOT = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'firstcome-guards-'))
try {
  for (const part of ['src', 'package.json']) cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (const { file, from, to } of CUTS) {
    const path = join(folder, file)
    const text = readFileSync(path, 'utf8')
    if (text.split(from).length !== 2) throw new Error(`${file} has this not once: ${from}`)
    writeFileSync(
      path,
      text.replace(from, () => to),
    )
  }
  const against = join(import.meta.dirname, 'against.ts')
  const { status } = spawnSync(process.execPath, [against, folder, ...process.argv.slice(2)], { stdio: 'inherit' })
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
