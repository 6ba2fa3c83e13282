// What a run plays on: a database and a Redis of its own, a proxy in front of each, and servers that know only the proxies.

import { createConnection, type Connection } from 'mysql2/promise'
import { freshDatabase, uniquePrefix, type FreshDatabase } from '../servers/fresh.ts'
import { startMariadb } from '../servers/mariadb.ts'
import type { TestServer } from '../servers/server.ts'
import type { Dice } from './dice.ts'
import { openFaultProxy, type FaultProxy } from './fault-proxy.ts'
import { Fleet } from './fleet.ts'
import { RedisPlace } from './redis-place.ts'

/** After the last fault: a server that is not whole by then does not heal by itself. */
const HEAL_MS_MAX = 60_000

export interface StageOptions {
  readonly servers: number
  /** For the logs, and for whatever faults keep. */
  readonly folder: string
}

export class Stage implements AsyncDisposable {
  readonly folder: string
  readonly fleet: Fleet
  readonly mysql: TestServer
  readonly mysqlProxy: FaultProxy
  readonly redis: RedisPlace
  readonly redisPrefix: string
  /** Past the proxy. */
  readonly databaseUrl: string
  readonly #opened: AsyncDisposableStack

  private constructor(
    parts: Pick<Stage, 'folder' | 'fleet' | 'mysql' | 'mysqlProxy' | 'redis' | 'redisPrefix' | 'databaseUrl'>,
    opened: AsyncDisposableStack,
  ) {
    this.folder = parts.folder
    this.fleet = parts.fleet
    this.mysql = parts.mysql
    this.mysqlProxy = parts.mysqlProxy
    this.redis = parts.redis
    this.redisPrefix = parts.redisPrefix
    this.databaseUrl = parts.databaseUrl
    this.#opened = opened
  }

  static async open({ servers, folder }: StageOptions, dice: Dice): Promise<Stage> {
    await using opened = new AsyncDisposableStack()
    const mysql = opened.use(await startMariadb())
    const database: FreshDatabase = await freshDatabase(mysql.url)
    const mysqlDice = dice.of('mysql proxy')
    const mysqlProxy = opened.use(await openFaultProxy(database.url, () => mysqlDice.fraction()))
    const redisDice = dice.of('redis proxy')
    const redis = await RedisPlace.open(() => redisDice.fraction())
    opened.defer(() => redis.close())
    const redisPrefix = uniquePrefix()
    const environment = { MYSQL_URL: mysqlProxy.url, REDIS_URL: redis.proxy.url, REDIS_PREFIX: redisPrefix }
    const fleet = await Fleet.start(servers, environment, folder)
    opened.defer(() => fleet.close())
    const parts = { folder, fleet, mysql, mysqlProxy, redis, redisPrefix, databaseUrl: database.url }
    return new Stage(parts, opened.move())
  }

  async inDatabase<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await createConnection(this.databaseUrl)
    try {
      return await work(connection)
    } finally {
      connection.destroy()
    }
  }

  /** Every fault undoes itself; this waits until the servers have noticed. @returns those that did not */
  async healed(): Promise<string[]> {
    const deadline = performance.now() + HEAL_MS_MAX
    for (;;) {
      const whole = await Promise.all(this.fleet.members.map((member) => member.isWhole()))
      const ill = this.fleet.urls.filter((_, index) => whole[index] !== true)
      if (ill.length === 0 || performance.now() > deadline) return ill
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync()
  }
}
