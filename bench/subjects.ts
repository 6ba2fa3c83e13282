// What is measured: servers of ours and of the peers, each a process of its own, with one way to make campaigns and to count.

import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { openGuardian, type Guarded } from '../test/servers/guarded.ts'
import { createPeerCampaign } from './peers/tables.ts'
import type { PeerKind, Way } from './ways.ts'

const ROOT = resolve(import.meta.dirname, '..')
const MAIN = join(ROOT, 'src/main.ts')
/** Nobody runs out of coupons who does not mean to. */
export const ENOUGH_COUPONS = 1_000_000_000
/** Rows in advance take time to make: more than it gives away in a round. */
const ADVANCE_COUPONS = 100_000

export interface Subject extends AsyncDisposable {
  readonly way: Way
  readonly url: string
  /** null: it needs none. */
  readonly key: string | null
  readonly process: Guarded
  /** From its start until it was ready. */
  readonly readyMs: number
  /** → its id. Open now; @param total enough for everybody unless given */
  newCampaign(total?: number): Promise<string>
  /** Of every coupon that has one, read without any code of the project. */
  recipientsOf(campaignId: string): Promise<string[]>
}

let campaigns = 0
const newId = () => `bench-${++campaigns}`

/** As an operator runs it: default logs, metrics and limits, and an API key that every call carries. */
export async function startOurs(way: Way, environment: Record<string, string>): Promise<Subject> {
  const env = { PATH: process.env['PATH'], PORT: '0', DRAIN_MS: '0', ...environment }
  const guardian = await openGuardian()
  try {
    const beganAt = performance.now()
    const server = await guardian.run(process.execPath, [MAIN, 'serve'], { env })
    const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)[^]*^Ready\.$/m)
    const readyMs = performance.now() - beganAt
    const makeKey = [MAIN, 'key', 'create', '--client', 'bench', '--scopes', 'admin']
    const { stdout } = await promisify(execFile)(process.execPath, makeKey, { env })
    const key = stdout.trim()
    const newCampaign = async (total = ENOUGH_COUPONS) =>
      (
        await asked(`${url}/v1/campaigns`, key, { id: newId(), name: 'bench', start_time: 'now', total_coupons: total })
      )['id'] as string
    const { MYSQL_URL: mysqlUrl, SQLITE_PATH: path = '' } = environment
    const recipientsOf = async (id: string) => (mysqlUrl === undefined ? inSqlite(path, id) : inMysql(mysqlUrl, id))
    return {
      way,
      url,
      key,
      process: server,
      readyMs,
      newCampaign,
      recipientsOf,
      [Symbol.asyncDispose]: () => guardian.close(),
    }
  } catch (error) {
    await guardian.close()
    throw error
  }
}

/** @param mysqlUrl its database, where its tables are */
export async function startPeer(kind: PeerKind, mysqlUrl: string, redisUrl: string): Promise<Subject> {
  const args = [join(ROOT, 'bench/peers/serve.ts'), kind]
  const env = { PATH: process.env['PATH'], NODE_ENV: 'production', MYSQL_URL: mysqlUrl, REDIS_URL: redisUrl }
  const guardian = await openGuardian()
  try {
    const beganAt = performance.now()
    const server = await guardian.run(process.execPath, args, { env })
    const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)/)
    const readyMs = performance.now() - beganAt
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
    const recipientsOf = (id: string) => inMysql(mysqlUrl, id)
    return {
      way: kind,
      url,
      key: null,
      process: server,
      readyMs,
      newCampaign,
      recipientsOf,
      [Symbol.asyncDispose]: () => guardian.close(),
    }
  } catch (error) {
    await guardian.close()
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

const RECIPIENTS = 'SELECT recipient FROM coupons WHERE campaign_id = ? AND recipient IS NOT NULL'

async function inMysql(url: string, campaignId: string): Promise<string[]> {
  await using connection = await createConnection(url)
  const [rows] = await connection.query(RECIPIENTS, [campaignId])
  return (rows as { recipient: string }[]).map(({ recipient }) => recipient)
}

function inSqlite(path: string, campaignId: string): string[] {
  using database = new DatabaseSync(path, { readOnly: true })
  return database
    .prepare(RECIPIENTS)
    .all(campaignId)
    .map(({ recipient }) => String(recipient))
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
