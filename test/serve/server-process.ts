// `firstcome serve` as a real process, and a caller of it that keeps its connections.

import { Agent, request as httpRequest } from 'node:http'
import { fileURLToPath } from 'node:url'
import { noteSecrets } from '../secrets/notes.ts'
import { spawnGuarded, type SpawnedGuarded } from '../servers/guarded.ts'

export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface ServerProcess {
  readonly url: string
  readonly process: SpawnedGuarded
  close(): Promise<void>
}

/** @param nodeArgs in front of the program, for instance to give the process another clock */
export async function startServe(
  environment: Record<string, string>,
  nodeArgs: readonly string[] = [],
  { isReadyAwaited = true, onOutput }: { isReadyAwaited?: boolean; onOutput?: (text: string) => void } = {},
): Promise<ServerProcess> {
  // All that it may say, so that there is something to search for what it may not.
  const logged = { LOG_LEVEL: 'debug', LOG_REQUESTS: 'all' }
  const env = { PATH: process.env['PATH'], PORT: '0', DRAIN_MS: '0', ...logged, ...environment }
  const guarded = await spawnGuarded(process.execPath, [...nodeArgs, MAIN, 'serve'], {
    env,
    isServer: true,
    ...(onOutput !== undefined && { onOutput }),
  })
  const [, url] = await guarded.waitForOutput(/listens on (http:\S+)/)
  if (isReadyAwaited) await guarded.waitForOutput(/^Ready\.$/m)
  return { url: url as string, process: guarded, close: () => guarded.close() }
}

export interface Reply {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: Record<string, unknown>
}

export interface CallOptions {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
  /** Hangs up this long after sending; the reply is then null. */
  readonly hangUpAfterMs?: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 512 })

/** null: no reply, the connection broke or was broken off. */
export function call(
  url: string,
  { method = 'GET', body, headers = {}, hangUpAfterMs }: CallOptions = {},
): Promise<Reply | null> {
  return new Promise((resolve) => {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const type =
      payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
    const request = httpRequest(url, { method, agent, headers: { ...type, ...headers } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => resolve(null))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: JSON.parse(text) as Reply['body'],
        })
      })
    })
    request.on('error', () => resolve(null))
    request.end(payload)
    if (hangUpAfterMs !== undefined) setTimeout(() => request.destroy(), hangUpAfterMs)
  })
}

/** The reply that there must be. */
export async function answered(reply: Promise<Reply | null>): Promise<Reply> {
  const answer = await reply
  if (answer === null) throw new Error('no reply')
  return answer
}

export async function createCampaign(
  url: string,
  fields: Record<string, unknown>,
): Promise<Record<string, unknown> & { id: string }> {
  const body = { name: '선착순 쿠폰', start_time: 'now', ...fields }
  const reply = await answered(call(`${url}/v1/campaigns`, { method: 'POST', body }))
  if (reply.status !== 201) throw new Error(`create: ${reply.status} ${JSON.stringify(reply.body)}`)
  return reply.body as Record<string, unknown> & { id: string }
}

export async function issue(
  url: string,
  campaignId: string,
  { recipient, key, hangUpAfterMs }: { recipient?: string; key?: string; hangUpAfterMs?: number } = {},
): Promise<Reply | null> {
  const reply = await call(`${url}/v1/campaigns/${campaignId}/coupons`, {
    method: 'POST',
    ...(recipient === undefined ? {} : { body: { recipient } }),
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
    ...(hangUpAfterMs === undefined ? {} : { hangUpAfterMs }),
  })
  noteSecrets(recipient, key, reply?.body['coupon_code'])
  return reply
}

/** Every coupon of the campaign, by the API's own pages. */
export async function listCoupons(url: string, campaignId: string, limit = 1_000): Promise<Record<string, unknown>[]> {
  const coupons: Record<string, unknown>[] = []
  for (let cursor = ''; ;) {
    const page = await answered(call(`${url}/v1/campaigns/${campaignId}/coupons?limit=${limit}${cursor}`))
    coupons.push(...(page.body['data'] as Record<string, unknown>[]))
    const next = page.body['next_cursor'] as string | null
    if (next === null) return coupons
    cursor = `&cursor=${next}`
  }
}

/** How often each status, with the problem's code where there is one; 'none': no reply. */
export function countReplies(replies: readonly (Reply | null)[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const reply of replies) {
    const code = reply?.body['code']
    const name = reply === null ? 'none' : `${reply.status}${typeof code === 'string' ? ` ${code}` : ''}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}
