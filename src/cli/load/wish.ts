// What somebody wants of firstcome load: its flags, read together, so that all that is wrong is said at once.

import { ConfigError, readClientConfigs, type ClientConfig } from '../../config.ts'
import { OUTSTANDING_MAX } from '../../load/load.ts'
import { durationMs } from '../caller.ts'
import { shownCount } from '../table.ts'

/** In one run: their answers are judged in memory. */
const REQUESTS_MAX = 3_000_000
const CONNECTIONS_MAX = 10_000
/** Longer ahead, it is a sale and no test. */
export const STARTS_IN_MS_MAX = 3_600_000

export interface Options {
  readonly url?: string
  readonly coupons?: string
  readonly requests?: string
  readonly rate?: string
  readonly for?: string
  readonly burst?: string
  readonly startsIn: string
  readonly recipients: Recipients
  readonly connections: string
  readonly patience: string
  readonly history?: string
  readonly campaign?: string
  readonly reallyIssueLiveCoupons?: true
  readonly keep?: true
  readonly json?: true
}

export const RECIPIENTS = ['unique', 'none', 'repeat'] as const
export type Recipients = (typeof RECIPIENTS)[number]

export interface Wish {
  readonly servers: readonly ClientConfig[]
  /** null: of the campaign that there is. */
  readonly coupons: number | null
  readonly crowd: Crowd
  readonly startsInMs: number
  readonly recipients: Recipients
  readonly connections: number
  readonly patienceMs: number
  readonly history: string | null
  /** null: one is made. */
  readonly campaign: string | null
  readonly mayBeLive: boolean
  readonly isKept: boolean
  readonly isJson: boolean
}

export type Crowd =
  | { readonly kind: 'requests'; readonly requests: number }
  | { readonly kind: 'rate'; readonly perSecond: number; readonly seconds: number }
  | { readonly kind: 'burst'; readonly requests: number }

/** @throws ConfigError */
export function readWish(options: Options): Wish {
  const problems: string[] = []
  const whole = (flag: string, text: string, max: number): number => {
    const number = /^\d{1,12}$/.test(text) ? Number(text) : NaN
    if (!(number >= 1 && number <= max)) problems.push(`--${flag}: a whole number from 1 to ${shownCount(max)}, please`)
    return number
  }
  const duration = (flag: string, text: string, min: number, max: number): number => {
    const ms = durationMs(text)
    if (!(ms >= min && ms <= max)) problems.push(`--${flag}: a time such as 5s, 500ms or 2m, please`)
    return ms
  }
  const servers = serversOf(options, problems)
  const crowd = crowdOf(options, problems, whole, duration)
  const { campaign = null, coupons } = options
  if (campaign === null && coupons === undefined)
    problems.push('--coupons: how many the campaign has, please; without more requests than that it cannot sell out')
  if (campaign !== null && coupons !== undefined)
    problems.push('--coupons beside --campaign: that one has its own. Leave one of them out')
  if (campaign !== null && options.keep === true) problems.push('--keep beside --campaign: that one is never deleted')
  if (campaign === null && options.reallyIssueLiveCoupons === true)
    problems.push('--really-issue-live-coupons without --campaign: a test campaign is made, which has none')
  const wish: Omit<Wish, 'crowd'> = {
    servers,
    coupons: coupons === undefined ? null : whole('coupons', coupons, 2_147_483_647),
    startsInMs: duration('starts-in', options.startsIn, 0, STARTS_IN_MS_MAX),
    recipients: options.recipients,
    connections: whole('connections', options.connections, CONNECTIONS_MAX),
    patienceMs: duration('patience', options.patience, 1, STARTS_IN_MS_MAX),
    history: options.history ?? null,
    campaign,
    mayBeLive: options.reallyIssueLiveCoupons === true,
    isKept: options.keep === true,
    isJson: options.json === true,
  }
  if (problems.length > 0 || crowd === null) throw new ConfigError(problems.join('\n'))
  return { ...wish, crowd }
}

function serversOf({ url }: Options, problems: string[]): ClientConfig[] {
  try {
    return readClientConfigs({ url })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(error.message)
    return []
  }
}

function crowdOf(
  { requests, rate, for: lasting, burst }: Options,
  problems: string[],
  whole: (flag: string, text: string, max: number) => number,
  duration: (flag: string, text: string, min: number, max: number) => number,
): Crowd | null {
  const given = [requests, rate ?? lasting, burst].filter((text) => text !== undefined)
  if (given.length !== 1) {
    problems.push('How many come: one of --requests M, --rate R with --for S, or --burst B, please')
    return null
  }
  if (requests !== undefined) return { kind: 'requests', requests: whole('requests', requests, REQUESTS_MAX) }
  if (burst !== undefined) return { kind: 'burst', requests: whole('burst', burst, OUTSTANDING_MAX) }
  if (rate === undefined || lasting === undefined) {
    problems.push(`--${rate === undefined ? 'for without --rate' : 'rate without --for'}: both, please`)
    return null
  }
  const perSecond = whole('rate', rate, REQUESTS_MAX)
  const seconds = duration('for', lasting, 1, STARTS_IN_MS_MAX) / 1_000
  if (perSecond * seconds > REQUESTS_MAX)
    problems.push(`--rate and --for: ${shownCount(REQUESTS_MAX)} requests at most`)
  return { kind: 'rate', perSecond, seconds }
}
