// What a person is told of a refusal, and the exit code that stands for it.

import { styleText } from 'node:util'
import { FAULTS } from '../answers.ts'
import type { ProblemCode } from '../http/problems.ts'
import type { Problem, Refused } from './api.ts'
import { printable, shownDuration, shownTime } from './table.ts'

export interface RefusalContext {
  /** The campaign that was asked about. */
  readonly id?: string
  /** Where a wrong value came from, where it is not the usual flag: pointer → flag. */
  readonly flags?: Readonly<Record<string, string>>
  /** What makes an issue the same again. */
  readonly sameAgain?: string
}

const NOT_YET = ['campaign_not_started', 'campaign_paused']

/** 1: the service decided against it. 2: it may go on later. 3: nothing was decided. */
export function exitCodeOf({ code, status }: Pick<Problem, 'code' | 'status'>): 1 | 2 | 3 {
  if (code in FAULTS || status >= 500 || status === 429) return 3
  return NOT_YET.includes(code) ? 2 : 1
}

export function refusalText({ problem, etag }: Refused, context: RefusalContext): string {
  const { title, code, detail, errors, request_id: requestId } = problem
  const toStderr = { stream: process.stderr }
  const head = `firstcome: ${styleText(['bold', 'red'], printable(title), toStderr)} (${printable(code)})`
  // With `errors`, the detail only says that they are there.
  const what = errors?.map(({ pointer, detail }) => `${flagOf(pointer, context)}: ${detail}`) ?? [detail]
  const next =
    code in NEXT ? NEXT[code as ProblemCode](problem, { etag, id: '<ID>', sameAgain: 'it', ...context }) : null
  const lines = [...what, ...(next === null ? [] : [`Next: ${next}`]), `request_id ${requestId}`]
  return `${[head, ...lines.map((line) => `  ${printable(line)}`)].join('\n')}\n`
}

/** Where a value of the API comes from on a command line. */
const FLAGS: Readonly<Record<string, string>> = {
  '/id': '--id',
  '/name': '--name',
  '/start_time': '--start',
  '/end_time': '--end',
  '/total_coupons': '--total',
  '/recipient_required': '--recipient-required',
  '/paused': '--paused',
  '/test': '--test',
  '/code_format': '--alphabet, --length, --prefix',
  '/code_format/alphabet': '--alphabet',
  '/code_format/length': '--length',
  '/code_format/prefix': '--prefix',
  '/metadata': '--metadata',
  '/recipient': '--recipient',
  '/Idempotency-Key': '--key',
  '/If-Match': '--if-match',
  '/status': '--status',
  '/q': '--q',
  '/limit': '--limit',
}

function flagOf(pointer: string, { flags = {} }: RefusalContext): string {
  return flags[pointer] ?? FLAGS[pointer] ?? pointer
}

interface NextContext extends RefusalContext {
  readonly id: string
  readonly sameAgain: string
  readonly etag: string | null
}

/** What to do about it; null: what was wrong says it. */
const NEXT: Readonly<Record<ProblemCode, (problem: Problem, context: NextContext) => string | null>> = {
  campaign_not_found: () => '`firstcome campaign list --test all` shows those that there are',
  idempotency_key_reused: () => 'take a new --key, or give the --recipient that it had',
  recipient_required: () => 'say whom the coupon is for with --recipient',
  campaign_paused: (_, { id }) => `\`firstcome campaign resume ${id}\` lets it go on`,
  campaign_not_started: ({ start_time: start, starts_in_ms: inMs }) =>
    `it starts at ${shownTime(String(start))}, in ${shownDuration(Number(inMs))}: ask again then`,
  campaign_ended: ({ end_time: end }, { id }) =>
    `it ended at ${shownTime(String(end))}; \`firstcome campaign change ${id}\` with --end or --no-end lets it go on`,
  sold_out: (_, { id }) => `\`firstcome campaign change ${id} --total N\` makes more`,
  campaign_exists: (_, { id }) => `take another --id; \`firstcome campaign show ${id}\` shows the one that there is`,
  campaign_changed: (_, { id, etag }) =>
    `look at it again with \`firstcome campaign show ${id}\`${etag === null ? '' : `: its ETag is ${shownEtag(etag)} now`}`,
  campaign_has_coupons: ({ fields }, { id }) =>
    Array.isArray(fields)
      ? `without ${fields.map((field) => flagOf(`/${String(field)}`, {})).join(', ')} the change can be made`
      : `\`firstcome campaign end ${id}\` or \`pause\` stops it`,
  total_below_issued: ({ lowest_total: lowest }) => `--total ${String(lowest)} is the lowest that can be`,
  coupon_not_found: (_, { id }) => `\`firstcome coupons ${id} --recipient R\` finds it by its recipient`,
  invalid_request: () => null,
  unauthenticated: () =>
    'set FIRSTCOME_API_KEY, or FIRSTCOME_API_KEY_FILE; `firstcome key create` makes one, at the database',
  forbidden: ({ scope }) => `take a key with the scope ${String(scope)}`,
  not_found: () => 'is --url or FIRSTCOME_URL right, and the server of the version of this program?',
  method_not_allowed: () => 'is --url or FIRSTCOME_URL right, and the server of the version of this program?',
  request_timeout: inAMoment,
  payload_too_large: () => 'is it the --metadata?',
  unsupported_media_type: () => 'something between here and the server changes what is sent',
  busy: inAMoment,
  rate_limited: inAMoment,
  headers_too_large: () => 'something that was given is too long',
  overloaded: inAMoment,
  unavailable: inAMoment,
  internal: () => 'ask who runs the server, with the request_id',
}

function inAMoment({ retry_after_ms: ms = 1_000 }: Problem, { sameAgain }: NextContext): string {
  return `ask for ${sameAgain} again in ${shownDuration(ms)}`
}

/** Without the quotes, which a shell would take for its own: --if-match takes it so. */
export function shownEtag(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1')
}
