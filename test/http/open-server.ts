// The whole service over the embedded ledger, as a process would wire it, without the process.

import { afterEach } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { KeyRing } from '../../src/access/key-ring.ts'
import type { KeyStore } from '../../src/access/key-store.ts'
import { Rates, type RateLimits } from '../../src/access/rates.ts'
import { Campaigns } from '../../src/campaign/campaigns.ts'
import { systemClock, systemRandomness } from '../../src/host.ts'
import { ServiceHealth, stateOf, type Lifecycle } from '../../src/http/health.ts'
import { buildServer, type ServerParts } from '../../src/http/server.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { Telemetry } from '../../src/telemetry/telemetry.ts'
import { ledgerAuditSource } from '../../src/wire.ts'
import { openPath, withFaults } from '../issue/open-path.ts'
import { keepLog } from '../secrets/notes.ts'

export interface OpenServer {
  readonly app: FastifyInstance
  readonly ledger: Ledger
  readonly keyStore: KeyStore
  readonly lifecycle: Lifecycle
  /** Warnings and worse. */
  readonly logged: object[]
  /** At the level info: changes, summaries, requests. */
  readonly told: object[]
  /** Idempotent. */
  close(): Promise<void>
}

const opened: OpenServer[] = []

afterEach(async () => {
  for (const server of opened.splice(0)) await server.close()
})

export interface Others extends Partial<ServerParts> {
  /** Methods of the ledger that do something else. */
  readonly faults?: Partial<Ledger>
  readonly bootstrapKey?: string
  /** Before it knows whether there are keys. */
  readonly makeKeys?: (store: KeyStore) => Promise<void>
  /** None unless given: tests ask a thousand times a second. */
  readonly limits?: Partial<RateLimits>
}

const NO_LIMITS: RateLimits = { recipientCallsPerS: 0, clientIssuesPerS: 0, clientReadsPerS: 0, clientLookUpsPerS: 0 }

/** Closed after the test. */
export async function openServer(other: Others = {}): Promise<OpenServer> {
  const server = await openServerUntilClosed(other)
  opened.push(server)
  return server
}

export async function openServerUntilClosed(others: Others = {}): Promise<OpenServer> {
  const { faults = {}, bootstrapKey = null, makeKeys, limits = {}, ...other } = others
  const sqlite = await openSqliteLedger({ path: ':memory:' })
  const { keyStore } = sqlite
  const ledger = withFaults(sqlite, faults)
  const telemetry = new Telemetry({ version: '0.0.0', clock: systemClock, process: null })
  const { issuer, segments } = openPath(ledger, null, { meter: telemetry.issueMeter })
  const logged: object[] = []
  const told: object[] = []
  const writeTo = (lines: object[]) => (fields: object, message: string) => {
    lines.push({ ...fields, message })
    keepLog('in-process', `${JSON.stringify({ ...fields, message })}\n`)
  }
  const keys = new KeyRing({ store: keyStore, clock: systemClock, bootstrapKey, onUnread: () => {} })
  await makeKeys?.(keyStore)
  await keys.start()
  const lifecycle: Lifecycle = { isDraining: false }
  const health = new ServiceHealth(ledger, null, systemClock)
  health.markPrepared()
  const state = () => stateOf(health, lifecycle)
  telemetry.watch({ issuer, waitMsMax: 3_000, ledger, health, workers: 1, state })
  const app = buildServer({
    keys,
    rates: new Rates({ ...NO_LIMITS, ...limits }, { clock: other.clock ?? systemClock, randomness: systemRandomness }),
    issuer,
    campaigns: new Campaigns(ledger, segments, systemRandomness),
    auditSource: ledgerAuditSource(ledger),
    counter: null,
    health,
    lifecycle,
    log: { error: writeTo(logged), warn: writeTo(logged), info: writeTo(told) },
    logRequests: 'faults',
    clock: systemClock,
    randomness: systemRandomness,
    telemetry,
    connectionsMax: 1_000,
    version: '0.0.0',
    ...other,
  })
  await app.ready()
  const close = async () => {
    await app.close()
    await keys.close()
    await ledger.close()
  }
  return { app, ledger, keyStore, lifecycle, logged, told, close }
}
