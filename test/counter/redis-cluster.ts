// A Redis cluster of a test's own.

import { startRedis } from '../servers/redis.ts'
import type { TestServer } from '../servers/server.ts'
import { eventually, openRaw, type Raw } from './raw-redis.ts'

export interface TestCluster {
  readonly url: string
  readonly servers: readonly TestServer[]
  rawOf(shard: number): Raw
  reconnectRaw(shard: number): Promise<void>
  slotOf(key: string): Promise<number>
  /** Who had the slot at first: 0, 1 or 2. */
  shardOf(key: string): Promise<number>
  give(slot: number, shard: number): Promise<void>
  close(): Promise<void>
}

export interface ClusterOptions {
  readonly withReplica?: boolean
  /** More options of each server. */
  readonly more?: () => Promise<readonly string[]>
}

/** Three masters, which go on when one is missing; the last of them with a replica, if wanted. */
export async function startCluster({
  withReplica = false,
  more = async () => [],
}: ClusterOptions = {}): Promise<TestCluster> {
  const options = [
    '--cluster-enabled',
    'yes',
    '--cluster-require-full-coverage',
    'no',
    '--cluster-announce-ip',
    '127.0.0.1',
  ]
  const servers = await Promise.all(
    [0, 1, 2].map(async () =>
      startRedis({ options: [...options, '--cluster-node-timeout', '1000', ...(await more())] }),
    ),
  )
  const raws = await Promise.all(servers.map(({ url }) => openRaw(url)))
  const rawOf = (shard: number) => {
    const raw = raws[shard]
    if (!raw) throw new Error(`no shard ${shard}`)
    return raw
  }
  const bounds = [0, 5461, 10_923, 16_384]
  const ids = await Promise.all(raws.map((raw) => raw.sendCommand<string>(['CLUSTER', 'MYID'])))
  for (const [shard, raw] of raws.entries()) {
    const [from = 0, to = 0] = bounds.slice(shard)
    await raw.sendCommand(['CLUSTER', 'SET-CONFIG-EPOCH', String(shard + 1)])
    await raw.sendCommand(['CLUSTER', 'ADDSLOTS', ...Array.from({ length: to - from }, (_, i) => String(from + i))])
  }
  for (const raw of raws.slice(1)) await meet(rawOf(0), raw)
  await eventually(async () => {
    const infos = await Promise.all(raws.map((raw) => raw.sendCommand<string>(['CLUSTER', 'INFO'])))
    return infos.every(
      (info) =>
        /cluster_state:ok/.test(info) && /cluster_slots_ok:16384/.test(info) && /cluster_known_nodes:3/.test(info),
    )
  })
  if (withReplica) {
    const server = await startRedis({ options: [...options, '--cluster-node-timeout', '1000'] })
    const raw = await openRaw(server.url)
    await meet(rawOf(0), raw)
    await eventually(async () => (await raw.sendCommand<string>(['CLUSTER', 'NODES'])).includes(ids[2] ?? '-'))
    await eventually(() => raw.sendCommand(['CLUSTER', 'REPLICATE', ids[2] ?? '']).then(Boolean, () => false))
    await eventually(async () => (await raw.info('replication')).includes('master_link_status:up'))
    servers.push(server)
    raws.push(raw)
  }
  const slotOf = (key: string) => rawOf(0).sendCommand<number>(['CLUSTER', 'KEYSLOT', key])
  return {
    url: servers.map(({ url }) => url).join(),
    servers,
    rawOf,
    async reconnectRaw(shard) {
      rawOf(shard).destroy()
      raws[shard] = await openRaw(servers[shard]?.url ?? '')
    },
    slotOf,
    async shardOf(key) {
      const slot = await slotOf(key)
      return bounds.findLastIndex((from) => from <= slot)
    },
    async give(slot, shard) {
      for (const raw of raws) await raw.sendCommand(['CLUSTER', 'SETSLOT', String(slot), 'NODE', ids[shard] ?? ''])
    },
    async close() {
      for (const raw of raws) raw.destroy()
      await Promise.all(servers.map((server) => server.close()))
    },
  }
}

/** With TLS between them its own port is none that clients know. */
async function meet(raw: Raw, other: Raw): Promise<void> {
  const nodes = await other.sendCommand<string>(['CLUSTER', 'NODES'])
  const [, port = '', busPort = ''] = /:(\d+)@(\d+)\S* myself/.exec(nodes) ?? []
  await raw.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', port, busPort])
}
