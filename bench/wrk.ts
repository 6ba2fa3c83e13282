// wrk as the crowd: it drives a server with a fraction of the CPU that Node would need (Debian: apt-get install wrk).

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ISSUE = fileURLToPath(new URL('issue.lua', import.meta.url))

export interface Load {
  /** Replies a second. */
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface LoadOptions {
  readonly connections: number
  readonly seconds: number
  /** Every request is to be refused, and none to be answered with 2xx. */
  readonly isRefused?: boolean
}

/**
 * POSTs coupons, a recipient each.
 *
 * @param run tells its recipients from those of other runs
 * @throws if one gets no coupon, or a refusal where those are wanted
 */
export function issueLoad(
  serverUrl: string,
  campaignId: string,
  { run, delayMs = 0, key = '', ...options }: LoadOptions & { run: string; delayMs?: number; key?: string },
): Promise<Load> {
  const url = `${serverUrl}/v1/campaigns/${campaignId}/coupons`
  return load(url, options, ['--script', ISSUE], { RUN: run, DELAY_MS: String(delayMs), KEY: key })
}

/** GETs. */
export async function load(
  url: string,
  { connections, seconds, isRefused = false }: LoadOptions,
  more: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<Load> {
  const args = ['--latency', '--timeout', '10s', '-t1', `-c${connections}`, `-d${seconds}s`, ...more, url]
  const { stdout } = await promisify(execFile)('wrk', args, { env: { ...process.env, ...environment } })
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1])
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0)
  if (/Socket errors/.test(stdout) || refused !== (isRefused ? requests : 0))
    throw new Error(`not every request got its answer:\n${stdout}`)
  const ms = (percent: string) => {
    const [, number, unit] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(stdout) ?? []
    return Number(number) * ({ us: 0.001, ms: 1, s: 1_000 }[unit ?? ''] ?? NaN)
  }
  return { rate: Math.round(Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])), p50Ms: ms('50'), p99Ms: ms('99') }
}

export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number
}
