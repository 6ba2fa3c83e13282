// wrk as the crowd: it drives a server with a fraction of the CPU that Node would need (Debian: apt-get install wrk).

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ISSUE = fileURLToPath(new URL('issue.lua', import.meta.url))
/** Its own time of the processor, which the shell that waited for it knows. Linux. */
const TIMED = 'wrk "$@"; code=$?; echo "ticks: $(cut -d" " -f16,17 /proc/$$/stat)"; exit $code'
const TICKS_PER_S = 100

export interface Load {
  /** Replies a second. */
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of one core, that wrk used. */
  readonly driverShare: number
}

export interface LoadOptions {
  readonly connections: number
  readonly seconds: number
}

export interface IssueLoadOptions extends LoadOptions {
  /** Tells its recipients from those of other runs; empty: no recipients are named. */
  readonly run: string
  readonly delayMs?: number
  readonly key?: string
  /** Every reply is a refusal with status 409 then, as of a campaign that is sold out. */
  readonly isRefused?: boolean
  /** Of those that are called `campaignId`0, `campaignId`1 and so on. */
  readonly campaigns?: number
}

/** POSTs coupons, a recipient each. @throws if one gets no coupon */
export function issueLoad(serverUrl: string, campaignId: string, options: IssueLoadOptions): Promise<Load> {
  const { run, delayMs = 0, key = '', isRefused = false, campaigns } = options
  const url = `${serverUrl}/v1/campaigns/${campaignId}/coupons`
  const environment = {
    RUN: run,
    DELAY_MS: String(delayMs),
    KEY: key,
    CAMPAIGNS: campaigns === undefined ? '' : `${campaignId}:${campaigns}`,
  }
  return load(url, options, ['--script', ISSUE], environment, isRefused)
}

/** GETs. */
export async function load(
  url: string,
  { connections, seconds }: LoadOptions,
  more: readonly string[] = [],
  environment: Record<string, string> = {},
  isRefused = false,
): Promise<Load> {
  const args = ['--latency', '--timeout', '10s', '-t1', `-c${connections}`, `-d${seconds}s`, ...more, url]
  const env = { ...process.env, ...environment }
  const { stdout } = await promisify(execFile)('sh', ['-c', TIMED, 'sh', ...args], { env })
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0)
  const [, replies = '', tookText = ''] = /(\d+) requests in ([\d.]+s)/.exec(stdout) ?? []
  const wrong = /Socket errors: (.*)/.exec(stdout)
  if (wrong !== null || refused !== (isRefused ? Number(replies) : 0))
    throw new Error(`${refused} of ${replies} requests were refused${wrong === null ? '' : `; ${wrong[0]}`}`)
  const ms = (percent: string) => {
    const [, number, unit] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(stdout) ?? []
    return Number(number) * ({ us: 0.001, ms: 1, s: 1_000 }[unit ?? ''] ?? NaN)
  }
  const [, user, system] = /ticks: (\d+) (\d+)/.exec(stdout) ?? []
  return {
    rate: Math.round(Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])),
    p50Ms: ms('50'),
    p99Ms: ms('99'),
    driverShare: (Number(user) + Number(system)) / TICKS_PER_S / parseFloat(tookText),
  }
}
