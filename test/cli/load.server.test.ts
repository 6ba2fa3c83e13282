// firstcome load: a proof on servers that keep their promises, also when they are killed, and the claim named on builds that
// break one each.

import { readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openHistory } from '../../src/load/history.ts'
import { noteSecrets } from '../secrets/notes.ts'
import { call, createCampaign, listCoupons, startServe, type ServerProcess } from '../serve/server-process.ts'
import { freshDatabase, uniquePrefix, type FreshDatabase } from '../servers/fresh.ts'
import { openGuardian } from '../servers/guarded.ts'
import { startBroken, type Edit } from './broken-build.ts'
import { run, start, startOnTerminal, type Ended } from './run-firstcome.ts'

/** Names of claims, by what came of them. */
function claimsIn({ out }: Ended): Record<'ok' | 'FAIL' | 'not yet', string[]> {
  const lines = [...out.matchAll(/^(ok|FAIL|not yet) +(.+?): /gm)]
  const of = (result: string) => lines.flatMap(([, found, name]) => (found === result ? [name as string] : []))
  return { ok: of('ok'), FAIL: of('FAIL'), 'not yet': of('not yet') }
}

async function expectNothingLeft(url: string): Promise<void> {
  expect((await call(`${url}/v1/campaigns?test=all`))?.body['data']).toEqual([])
}

/** What the crowd of another process sent and got must be in no log either. */
async function noteHistory(file: string): Promise<void> {
  for await (const { recipient, idempotency_key: key, coupon } of (await openHistory(file)).calls)
    noteSecrets(recipient, key, coupon?.coupon_code)
}

/** With what it says, what was found can be found again. */
async function expectEvidence(url: string, { err }: Ended): Promise<void> {
  const [, words = ''] = /^Judge it again: `firstcome (audit .+)`$/m.exec(err) ?? []
  const [, id, , , , history] = words.split(' ')
  expect((await call(`${url}/v1/campaigns?test=all`))?.body['data']).toMatchObject([{ id }])
  const again = await run(url, words.split(' '))
  expect(again.out + again.err).toMatch(/^history +[\d,]+ calls of 900 requests: /m)
  const [, deletion = ''] = /^Delete it: `firstcome (.+)`$/m.exec(err) ?? []
  expect(await run(url, deletion.split(' '))).toMatchObject({ code: 0 })
  await expectNothingLeft(url)
  rmSync(dirname(String(history)), { recursive: true })
}

