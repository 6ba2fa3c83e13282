// The whole service over the embedded ledger, as a process would wire it, without the process.

import { afterEach } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { Campaigns } from '../../src/campaign/campaigns.ts'
import { systemClock, systemRandomness } from '../../src/host.ts'
import { ServiceHealth, type Lifecycle } from '../../src/http/health.ts'
import { buildServer, type ServerParts } from '../../src/http/server.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { openPath } from '../issue/open-path.ts'

export interface OpenServer {
  readonly app: FastifyInstance
  readonly ledger: Ledger
  readonly lifecycle: Lifecycle
  readonly logged: object[]
}

const opened: { app: FastifyInstance; ledger: Ledger }[] = []

afterEach(async () => {
  for (const { app, ledger } of opened.splice(0)) {
    await app.close()
    await ledger.close()
  }
})

/** Closed after the test. */
export async function openServer(other: Partial<ServerParts> = {}): Promise<OpenServer> {
  const ledger = await openSqliteLedger({ path: ':memory:' })
  const { issuer, segments } = openPath(ledger, null)
  const logged: object[] = []
  const log = (fields: object, message: string) => void logged.push({ ...fields, message })
  const lifecycle = { isDraining: false }
  const app = buildServer({
    issuer,
    campaigns: new Campaigns(ledger, segments, systemRandomness),
    health: new ServiceHealth(ledger, null, systemClock),
    lifecycle,
    log: { error: log, warn: log },
    clock: systemClock,
    randomness: systemRandomness,
    version: '0.0.0',
    ...other,
  })
  opened.push({ app, ledger })
  await app.ready()
  return { app, ledger, lifecycle, logged }
}
