// What is measured: servers of ours and of the peers, each a process of its own, with one way to make campaigns and to count.

import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { spawnGuarded, type Guarded } from '../test/servers/guarded.ts'
import { PEERS, type PeerKind } from './peers/kinds.ts'
import { createPeerCampaign } from './peers/tables.ts'

const ROOT = resolve(import.meta.dirname, '..')
const MAIN = join(ROOT, 'src/main.ts')
/** Nobody runs out of coupons who does not mean to. */
export const ENOUGH_COUPONS = 1_000_000_000
/** Rows in advance take time to make: more than it gives away in a round. */
const ADVANCE_COUPONS = 100_000

export interface Subject extends AsyncDisposable {
  readonly name: string
  readonly url: string
  /** null: it needs none. */
  readonly key: string | null
  readonly process: Guarded
  /** → its id. Open now; @param total enough for everybody unless given */
  newCampaign(total?: number): Promise<string>
  /** Rows of coupons that have an owner, read without any code of the project. */
  rowsOf(campaignId: string): Promise<Issued>
}

export interface Issued {
  readonly rows: number
  /** Recipients that have more than one. */
  readonly twice: number
}

let campaigns = 0
const newId = () => `bench-${++campaigns}`

/** As an operator runs it: default logs, metrics and limits, and an API key that every call carries. */
export async function startOurs(name: string, environment: Record<string, string>): Promise<Subject> {
  const env = { PATH: process.env['PATH'], PORT: '0', DRAIN_MS: '0', ...environment }
  const server = await spawnGuarded(process.execPath, [MAIN, 'serve'], { env })
  try {
    const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)[^]*^Ready\.$/m)
    const makeKey = [MAIN, 'key', 'create', '--client', 'bench', '--scopes', 'admin']
    const { stdout } = await promisify(execFile)(process.execPath, makeKey, { env })
    const key = stdout.trim()
    const newCampaign = async (total = ENOUGH_COUPONS) =>
      (
        await asked(`${url}/v1/campaigns`, key, { id: newId(), name: 'bench', start_time: 'now', total_coupons: total })
      )['id'] as string
    const { MYSQL_URL: mysqlUrl } = environment
    const rowsOf = async (id: string): Promise<Issued> => {
      if (mysqlUrl !== undefined) return rowsInMysql(mysqlUrl, id)
      const { issued_count: rows } = await asked(`${url}/v1/campaigns/${id}`, key)
      return { rows: Number(rows), twice: 0 }
    }
    return { name, url, key, process: server, newCampaign, rowsOf, [Symbol.asyncDispose]: () => server.close() }
  } catch (error) {
    await server.close()
    throw error
  }
}

/** @param mysqlUrl its database, where its tables are */
export async function startPeer(kind: PeerKind, mysqlUrl: string, redisUrl: string): Promise<Subject> {
  const args = [join(ROOT, 'bench/peers/serve.ts'), kind]
  const env = { PATH: process.env['PATH'], NODE_ENV: 'production', MYSQL_URL: mysqlUrl, REDIS_URL: redisUrl }
  const server = await spawnGuarded(process.execPath, args, { env })
  try {
    const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)/)
    const newCampaign = async (total?: number) => {
      const id = newId()
      if (kind !== 'nothing')
        await createPeerCampaign(
          mysqlUrl,
          kind,
          id,
          total ?? (kind === 'rows-in-advance' ? ADVANCE_COUPONS : ENOUGH_COUPONS),
        )
      return id
    }
    const rowsOf = (id: string) => rowsInMysql(mysqlUrl, id)
    return {
      name: PEERS[kind],
      url,
      key: null,
      process: server,
      newCampaign,
      rowsOf,
      [Symbol.asyncDispose]: () => server.close(),
    }
  } catch (error) {
    await server.close()
    throw error
  }
}

/** With the key. @throws when it is refused */
export async function asked(
  url: string,
  key: string | null,
  body?: unknown,
  method?: string,
): Promise<Record<string, unknown>> {
  const headers = {
    ...(key !== null && { authorization: `Bearer ${key}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  const init = body === undefined ? { headers } : { method: method ?? 'POST', headers, body: JSON.stringify(body) }
  const reply = await fetch(url, init)
  const answer = (await reply.json()) as Record<string, unknown>
  if (!reply.ok) throw new Error(`${url}: ${reply.status} ${JSON.stringify(answer)}`)
  return answer
}

async function rowsInMysql(url: string, campaignId: string): Promise<Issued> {
  await using connection = await createConnection(url)
  const [counted] = await connection.query(
    `SELECT COUNT(*) AS \`rows\`, COUNT(recipient) - COUNT(DISTINCT recipient) AS twice
       FROM coupons WHERE campaign_id = ? AND issued_at IS NOT NULL`,
    [campaignId],
  )
  const [issued] = counted as [Issued]
  return issued
}

/** Of the kernel: now, or the highest since forgetPeak(). */
export function memoryMb({ process: { pid } }: Subject, what: 'VmRSS' | 'VmHWM'): number {
  const [, kb] = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kb) / 1_024
}

export function forgetPeak({ process: { pid } }: Subject): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Of a process on Linux, in ticks of a hundredth of a second. */
export function cpuMs({ process: { pid } }: Subject): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
