// firstcome audit, as somebody at a shell runs it: over HTTP and at a file that a server holds, with histories, and what it
// says when it cannot be run.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHistory, type HistoryCall } from '../../src/load/history.ts'
import { answered, call, createCampaign, issue, startServe, type ServerProcess } from '../serve/server-process.ts'
import { openServer, run, start, startOnTerminal, type Ended } from './run-firstcome.ts'

const folder = mkdtempSync(join(tmpdir(), 'firstcome-audit-'))
const path = join(folder, 'coupons.db')
const AT_THE_FILE = { env: { SQLITE_PATH: path } }
let server: ServerProcess
beforeAll(async () => {
  server = await startServe({ SQLITE_PATH: path })
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

const audit = (...args: string[]) => run(server.url, ['audit', ...args])
/** Without what is told of an audit that takes longer than a second. */
const complaints = ({ err }: Ended) => err.replaceAll(/^\d[\d,]* (?:of \d[\d,]* )?[a-z ]+\n/gm, '')
const json = ({ out }: Ended) => JSON.parse(out) as Record<string, unknown>

let campaigns = 0
async function campaignWith(issued: number, fields: Record<string, unknown> = {}): Promise<string> {
  const { id } = await createCampaign(server.url, { id: `audited-${++campaigns}`, total_coupons: 3, ...fields })
  for (let i = 1; i <= issued; i++) await issue(server.url, id, { recipient: `user-${i}` })
  return id
}

/** As nobody should. */
function change(sql: string, ...values: (string | number)[]): void {
  using database = new DatabaseSync(path)
  database.prepare(sql).run(...values)
}

async function historyOf(id: string, calls: readonly HistoryCall[]): Promise<string> {
  const file = join(folder, `${id}-${calls.length}-${Math.random()}.jsonl`)
  const writer = await createHistory(file, { campaign_id: id, started_at: Date.now() })
  for (const one of calls) await writer.write(one)
  await writer.close()
  return file
}

async function toldCall(id: string, recipient: string): Promise<HistoryCall> {
  const sentAt = performance.timeOrigin + performance.now()
  const reply = await answered(issue(server.url, id, { recipient }))
  const coupon = reply.body as unknown as NonNullable<HistoryCall['coupon']>
  return {
    request: recipient,
    call: 1,
    campaign_id: id,
    recipient,
    idempotency_key: null,
    server: server.url,
    intended_at: sentAt,
    sent_at: sentAt,
    answered_at: performance.timeOrigin + performance.now(),
    answer: reply.status < 300 ? 'ok' : 'refused',
    status: reply.status,
    code: reply.status === 201 ? 'issued' : reply.status === 200 ? 'replayed' : String(reply.body['code']),
    coupon:
      reply.status < 300
        ? {
            coupon_code: coupon.coupon_code,
            slot: coupon.slot,
            recipient: coupon.recipient,
            issued_at: coupon.issued_at,
          }
        : null,
  }
}

describe('exact:', () => {
  test('exit 0, over HTTP and at the file that the server holds, with one checksum', async () => {
    const id = await campaignWith(3)
    const [shown, overHttp, atFile] = await Promise.all([
      audit(id),
      audit(id, '--json'),
      run('http://127.0.0.1:9', ['audit', id, '--db', '--json'], AT_THE_FILE),
    ])
    expect([shown.code, complaints(shown)]).toEqual([0, ''])
    expect(shown.out).toMatch(/^exact: all coupons are issued, each once\ncoupons {3}3 of 3\n/)
    expect(shown.out).toMatch(/^ok {2}No slot has two rows\.$/m)
    expect(shown.out).toMatch(/^– {3}Not checked: .* keys of the rows\. \(requests_distinct, recipient_keys\)$/m)
    expect([overHttp.code, complaints(overHttp)]).toEqual([0, ''])
    expect(json(overHttp)).toMatchObject({ verdict: 'exact', complete: true, issued_count: 3, history: null })
    expect([atFile.code, complaints(atFile)]).toEqual([0, ''])
    expect(json(atFile)['checksum']).toBe(json(overHttp)['checksum'])
    const ofServer = (await answered(call(`${server.url}/v1/campaigns/${id}/audit`))).body
    expect(ofServer['checksum']).toBe(json(overHttp)['checksum'])
    expect(ofServer['checks']).toEqual(json(atFile)['checks'])
  })

  test('with histories of two machines', async () => {
    const id = await campaignWith(0)
    const first = [await toldCall(id, 'user-1'), await toldCall(id, 'user-1')]
    const second = [await toldCall(id, 'user-2'), await toldCall(id, 'user-3'), await toldCall(id, 'user-4')]
    const files = [await historyOf(id, first), await historyOf(id, second)]
    const { code, out } = await audit(id, '--history', ...files, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      verdict: 'exact',
      violations: [],
      history: { calls: 5, requests: 4, acknowledged: 3, refused: 1, unknown_left: 0 },
    })
    const shown = await audit(id, '--history', ...files)
    expect(shown.out).toContain(
      '5 calls of 4 requests: 3 got a coupon, 1 were refused, none was left without an answer',
    )
  })
})

test('healing: exit 2, and the gaps', async () => {
  const id = await campaignWith(3)
  change('DELETE FROM coupons WHERE campaign_id = ? AND slot = 2', id)
  const young = await audit(id)
  expect([young.code, complaints(young)]).toEqual([0, ''])
  expect(young.out).toMatch(/^exact: so far, with some on their way\n[^]*^in flight {2}1: 2$/m)
  const old = await audit(id, '--grace', '0ms')
  expect([old.code, complaints(old)]).toEqual([2, ''])
  expect(old.out).toMatch(/^healing: .*1 slots were passed over[^]*^gaps {6}1: 2$/m)
})

describe('violated: exit 1,', () => {
  test('with the check and some examples', async () => {
    const id = await campaignWith(3)
    change('UPDATE campaigns SET total_coupons = 2 WHERE id = ?', id)
    const [shown, asJson] = await Promise.all([audit(id), audit(id, '--json')])
    expect([shown.code, complaints(shown)]).toEqual([1, ''])
    expect(shown.out).toMatch(/^violated: 2 of the checks below found what must not be$/m)
    expect(shown.out).toMatch(/^NO {2}Every slot is from 1 to `total_coupons`\. 1 times not: slot 3, code ….{4}$/m)
    expect(json(asJson)).toMatchObject({ verdict: 'violated' })
    expect(shown.out + asJson.out).not.toContain('user-')
  })

  test('when a coupon that somebody was told of is gone', async () => {
    const id = await campaignWith(1)
    const file = await historyOf(id, [await toldCall(id, 'user-2')])
    change('DELETE FROM coupons WHERE campaign_id = ? AND slot = 2', id)
    const { code, out } = await audit(id, '--history', file)
    expect(code).toBe(1)
    expect(out).toMatch(/^NO {2}Every coupon that a caller was told of is stored .* 1 times not: slot 2, code ….{4}$/m)
  })
})

describe('could not be run: exit 3,', () => {
  test('no such campaign, nobody there, no file', async () => {
    expect(await audit('nowhere')).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringContaining('no campaign nowhere'),
    })
    expect(await run('http://127.0.0.1:9', ['audit', 'c'])).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringContaining('http://127.0.0.1:9 could not be read'),
    })
    const noFile = { env: { SQLITE_PATH: join(folder, 'none.db') } }
    expect(await run(server.url, ['audit', 'c', '--db'], noFile)).toMatchObject({
      code: 3,
      err: expect.stringContaining('there is no file'),
    })
    expect(await run(server.url, ['audit', 'c', '--db'], { env: { SQLITE_PATH: ':memory:' } })).toMatchObject({
      code: 3,
      err: expect.stringContaining('in memory'),
    })
  })

  test('wrong flags', async () => {
    expect(await audit('c', '--grace', 'soon')).toMatchObject({ code: 3, err: expect.stringContaining('30s') })
    expect(await audit('c', '--db', '--url', server.url)).toMatchObject({
      code: 3,
      err: expect.stringContaining('--db'),
    })
  })

  test('histories of another campaign, and such that are none', async () => {
    const id = await campaignWith(1)
    const other = await historyOf('other', [])
    expect(await audit(id, '--history', other)).toMatchObject({
      code: 3,
      err: expect.stringContaining('another campaign'),
    })
    const torn = join(folder, 'torn.jsonl')
    writeFileSync(torn, `{"firstcome_history":1,"campaign_id":"${id}","started_at":1}\n{"request":"user-1"}\n`)
    const { code, out, err } = await audit(id, '--history', torn)
    expect([code, out]).toEqual([3, ''])
    expect(err).toBe(`firstcome: ${torn}:2: expected a whole number from 1 in call\n`)
  })

  test('an export that is cut', async () => {
    const { campaign, line } = fakeAnswers()
    await using fake = await openServer((request, response) => {
      if (request.url?.endsWith('.ndjson') === true) response.end(line)
      else response.setHeader('content-type', 'application/json').end(campaign)
    })
    expect(await run(fake.url, ['audit', 'c'])).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringContaining('its end is missing'),
    })
  })
})

