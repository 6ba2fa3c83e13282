// The only place that knows every adapter: opens the stores that the configuration names and puts the parts together.

import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { KeyRing } from './access/key-ring.ts'
import type { KeyStore } from './access/key-store.ts'
import { isLoopback } from './access/open-door.ts'
import { Rates } from './access/rates.ts'
import { exportedAuditSource } from './audit/exported.ts'
import { mysqlAuditSource } from './audit/mysql.ts'
import type { AuditSource } from './audit/source.ts'
import { sqliteAuditSource } from './audit/sqlite.ts'
import { Campaigns } from './campaign/campaigns.ts'
import type { Config } from './config.ts'
import type { Counter } from './counter/counter.ts'
import { openRedisCounter } from './counter/redis.ts'
import { openFilesMax, systemClock, systemRandomness } from './host.ts'
import { ServiceHealth, stateOf, type Lifecycle } from './http/health.ts'
import { buildServer } from './http/server.ts'
import { IssuePath } from './issue/issue.ts'
import { Memories } from './issue/memories.ts'
import { Segments } from './issue/segments.ts'
import { LedgerUnavailable, type Ledger } from './ledger/ledger.ts'
import type { Migration } from './ledger/migrations.ts'
import { openMysqlLedger } from './ledger/mysql.ts'
import { migrateMysql, printMysqlMigrations } from './ledger/mysql/migrate.ts'
import { openSqliteLedger } from './ledger/sqlite.ts'
import { openSqliteKeyStore } from './ledger/sqlite/keys.ts'
import { traceOf } from './telemetry/errors.ts'
import { processMetrics } from './telemetry/exposition.ts'
import { Telemetry } from './telemetry/telemetry.ts'
import type { Numbers } from './telemetry/together.ts'
import { version } from './version.ts'

/** Between two attempts to reach a database that was not there at the start. */
const PREPARE_PAUSE_MS = 500

/** Of what the process may open: some 30 connections to database and Redis, which could not be made anew without, and files. */
const FILES_KEPT = 200

export interface Service {
  readonly app: FastifyInstance
  readonly lifecycle: Lifecycle
  /** No key there ever was: whoever reaches it may do everything. Known once it is prepared. */
  readonly isOpen: boolean
  /**
   * Resolves when the database was reached and its schema fits: from then on the service is ready. Waits for a database
   * that does not answer, for ever; rejects with SchemaMismatch when it answers and does not fit, and with NoKeys when
   * others than this machine would reach a service that has none.
   */
  prepare(): Promise<void>
  /** Of this process alone. */
  numbers(): Promise<Numbers>
  /** After `app` was closed: waits for what is still under way, then closes the stores. Idempotent. */
  close(): Promise<void>
}

/** `message` is for people, and says what to do. */
export class NoKeys extends Error {
  override readonly name = 'NoKeys'

  constructor(address: string) {
    super(
      `without an API key it listens on this machine only, and ${address} is reached by others: \`firstcome key create --client NAME --scopes admin\` makes one, or set BOOTSTRAP_API_KEY or BOOTSTRAP_API_KEY_FILE, or HOST=127.0.0.1`,
    )
  }
}

type KeyedLedger = Ledger & { readonly keyStore: KeyStore }

/**
 * @param textOfAll of a worker: the numbers of all, for whoever asks one of them
 * @throws DatabaseInUse, DatabaseUnusable (embedded), BadMysqlUrl; TypeError for a bad Redis URL
 */
