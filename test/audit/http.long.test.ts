// What an audit over HTTP says of servers that are busy, broken, or no Firstcome: one line, without what they answered.

import type { RequestListener, ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { auditCampaign } from '../../src/audit/audit.ts'
import { httpAuditSource } from '../../src/audit/http.ts'
import { openServer } from '../cli/run-firstcome.ts'

const TIME = '2027-03-02T01:00:00.000Z'
const CAMPAIGN = JSON.stringify({
  id: 'c',
  created_at: TIME,
  start_time: TIME,
  server_time: TIME,
  total_coupons: 1,
  issued_count: 1,
  recipient_required: false,
  version: 1,
})
const COUPON = `${JSON.stringify({ coupon_code: 'CODE', slot: 1, recipient: null, issued_at: TIME })}\n`
const END = '{"rows":1}\n'

type Answer = (response: ServerResponse) => void
const says =
  (text: string, status = 200): Answer =>
  (response) =>
    response.writeHead(status).end(text)
const isSilent: Answer = () => {}
const busyFor = (ms: number) => says(`{"code":"busy","retry_after_ms":${ms}}`, 429)

const MS_MAX = 1_000

async function audit(campaign: Answer, coupons: Answer) {
  const listener: RequestListener = (request, response) =>
    (request.url?.endsWith('.ndjson') === true ? coupons : campaign)(response)
  await using fake = await openServer(listener)
  const source = httpAuditSource({ url: fake.url, answerMsMax: MS_MAX, stallMsMax: MS_MAX })
  const said = (text: string) => text.replaceAll(fake.url, 'URL')
  return await auditCampaign(source, 'c', { graceMs: 1_000 }).then(
    (report) => report?.verdict,
    (error: unknown) => said(String(error)),
  )
}

const inTurn = (...answers: Answer[]): Answer => {
  let asked = 0
  return (response) => answers[Math.min(asked++, answers.length - 1)]?.(response)
}

const NO_FIRSTCOME = 'Error: URL could not be read: what answers there is no Firstcome'
const NOTHING_CAME = `Error: URL could not be read: nothing came for ${MS_MAX / 1_000} s`

describe('one line of', () => {
  test.concurrent.each<[what: string, campaign: Answer, coupons: Answer, said: string]>([
    ['a page of a proxy', says('<html>secret'), says(''), NO_FIRSTCOME],
    ['null', says('null'), says(''), NO_FIRSTCOME],
    ['a page instead of coupons', says(CAMPAIGN), says('<html>secret\n</html>\n'), NO_FIRSTCOME],
    ['null among coupons', says(CAMPAIGN), says(`${COUPON}null\n${END}`), NO_FIRSTCOME],
    [
      'another coupon',
      says(CAMPAIGN),
      says('{"coupon_code":"CODE","recipient":null}\n'),
      `${NO_FIRSTCOME}: it tells no slot`,
    ],
    ['a fault that is null', says('null', 500), says(''), 'Error: URL answered 500'],
    ['a fault of a proxy', says(CAMPAIGN), says('<html>secret', 502), 'Error: URL answered 502'],
    ['silence', isSilent, says(''), NOTHING_CAME],
    ['silence after a head', (response) => response.writeHead(200).flushHeaders(), says(''), NOTHING_CAME],
    ['silence among coupons', says(CAMPAIGN), (response) => response.write(COUPON), NOTHING_CAME],
    ['a wait that is longer than anybody waits', busyFor(1e9), says(''), NOTHING_CAME],
    [
      'a line without end',
      says(CAMPAIGN),
      says('x'.repeat(100_000)),
      'Error: URL could not be read: a line has more than 65536 characters',
    ],
  ])('%s', async (_what, campaign, coupons, said) => {
    expect(await audit(campaign, coupons)).toBe(said)
  })
})

test('who is told to come later, again and again, is not out of time', async () => {
  // Altogether longer than anybody waits.
  const later = Array.from({ length: 12 }, () => busyFor(MS_MAX / 10))
  expect(await audit(inTurn(...later, says(CAMPAIGN)), inTurn(...later, says(COUPON + END)))).toBe('exact')
})