test('a busy server is asked again', async () => {
  const { campaign, line } = fakeAnswers()
  let asked = 0
  await using fake = await openServer((request, response) => {
    if (request.url?.endsWith('.ndjson') !== true) {
      response.setHeader('content-type', 'application/json').end(campaign)
    } else if (++asked === 1) {
      response.writeHead(429, { 'content-type': 'application/problem+json' })
      response.end('{"code":"busy","retry_after_ms":5}')
    } else response.end(`${line}{"rows":1}\n`)
  })
  const { code, out } = await run(fake.url, ['audit', 'c'])
  expect([code, asked]).toEqual([0, 2])
  expect(out).toContain('exact: all coupons are issued')
})

describe('while it takes long it says how far it is:', () => {
  test.each(['a plain line a second', 'one line on a terminal'])('%s', async (where) => {
    const { campaign, line } = fakeAnswers()
    const goOn = Promise.withResolvers<void>()
    await using fake = await openServer((request, response) => {
      if (request.url?.endsWith('.ndjson') !== true) {
        response.setHeader('content-type', 'application/json').end(campaign)
        return
      }
      response.write(line)
      void goOn.promise.then(() => response.end('{"rows":1}\n'))
    })
    const isPlain = where.startsWith('a plain')
    const running = isPlain ? start(fake.url, ['audit', 'c']) : startOnTerminal(fake.url, ['audit', 'c'])
    // eslint-disable-next-line no-control-regex
    await running.said(isPlain ? /^0 rows\n/m : /\r\u001b\[2K0 rows/)
    goOn.resolve()
    const { code, out } = await running.ended
    expect(code).toBe(0)
    expect(out).toContain('all coupons are issued')
  })
})

function fakeAnswers(): { readonly campaign: string; readonly line: string } {
  const time = '2027-03-02T01:00:00.000Z'
  return {
    campaign: JSON.stringify({
      id: 'c',
      created_at: time,
      start_time: time,
      server_time: time,
      total_coupons: 1,
      issued_count: 1,
      recipient_required: false,
      version: 1,
    }),
    line: `${JSON.stringify({ campaign_id: 'c', coupon_code: 'CODE', slot: 1, recipient: null, issued_at: time })}\n`,
  }
}