describe('three servers on MySQL and Redis', () => {
  let database: FreshDatabase
  let servers: ServerProcess[] = []
  let urls = ''
  let environment: Record<string, string> = {}
  beforeAll(async () => {
    database = await freshDatabase(inject('mysqlUrl'))
    environment = { MYSQL_URL: database.url, REDIS_URL: inject('redisUrl'), REDIS_PREFIX: uniquePrefix() }
    servers = await Promise.all([0, 1, 2].map(() => startServe(environment)))
    urls = servers.map(({ url }) => url).join(',')
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.close()))
    await database.drop()
  })
  const url = () => (servers[0] as ServerProcess).url

  test('6,000 requests for 2,000 coupons: exact, and nothing is left', async () => {
    const ended = await run(urls, ['load', '--coupons', '2000', '--requests', '6000'])
    expect({ code: ended.code, ...claimsIn(ended) }).toMatchObject({ code: 0, FAIL: [], 'not yet': [] })
    expect(ended.out).toMatch(/^issued +2,000$/m)
    expect(ended.out).toMatch(/^sold_out +4,000$/m)
    expect(ended.out).toMatch(/^campaign_not_started +\d+$/m)
    expect(ended.out).toMatch(/^Good: exactly 2,000 coupons for 6,000 requests, and every answer is true\.$/m)
    // A line a second, where there is no terminal.
    expect(ended.err).toMatch(/^\d+ s, .*issued/m)
    await expectNothingLeft(url())
  })

  test('a burst at the start, with a key for each request and no recipients', async () => {
    const args = ['load', '--coupons', '700', '--burst', '2000', '--starts-in', '1s', '--recipients', 'none', '--json']
    const { code, out } = await run(urls, args)
    expect(code, out).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      verdict: 'good',
      requests: 2_000,
      issued: 700,
      refused: { sold_out: 1_300, campaign_not_started: expect.any(Number) },
      unknown_left: 0,
      not_sent: 0,
      latency: { count: 2_000 },
      audit: { verdict: 'exact', complete: true, issued_count: 700 },
    })
  })

  test('by a clock, each recipient twice, fewer than there are coupons: exactly as many as asked', async () => {
    const args = ['load', '--coupons', '5000', '--rate', '400', '--for', '2s', '--recipients', 'repeat']
    const ended = await run(urls, args)
    expect({ code: ended.code, ...claimsIn(ended) }).toMatchObject({ code: 0, FAIL: [], 'not yet': [] })
    expect(ended.out).toContain('fewer came than there are coupons')
    expect(ended.out).toMatch(/^issued +400$/m)
    expect(ended.out).toMatch(/^replayed +400$/m)
    expect(ended.out).toContain('Good: exactly as many coupons as asked for, 400 of 5,000')
  })

  test('a server killed and started again in mid-run: it goes on, and still proves N', async () => {
    const loading = start(urls, ['load', '--coupons', '3000', '--rate', '1500', '--for', '4s', '--starts-in', '1s'])
    await loading.said(/[1-9][\d,]* issued/)
    const [first] = servers as [ServerProcess]
    await first.process.kill()
    servers[0] = await startServe({ ...environment, PORT: new URL(first.url).port })
    await first.close()
    const ended = await loading.ended
    expect({ code: ended.code, ...claimsIn(ended) }, ended.out).toMatchObject({ code: 0, FAIL: [], 'not yet': [] })
    expect(ended.out).toMatch(/^no reply +[\d,]+, asked again$/m)
    expect(ended.out).toContain('Good: exactly 3,000 coupons for 6,000 requests')
    await expectNothingLeft(url())
  })

  test('on a terminal one line tells how far it is, and is gone at the end', async () => {
    const { out } = await startOnTerminal(urls, ['load', '--coupons', '100', '--rate', '200', '--for', '1s']).ended
    const lines = out.split('\r\u001b[2K')
    expect(lines.filter((line) => line.startsWith('opens in ')).length).toBeGreaterThan(2)
    expect(lines.filter((line) => /^\d s, [1-9]\d* issued, .*p99/.test(line)).length).toBeGreaterThan(2)
    expect(lines.at(-1)).toMatch(/✓[^]*Good: exactly 100 coupons for 200 requests/)
  })

  test('Ctrl-C: nothing more is sent, what was done is judged, and nothing is left', async () => {
    const loading = start(urls, ['load', '--coupons', '100', '--rate', '100', '--for', '5m'])
    await loading.said(/[1-9][\d,]* issued/)
    loading.child.kill('SIGINT')
    const ended = await loading.ended
    expect({ code: ended.code, ...claimsIn(ended) }, ended.out).toMatchObject({ code: 2, FAIL: [], 'not yet': [] })
    expect(ended.err).toContain('Interrupted')
    expect(ended.out).toMatch(/^not sent +[\d,]+ requests$/m)
    await expectNothingLeft(url())
  })

  test('nobody is left who could be asked: what callers were told is kept, and how to judge it is said', async () => {
    const server = await startServe({ SQLITE_PATH: ':memory:' })
    const loading = start(server.url, ['load', '--coupons', '100', '--rate', '50', '--for', '5m', '--patience', '1s'])
    await loading.said(/[1-9][\d,]* issued/)
    await server.process.kill()
    await server.close()
    loading.child.kill('SIGINT')
    const ended = await loading.ended
    expect(ended.code, ended.err).toBe(3)
    const [, history = ''] =
      /^Kept to look into it: campaign \S+, and what every call was told in (\S+)$/m.exec(ended.err) ?? []
    expect(ended.err).toContain(`--history ${history}`)
    expect(readFileSync(history, 'utf8')).toContain('"code":"issued"')
    rmSync(dirname(history), { recursive: true })
  })

  test('a campaign that there is: only if that is meant, its history is kept, and it stays', async () => {
    await using guardian = await openGuardian()
    const history = join(guardian.folder, 'history.jsonl')
    const { id } = await createCampaign(url(), { total_coupons: 50 })
    const args = ['load', '--campaign', id, '--requests', '80', '--history', history]
    const refused = await run(urls, args)
    expect(refused).toMatchObject({ code: 3, err: expect.stringContaining('--really-issue-live-coupons') })
    expect(await listCoupons(url(), id)).toEqual([])

    const ended = await run(urls, [...args, '--really-issue-live-coupons'])
    expect(ended.code, ended.out + ended.err).toBe(0)
    expect(await listCoupons(url(), id)).toHaveLength(50)
    const [head, ...calls] = readFileSync(history, 'utf8').trimEnd().split('\n')
    expect(JSON.parse(head ?? '')).toMatchObject({ firstcome_history: 1, campaign_id: id })
    expect(calls).toHaveLength(80)
    await noteHistory(history)
    // Nobody's history is written over.
    const again = await run(urls, [...args, '--really-issue-live-coupons'])
    expect(again).toMatchObject({ code: 3, err: expect.stringContaining('is there already') })
  })

  test('two at one campaign: together their histories prove it', async () => {
    await using guardian = await openGuardian()
    const { id } = await createCampaign(url(), { total_coupons: 300, test: true })
    const histories = ['seoul', 'busan'].map((name) => join(guardian.folder, `${name}.jsonl`))
    const both = histories.map((file) => run(urls, ['load', '--campaign', id, '--requests', '250', '--history', file]))
    for (const { code, out, err } of await Promise.all(both)) expect(code, out + err).toBe(0)
    for (const file of histories) await noteHistory(file)
    const audited = await run(url(), ['audit', id, '--json', '--history', ...histories])
    expect(JSON.parse(audited.out)).toMatchObject({
      verdict: 'exact',
      complete: true,
      history: { requests: 500, acknowledged: 300, refused: 200, unknown_left: 0 },
    })
    expect(audited.code).toBe(0)
  })
})