export async function openService(
  config: Config,
  log: Logger,
  textOfAll: (() => Promise<string>) | null = null,
): Promise<Service> {
  const ledger = await openLedger(config, log)
  return serviceOn(ledger, config, log, () => ledger.close(), textOfAll)
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

function serviceOn(
  ledger: KeyedLedger,
  config: Config,
  log: Logger,
  release: () => Promise<void>,
  textOfAll: (() => Promise<string>) | null = null,
): Service {
  const telemetry = new Telemetry({ version, clock: systemClock, process: processMetrics(), textOfAll })
  const counter = openCounter(config, telemetry, log)
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
    meter: telemetry.issueMeter,
    onMistake: (error) => log.error({ error: traceOf(error) }, 'a mistake on the path of an issue'),
  })
  const keys = new KeyRing({
    store: ledger.keyStore,
    clock: systemClock,
    bootstrapKey: config.bootstrapApiKey,
    onUnread: (error) =>
      log.warn({ error: traceOf(error) }, 'the API keys cannot be read: what is known of them goes on to hold'),
  })
  const lifecycle: Lifecycle = { isDraining: false }
  const health = new ServiceHealth(ledger, counter, systemClock)
  const { waitMsMax, workers } = config
  telemetry.watch({ issuer, waitMsMax, ledger, health, workers, state: () => stateOf(health, lifecycle) })
  const app = buildServer({
    keys,
    rates: new Rates(config.rates, { clock: systemClock, randomness: systemRandomness }),
    issuer,
    campaigns: new Campaigns(ledger, segments, systemRandomness),
    auditSource: openAuditSource(config) ?? ledgerAuditSource(ledger),
    counter,
    health,
    lifecycle,
    log,
    logRequests: config.logRequests,
    clock: systemClock,
    randomness: systemRandomness,
    telemetry,
    // Of a server: callers are dealt out evenly. The files are those of a process.
    connectionsMax: Math.max(1, Math.min(Math.ceil(config.connectionsMax / workers), openFilesMax() - FILES_KEPT)),
    version,
  })

  let closing: Promise<void> | null = null
  const close = async () => {
    while (!issuer.isIdle) await systemClock.sleep(5)
    await keys.close()
    await Promise.all([release(), counter?.close()])
  }
  return {
    app,
    lifecycle,
    get isOpen() {
      return keys.isOpen
    },
    async prepare() {
      for (let attempt = 0; closing === null; attempt++) {
        try {
          if (config.store.kind === 'mysql') await migrate(config.store.url, log)
          await ledger.ping()
          for (const warning of await ledger.checkSettings()) log.warn(warning, 'a setting of the database')
          await keys.start()
          const address = addressOf(app) ?? config.host
          if (keys.isOpen && !isLoopback(address)) throw new NoKeys(address)
          return health.markPrepared()
        } catch (error) {
          if (!(error instanceof LedgerUnavailable)) throw error
          if (attempt % 10 === 0) log.warn({ reason: error.message }, 'the database does not answer: trying again')
        }
        await systemClock.sleep(PREPARE_PAUSE_MS)
      }
    },
    numbers: () => telemetry.numbers(),
    close: () => (closing ??= close()),
  }
}

/** The database of the configuration, for an audit. null: it is in the memory of one process. */
export function openAuditSource({ store }: Config): AuditSource | null {
  if (store.kind === 'mysql') return mysqlAuditSource({ url: store.url })
  return store.path === ':memory:' ? null : sqliteAuditSource({ path: store.path })
}

/** The database of the configuration, for an operator. `isBeside`: an embedded file may be in use by its server. */
export async function openDatabase({ store }: Config, { isBeside }: { isBeside: boolean }): Promise<Ledger> {
  if (store.kind === 'mysql') {
    await migrateMysql({ url: store.url })
    return openMysqlLedger({ url: store.url })
  }
  if (store.path === ':memory:') throw new Error('SQLITE_PATH: a database in memory is gone with its process')
  return openSqliteLedger({ path: store.path, place: isBeside ? 'beside' : 'existing' })
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

/** The API keys in the database of the configuration, whose schema is brought up to date first. @throws as openService() */
export async function openKeyStore({ store }: Config): Promise<KeyStore & { close(): Promise<void> }> {
  if (store.kind === 'embedded') {
    if (store.path === ':memory:') throw new Error('SQLITE_PATH: a database in memory is of its own process only')
    return openSqliteKeyStore({ path: store.path })
  }
  await migrateMysql({ url: store.url })
  const ledger = openMysqlLedger({ url: store.url })
  const { keyStore } = ledger
  return {
    keys: () => keyStore.keys(),
    createKey: (key, by) => keyStore.createKey(key, by),
    revokeKey: (id, by) => keyStore.revokeKey(id, by),
    close: () => ledger.close(),
  }
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

/** null: it does not listen yet. */
function addressOf(app: FastifyInstance): string | null {
  return (app.server.address() as AddressInfo | null)?.address ?? null
}

async function openLedger(config: Config, log: Logger): Promise<KeyedLedger> {
  if (config.store.kind === 'embedded') return openSqliteLedger({ path: config.store.path })
  return openMysqlLedger({ url: config.store.url, log: { warn: (what) => log.warn(what) } })
}

function openCounter(config: Config, telemetry: Telemetry, log: Logger): Counter | null {
  if (config.store.kind === 'embedded' || config.store.redis === null) return null
  const warn = (what: string) => log.warn(what)
  return telemetry.metered(openRedisCounter({ ...config.store.redis, clock: systemClock, log: { warn } }))
}
