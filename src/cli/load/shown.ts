// What came of a run, for people and as JSON.

import { styleText } from 'node:util'
import type { LoadNumbers } from '../../load/numbers.ts'
import { facts, shownCount } from '../table.ts'
import { shownMs } from './live.ts'
import type { Claim, Proof } from './proof.ts'
import type { Wish } from './wish.ts'

export interface Sent {
  readonly numbers: LoadNumbers
  /** Since the start. */
  readonly tookMs: number
  /** How many could have got a coupon. */
  readonly demand: number
}

export function printRun(
  { isJson, servers }: Wish,
  campaignId: string,
  { numbers, tookMs }: Sent,
  { verdict, summary, claims, audit }: Proof,
): void {
  if (isJson) {
    const urls = servers.map(({ url }) => url)
    const document = {
      verdict,
      summary,
      campaign_id: campaignId,
      servers: urls,
      ...numbersJson(numbers, tookMs),
      claims,
      audit,
    }
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
    return
  }
  process.stdout.write(`${numbersText(numbers, tookMs)}\n`)
  for (const claim of claims) process.stdout.write(`${lineOf(claim)}\n`)
  const color = ({ good: 'green', bad: 'red', 'not yet': 'yellow' } as const)[verdict]
  process.stdout.write(`\n${styleText(color, summary)}\n`)
}

function numbersText(numbers: LoadNumbers, tookMs: number): string {
  const { requests, calls, issued, replayed, refused, unknown, notSent, unknownLeft, latency } = numbers
  const { sold_out: soldOut = 0, campaign_not_started: early = 0, ...others } = refused
  const perSecond = shownCount(Math.round((calls / tookMs) * 1_000))
  return facts([
    ['requests', `${shownCount(requests)} in ${(tookMs / 1_000).toFixed(1)} s`],
    ['calls', `${shownCount(calls)}, ${perSecond} a second`],
    ['issued', shownCount(issued)],
    ['sold_out', shownCount(soldOut)],
    ['campaign_not_started', shownCount(early)],
    ...(replayed === 0 ? [] : [['replayed', shownCount(replayed)] as const]),
    ...Object.entries(others).map(([code, count]) => [code, shownCount(count)] as const),
    ...Object.entries(unknown).map(([what, count]) => [what, `${shownCount(count)}, asked again`] as const),
    ...(unknownLeft === 0 ? [] : [['no answer', `${shownCount(unknownLeft)} requests were given up`] as const]),
    ...(notSent === 0 ? [] : [['not sent', `${shownCount(notSent)} requests`] as const]),
    [
      'latency',
      `p50 ${shownMs(latency.p50Ms)}, p90 ${shownMs(latency.p90Ms)}, p99 ${shownMs(latency.p99Ms)}, most ${shownMs(latency.maxMs)}`,
    ],
  ])
}

function numbersJson(
  { unknownLeft, notSent, elapsedMs: _all, outstanding: _none, latency, ...numbers }: LoadNumbers,
  tookMs: number,
) {
  const { count, p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = latency
  return {
    ...numbers,
    unknown_left: unknownLeft,
    not_sent: notSent,
    took_ms: Math.round(tookMs),
    latency: { count, p50_ms: p50Ms, p90_ms: p90Ms, p99_ms: p99Ms, p999_ms: p999Ms, max_ms: maxMs },
  }
}

function lineOf({ name, says, result, why, examples }: Claim): string {
  const shown = examples.length === 0 ? '' : ` (${examples.slice(0, 3).join('; ')})`
  const reason = why === null ? '' : `: ${why}${shown}`
  if (!process.stdout.isTTY) return `${result.padEnd(7)} ${name}: ${says}${reason}`
  const mark = { ok: styleText('green', '✓'), FAIL: styleText('red', '✗'), 'not yet': styleText('yellow', '-') }[result]
  return `${mark} ${styleText('bold', name)} ${styleText('dim', says)}${reason === '' ? '' : `\n    ${reason.slice(2)}`}`
}
