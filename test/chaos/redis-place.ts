// Where the servers' Redis is: behind one proxy, whatever Redis that is at the moment.

import { createClient, type RedisClientType } from '@redis/client'
import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { openFaultProxy, type FaultProxy } from './fault-proxy.ts'

/** What it wrote is on disk within a second, unless it is killed before. */
const PERSISTENT = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--repl-diskless-sync-delay', '0']

export class RedisPlace {
  readonly proxy: FaultProxy
  #server: TestServer

  private constructor(server: TestServer, proxy: FaultProxy) {
    this.#server = server
    this.proxy = proxy
  }

  static async open(fraction: () => number): Promise<RedisPlace> {
    const server = await startRedis({ options: PERSISTENT })
    return new RedisPlace(server, await openFaultProxy(server.url, fraction))
  }

  get server(): TestServer {
    return this.#server
  }

  /** Straight to it, past the proxy. */
  async ask<T>(work: (client: RedisClientType) => Promise<T>, server = this.#server): Promise<T> {
    const client = createClient({ url: server.url })
    client.on('error', () => {})
    await client.connect()
    try {
      return await work(client)
    } finally {
      client.destroy()
    }
  }

  /** One that knows nothing. */
  startEmpty(): Promise<TestServer> {
    return startRedis({ options: PERSISTENT })
  }

  /** @param folder with a dump.rdb */
  startFrom(folder: string): Promise<TestServer> {
    return startRedis({ options: ['--dir', folder] })
  }

  /** Resolves when it has everything. A replica by command, not by option: restarted, it is on its own. */
  async startReplica(): Promise<TestServer> {
    const replica = await this.startEmpty()
    await this.ask((client) => client.sendCommand(['REPLICAOF', '127.0.0.1', String(this.#server.port)]), replica)
    const isInSync = () =>
      this.ask(async (client) => (await client.info('replication')).includes('master_link_status:up'), replica)
    while (!(await isInSync())) await new Promise((resolve) => setTimeout(resolve, 20))
    return replica
  }

  /** The one that there was must be dead by now: its connections end by that. */
  async moveTo(next: TestServer): Promise<void> {
    const old = this.#server
    this.#server = next
    this.proxy.pointTo(next.url)
    await old.close()
  }

  async close(): Promise<void> {
    await this.proxy.close()
    await this.#server.close()
  }
}
