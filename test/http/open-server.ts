// The whole service over the embedded ledger, as a process would wire it, without the process.

import { afterEach } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { Campaigns } from '../../src/campaign/campaigns.ts'
import { systemClock, systemRandomness } from '../../src/host.ts'
import { ServiceHealth, type Lifecycle } from '../../src/http/health.ts'
import { buildServer, type ServerParts } from '../../src/http/server.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { ledgerAuditSource } from '../../src/wire.ts'
import { openPath, withFaults } from '../issue/open-path.ts'

export interface OpenServer {
  readonly app: FastifyInstance
  readonly ledger: Ledger
  readonly lifecycle: Lifecycle
  readonly logged: object[]
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
}

/** Closed after the test. */
export async function openServer(other: Others = {}): Promise<OpenServer> {
  const server = await openServerUntilClosed(other)
  opened.push(server)
  return server
}

export async function openServerUntilClosed({ faults = {}, ...other }: Others = {}): Promise<OpenServer> {
  const ledger = withFaults(await openSqliteLedger({ path: ':memory:' }), faults)
  const { issuer, segments } = openPath(ledger, null)
  const logged: object[] = []
  const log = (fields: object, message: string) => void logged.push({ ...fields, message })
  const lifecycle = { isDraining: false }
  const health = new ServiceHealth(ledger, null, systemClock)
  health.markPrepared()
  const app = buildServer({
    issuer,
    campaigns: new Campaigns(ledger, segments, systemRandomness),
    auditSource: ledgerAuditSource(ledger),
    counter: null,
    health,
    lifecycle,
    log: { error: log, warn: log },
    clock: systemClock,
    randomness: systemRandomness,
    connectionsMax: 1_000,
    version: '0.0.0',
    ...other,
  })
  await app.ready()
  const close = async () => {
    await app.close()
    await ledger.close()
  }
  return { app, ledger, lifecycle, logged, close }
}