describe('bad, with the claim named, when a build', () => {
  const builds: Readonly<Record<string, { readonly edits: readonly Edit[]; readonly claims: readonly string[] }>> = {
    'issues more than there are': {
      edits: [
        {
          file: 'src/ledger/sqlite.ts',
          line: 'totalCoupons: campaign.totalCoupons,',
          instead: 'totalCoupons: campaign.totalCoupons + 3,',
        },
        {
          file: 'src/campaign/facts.ts',
          line: 'total_coupons: campaign.totalCoupons,',
          instead: 'total_coupons: campaign.totalCoupons - 3,',
        },
      ],
      claims: ['exactly', 'rows within total', 'slots in range'],
    },
    'tells people of coupons that are not stored': {
      edits: [
        {
          file: 'src/issue/ledger-way.ts',
          line: 'locked.record(settlement.issued.map(({ row }) => row))',
          instead: 'locked.record(settlement.issued.map(({ row }) => row).filter(({ slot }) => slot % 100 !== 7))',
        },
        {
          file: 'src/issue/ledger-way.ts',
          line: "if (answer.count < settlement.issued.length) throw new RolledBack('passed over')",
          instead: '',
        },
      ],
      claims: ['acknowledged stored'],
    },
    'issues before the start': {
      edits: [
        { file: 'src/issue/look-up.ts', line: 'read.nowMs < campaign.startTimeMs', instead: 'false' },
        { file: 'src/ledger/sqlite.ts', line: 'c.start_time <= min(r.value ->> 7, :now)', instead: '1' },
      ],
      claims: ['not before start', 'acknowledged after start'],
    },
    'keeps the last coupon back': {
      edits: [
        {
          file: 'src/issue/segments.ts',
          line: 'slot <= campaign.totalCoupons && slots.length < wanted',
          instead: 'slot < campaign.totalCoupons && slots.length < wanted',
        },
      ],
      claims: ['exactly', 'sold out full'],
    },
    'says sold out to somebody while there are coupons': {
      edits: [
        {
          file: 'src/issue/look-up.ts',
          line: 'if (memories.isSoldOut(campaign, lookedUpAt))',
          instead: 'if (memories.isSoldOut(campaign, lookedUpAt) || Math.random() < 0.02)',
        },
      ],
      claims: ['sold out full'],
    },
    'gives a recipient two coupons': {
      edits: [
        {
          file: 'src/issue/request.ts',
          line: 'recipientKey: this.recipientKey,',
          instead: 'recipientKey: this.requestKey,',
        },
      ],
      claims: ['recipients distinct'],
    },
  }

  test.concurrent.each(Object.entries(builds))('%s', async (_name, { edits, claims }) => {
    await using server = await startBroken(edits)
    // Time enough for a slow machine to come too early.
    const crowd = ['--requests', '900', '--recipients', 'repeat', '--connections', '32', '--starts-in', '5s']
    const ended = await run(server.url, ['load', '--coupons', '300', ...crowd])
    // One broken promise may break others.
    expect({ code: ended.code, claims: claimsIn(ended).FAIL }, ended.out + ended.err).toEqual({
      code: 1,
      claims: expect.arrayContaining([...claims]),
    })
    expect(ended.out).toMatch(/^Bad: \d of \d+ do not hold: /m)
    await expectEvidence(server.url, ended)
  })
})

test('servers that cannot answer leave it at: not yet', async () => {
  // Of each campaign half of the requests get no answer, ever.
  await using server = await startBroken([
    {
      file: 'src/issue/issue.ts',
      line: 'issue(call: IssueCall): Promise<Outcome> {',
      instead:
        "issue(call: IssueCall): Promise<Outcome> {\n    if (call.recipient?.endsWith('7')) return Promise.reject(new Fault('unavailable', 'never'))",
    },
  ])
  const ended = await run(server.url, [
    'load',
    '--coupons',
    '100',
    '--requests',
    '60',
    '--patience',
    '1s',
    '--starts-in',
    '0',
  ])
  expect({ code: ended.code, ...claimsIn(ended) }, ended.out).toMatchObject({
    code: 2,
    FAIL: [],
    'not yet': ['exactly', 'answered'],
  })
  expect(ended.out).toMatch(/^503 unavailable +\d+, asked again$/m)
  expect(ended.out).toMatch(/^Not yet: /m)
})
