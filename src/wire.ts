// The only place that knows every adapter: opens the stores that the configuration names and puts the parts together.

import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { exportedAuditSource } from './audit/exported.ts'
import { mysqlAuditSource } from './audit/mysql.ts'
import type { AuditSource } from './audit/source.ts'
import { sqliteAuditSource } from './audit/sqlite.ts'
import { Campaigns } from './campaign/campaigns.ts'
import type { Config } from './config.ts'
import type { Counter } from './counter/counter.ts'
import { openRedisCounter } from './counter/redis.ts'
import { openFilesMax, systemClock, systemRandomness } from './host.ts'
import { traceOf } from './http/fault-log.ts'
import { ServiceHealth, type Lifecycle } from './http/health.ts'
import { buildServer } from './http/server.ts'
import { IssuePath } from './issue/issue.ts'
import { Memories } from './issue/memories.ts'
import { Segments } from './issue/segments.ts'
import { LedgerUnavailable, type Ledger } from './ledger/ledger.ts'
import type { Migration } from './ledger/migrations.ts'
import { openMysqlLedger } from './ledger/mysql.ts'
import { migrateMysql, printMysqlMigrations } from './ledger/mysql/migrate.ts'
import { openSqliteLedger } from './ledger/sqlite.ts'
import { version } from './version.ts'

/** Between two attempts to reach a database that was not there at the start. */
const PREPARE_PAUSE_MS = 500

/** Of what the process may open: some 30 connections to database and Redis, which could not be made anew without, and files. */
const FILES_KEPT = 200

export interface Service {
  readonly app: FastifyInstance
  readonly lifecycle: Lifecycle
  /**
   * Resolves when the database was reached and its schema fits: from then on the service is ready. Waits for a database
   * that does not answer, for ever; rejects with SchemaMismatch when it answers and does not fit.
   */
  prepare(): Promise<void>
  /** After `app` was closed: waits for what is still under way, then closes the stores. Idempotent. */
  close(): Promise<void>
}

/** @throws DatabaseInUse, DatabaseUnusable (embedded), BadMysqlUrl; TypeError for a bad Redis URL */
export async function openService(config: Config, log: Logger): Promise<Service> {
  const ledger = await openLedger(config, log)
  return serviceOn(ledger, config, log, () => ledger.close())
}

/** Several servers in one process, for a demonstration. An embedded file has one owner: its ledger is shared. */
export async function openServices(config: Config, log: Logger, count: number): Promise<Service[]> {
  if (config.store.kind !== 'embedded')
    return Promise.all(Array.from({ length: count }, () => openService(config, log)))
  const ledger = await openLedger(config, log)
  let users = count
  const release = async () => {
    if (--users === 0) await ledger.close()
  }
  return Array.from({ length: count }, () => serviceOn(ledger, config, log, release))
}

function serviceOn(ledger: Ledger, config: Config, log: Logger, release: () => Promise<void>): Service {
  const counter = openCounter(config, log)
  const memories = new Memories(ledger)
  const segments = new Segments(ledger, memories, systemClock)
  const issuer = new IssuePath({
    ledger,
    counter,
    memories,
    segments,
    clock: systemClock,
    randomness: systemRandomness,
    waitMsMax: config.waitMsMax,
    onMistake: (error) => log.error({ error: traceOf(error) }, 'a mistake on the path of an issue'),
  })
  const lifecycle: Lifecycle = { isDraining: false }
  const health = new ServiceHealth(ledger, counter, systemClock)
  const app = buildServer({
    issuer,
    campaigns: new Campaigns(ledger, segments, systemRandomness),
    auditSource: openAuditSource(config) ?? ledgerAuditSource(ledger),
    counter,
    health,
    lifecycle,
    log,
    clock: systemClock,
    randomness: systemRandomness,
    connectionsMax: Math.max(1, Math.min(config.connectionsMax, openFilesMax() - FILES_KEPT)),
    version,
  })

  let closing: Promise<void> | null = null
  const close = async () => {
    while (!issuer.isIdle) await systemClock.sleep(5)
    await Promise.all([release(), counter?.close()])
  }
  return {
    app,
    lifecycle,
    async prepare() {
      for (let attempt = 0; closing === null; attempt++) {
        try {
          if (config.store.kind === 'mysql') await migrate(config.store.url, log)
          await ledger.ping()
          for (const warning of await ledger.checkSettings()) log.warn(warning, 'a setting of the database')
          return health.markPrepared()
        } catch (error) {
          if (!(error instanceof LedgerUnavailable)) throw error
          if (attempt % 10 === 0) log.warn({ reason: error.message }, 'the database does not answer: trying again')
        }
        await systemClock.sleep(PREPARE_PAUSE_MS)
      }
    },
    close: () => (closing ??= close()),
  }
}

/** The database of the configuration, for an audit. null: it is in the memory of one process. */
export function openAuditSource({ store }: Config): AuditSource | null {
  if (store.kind === 'mysql') return mysqlAuditSource({ url: store.url })
  return store.path === ':memory:' ? null : sqliteAuditSource({ path: store.path })
}

/** For want of a connection of its own: a database in memory has only that of its ledger. */
export function ledgerAuditSource(ledger: Ledger): AuditSource {
  return exportedAuditSource({
    showsKeys: true,
    async campaign(campaignId) {
      const { campaigns, nowMs } = await ledger.campaigns([campaignId])
      const [campaign] = campaigns
      return campaign === undefined
        ? null
        : { campaign, nowMs, issuedCount: (await ledger.maxSlots([campaignId]))[0] ?? 0 }
    },
    coupons: (campaign, take) => ledger.exportCoupons(campaign, take),
  })
}

/** Applies what is pending to the database of the configuration. Embedded: opening is applying. */
export async function migrateStore(config: Config): Promise<string[]> {
  if (config.store.kind === 'mysql') return namesOf(await migrateMysql({ url: config.store.url }))
  await (await openSqliteLedger({ path: config.store.path })).close()
  return []
}

/** The statements of all migrations for MySQL, as a DBA would run them. */
export function printMigrations(): string {
  return printMysqlMigrations()
}

async function migrate(url: string, log: Logger): Promise<void> {
  const applied = namesOf(await migrateMysql({ url }))
  if (applied.length > 0) log.info({ applied }, 'migrated the database')
}

function namesOf(migrations: readonly Migration[]): string[] {
  return migrations.map(({ name }) => name)
}

async function openLedger(config: Config, log: Logger): Promise<Ledger> {
  if (config.store.kind === 'embedded') return openSqliteLedger({ path: config.store.path })
  return openMysqlLedger({ url: config.store.url, log: { warn: (what) => log.warn(what) } })
}

function openCounter(config: Config, log: Logger): Counter | null {
  if (config.store.kind === 'embedded' || config.store.redis === null) return null
  return openRedisCounter({ ...config.store.redis, clock: systemClock, log: { warn: (what) => log.warn(what) } })
}
