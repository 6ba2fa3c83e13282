// The commands that call a server, as somebody at a shell runs them, against a real one.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findProgram } from '../servers/find.ts'
import { answered, call, createCampaign, startServe, type ServerProcess } from '../serve/server-process.ts'
import { openServer, run, startOnTerminal, startProgram, MAIN, type Ended } from './run-firstcome.ts'

let server: ServerProcess
beforeAll(async () => {
  server = await startServe({ SQLITE_PATH: ':memory:' })
})
afterAll(() => server.close())

const cli = (...args: string[]) => run(server.url, args)
const json = ({ out }: Ended) => JSON.parse(out) as Record<string, unknown>
const read = async (id: string) => (await answered(call(`${server.url}/v1/campaigns/${id}`))).body

let campaigns = 0
/** A campaign of its own for each test. */
async function campaign(fields: Record<string, unknown> = {}): Promise<string> {
  const { id } = await createCampaign(server.url, { id: `c${++campaigns}`, total_coupons: 10, ...fields })
  return id
}
const issued = (id: string, recipient: string) =>
  answered(call(`${server.url}/v1/campaigns/${id}/coupons`, { method: 'POST', body: { recipient } }))

describe('campaign', () => {
  test('alone shows its help; a typing error is met with what was meant', async () => {
    const [alone, typo, flag, choice] = await Promise.all([
      cli('campaign'),
      cli('campaign', 'sohw'),
      cli('campaign', 'list', '--stauts', 'open'),
      cli('campaign', 'list', '--status', 'opne'),
    ])
    expect(alone).toMatchObject({ code: 0, err: expect.stringContaining('create') })
    expect(typo).toMatchObject({ code: 3, err: expect.stringContaining('Did you mean show?') })
    expect(flag).toMatchObject({ code: 3, err: expect.stringContaining('Did you mean --status?') })
    expect(choice).toMatchObject({ code: 3, err: expect.stringContaining('scheduled, open, paused, sold_out, ended') })
  })

  test.each(['create', 'show', 'list', 'change', 'pause', 'resume', 'end', 'delete'])(
    '%s --help has examples and exit codes',
    async (name) => {
      const { code, out } = await cli('campaign', name, '--help')
      expect(code).toBe(0)
      expect(out).toMatch(new RegExp(`Exit codes: 0 .*\n\nExamples:\n {2}firstcome campaign ${name}`))
    },
  )

  test('create: with all flags, as a table and as JSON', async () => {
    const flags = [
      '--id',
      'all-flags',
      '--name',
      '봄맞이 쿠폰',
      '--start',
      '2027-03-02T10:00:00+09:00',
      '--total',
      '5000',
    ]
    flags.push('--end', '2027-03-03T00:00:00+09:00', '--recipient-required', '--paused', '--test')
    flags.push(
      '--alphabet',
      'hangul',
      '--length',
      '11',
      '--prefix',
      'SPRING-',
      '--metadata',
      '{"owner": {"team": "growth"}}',
    )
    const created = await cli('campaign', 'create', ...flags, '--json')
    expect(created).toMatchObject({ code: 0, err: '' })
    expect(json(created)).toMatchObject({
      id: 'all-flags',
      name: '봄맞이 쿠폰',
      status: 'paused',
      start_time: '2027-03-02T01:00:00.000Z',
      end_time: '2027-03-02T15:00:00.000Z',
      total_coupons: 5_000,
      recipient_required: true,
      test: true,
      code_format: { alphabet: 'hangul', length: 11, prefix: 'TESTSPRING-' },
      metadata: { owner: { team: 'growth' } },
    })
    const again = await cli('campaign', 'create', ...flags)
    expect(again).toMatchObject({ code: 0, err: 'It was there already, with the same fields.\n' })
    expect(again.out).toMatch(/^name +봄맞이 쿠폰$/m)
    expect(again.out).toMatch(/^start +2027-03-02T01:00:00Z \(in .+\)$/m)
    const other = await cli('campaign', 'create', ...flags, '--total', '6000')
    expect(other).toMatchObject({ code: 1, out: '', err: expect.stringContaining('campaign show all-flags') })
  })

  test('create: what is missing or wrong is named by its flag', async () => {
    const create = (...flags: string[]) => cli('campaign', 'create', '--name', 'x', '--start', 'now', ...flags)
    const [missing, total, metadata, server, asJson] = await Promise.all([
      create(),
      create('--total', '1e3'),
      create('--total', '1', '--metadata', '[1]'),
      create('--total', '0', '--start', '2027-03-02T10:00:00', '--id', 'a b'),
      create('--total', '0', '--json'),
    ])
    expect(missing).toMatchObject({ code: 3, err: expect.stringContaining("'--total <N>' not specified") })
    expect(total).toMatchObject({ code: 3, err: expect.stringContaining('A whole number, please.') })
    expect(metadata).toMatchObject({ code: 3, err: expect.stringContaining('A JSON object, please') })
    expect(server.code).toBe(3)
    expect(server.err).toMatch(/^ {2}--total: must be a whole number from 1/m)
    expect(server.err).toMatch(/^ {2}--start: must carry an offset\. Meant in Seoul/m)
    expect(server.err).toMatch(/^ {2}--id: must be 1 to 64/m)
    expect(asJson).toMatchObject({ code: 3, err: '' })
    expect(json(asJson)['code']).toBe('invalid_request')
  })

  test('show: as the API gives it; one that there is not', async () => {
    const id = await campaign()
    const shown = await cli('campaign', 'show', id, '--json')
    const { server_time: _now, ...fields } = await read(id)
    expect(json(shown)).toMatchObject(fields)
    const [none, noneAsJson, dots] = await Promise.all([
      cli('campaign', 'show', 'nowhere'),
      cli('campaign', 'show', 'nowhere', '--json'),
      cli('campaign', 'delete', '..', '--yes'),
    ])
    expect(none).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^firstcome: No such campaign \(campaign_not_found\)\n/),
    })
    expect(noneAsJson).toMatchObject({ code: 1, err: '' })
    expect(json(noneAsJson)['code']).toBe('campaign_not_found')
    expect(dots).toMatchObject({ code: 3, err: expect.stringContaining('is no id') })
  })

  test('the title is told in the language of the shell', async () => {
    const { err } = await run(server.url, ['campaign', 'show', 'nowhere'], { env: { LANG: 'ko_KR.UTF-8' } })
    expect(err).toMatch(/^firstcome: 캠페인이 없습니다 \(campaign_not_found\)\n/)
  })

  test('list: filters, pages, all of them, none', async () => {
    for (let i = 0; i < 5; i++) await campaign({ id: `page-${i}`, name: `쪽 ${i}`, paused: i === 3 })
    await campaign({ id: 'page-test', test: true })
    const list = (...flags: string[]) => cli('campaign', 'list', '--q', 'page-', ...flags)
    const ids = ({ out }: Ended) => [...out.matchAll(/^page-(\S+)/gm)].map(([, id]) => id)
    const [all, two, paused, tests, both, page, whole, none] = await Promise.all([
      list(),
      list('--limit', '2'),
      list('--status', 'paused'),
      list('--test'),
      list('--test', 'all'),
      list('--limit', '2', '--json'),
      list('--all', '--json'),
      cli('campaign', 'list', '--q', 'nothing like it'),
    ])
    expect(ids(all)).toEqual(['4', '3', '2', '1', '0'])
    expect(all.err).toBe('')
    expect(ids(two)).toEqual(['4', '3'])
    expect(two.err).toMatch(/--all/)
    expect(ids(paused)).toEqual(['3'])
    expect(ids(tests)).toEqual(['test'])
    expect(ids(both)).toEqual(['test', '4', '3', '2', '1', '0'])
    expect(json(page)).toMatchObject({ data: [{ id: 'page-4' }, { id: 'page-3' }], next_cursor: expect.any(String) })
    expect(Object.keys(json(whole))).toEqual(['data'])
    expect(json(whole)['data']).toHaveLength(5)
    expect(none).toMatchObject({ code: 0, out: '', err: expect.stringContaining('No campaigns') })
  })

  test('list: more than a page of the server, as a table and as one document', async () => {
    await Promise.all(Array.from({ length: 130 }, (_, i) => campaign({ id: `many-${i}` })))
    const [table, document, limited] = await Promise.all([
      cli('campaign', 'list', '--q', 'many-', '--all'),
      cli('campaign', 'list', '--q', 'many-', '--all', '--json'),
      cli('campaign', 'list', '--q', 'many-', '--limit', '110', '--json'),
    ])
    expect(new Set(table.out.match(/^many-\S+/gm)).size).toBe(130)
    expect(table.out.match(/^ID /gm)).toHaveLength(1)
    expect(json(document)['data']).toHaveLength(130)
    expect(json(limited)['data']).toHaveLength(110)
  })

  test('change: what is given, and nothing else', async () => {
    const id = await campaign({ end_time: '2030-01-01T00:00:00Z', recipient_required: true, metadata: { a: 1 } })
    expect(await cli('campaign', 'change', id)).toMatchObject({
      code: 3,
      err: expect.stringContaining('nothing to change'),
    })
    await cli('campaign', 'change', id, '--no-end', '--no-recipient-required', '--name', '새 이름')
    const once = await read(id)
    expect(once).toMatchObject({
      end_time: null,
      recipient_required: false,
      name: '새 이름',
      total_coupons: 10,
      metadata: { a: 1 },
    })
    await cli('campaign', 'change', id, '--total', '12', '--end', '2031-01-01T09:00:00+09:00', '--metadata', '{}')
    expect(await read(id)).toMatchObject({ total_coupons: 12, end_time: '2031-01-01T00:00:00.000Z', metadata: {} })
    await issued(id, 'a')
    const late = await cli('campaign', 'change', id, '--recipient-required')
    expect(late).toMatchObject({
      code: 1,
      err: expect.stringContaining('without --recipient-required the change can be made'),
    })
  })

  test('change: of the codes only what is given, though the API takes them whole', async () => {
    const id = await campaign({ code_format: { alphabet: 'digits', length: 14, prefix: 'A' } })
    const changed = await cli('campaign', 'change', id, '--prefix', 'B-', '--json')
    expect(json(changed)['code_format']).toEqual({ alphabet: 'digits', length: 14, prefix: 'B-' })
  })

  test('change: not if somebody was quicker', async () => {
    const id = await campaign()
    const [, etag = ''] = /^etag +(\S+)$/m.exec((await cli('campaign', 'show', id)).out) ?? []
    expect(await cli('campaign', 'change', id, '--total', '11', '--if-match', etag)).toMatchObject({ code: 0 })
    const late = await cli('campaign', 'change', id, '--total', '12', '--if-match', etag)
    expect(late).toMatchObject({
      code: 1,
      err: expect.stringMatching(/\(campaign_changed\)[^]*its ETag is 2\.\w+ now/),
    })
    const broken = await cli('campaign', 'change', id, '--total', '12', '--if-match', '"x')
    expect(broken).toMatchObject({ code: 3, err: expect.stringContaining('  --if-match: must be the ETag') })
    const unsent = await cli('campaign', 'change', id, '--total', '12', '--if-match', '하나')
    expect(unsent).toMatchObject({ code: 3, err: 'firstcome: --if-match: must be the etag that `show` shows\n' })
    expect((await read(id))['total_coupons']).toBe(11)
  })

  test('pause, resume, end, and end once more', async () => {
    const id = await campaign()
    expect((await cli('campaign', 'pause', id)).out).toMatch(/^status +paused$/m)
    expect(await cli('issue', id, '--recipient', 'a')).toMatchObject({
      code: 2,
      err: expect.stringContaining(`campaign resume ${id}`),
    })
    expect((await cli('campaign', 'resume', id)).out).toMatch(/^status +open$/m)
    const ended = json(await cli('campaign', 'end', id, '--json'))
    expect(ended['status']).toBe('ended')
    expect(await cli('issue', id, '--recipient', 'a')).toMatchObject({
      code: 1,
      err: expect.stringContaining('(campaign_ended)'),
    })
    const again = json(await cli('campaign', 'end', id, '--json'))
    expect(again).toMatchObject({ end_time: ended['end_time'], version: ended['version'] })
    const at = json(await cli('campaign', 'end', id, '--at', '2035-01-01T00:00:00Z', '--json'))
    expect(at).toMatchObject({ status: 'open', end_time: '2035-01-01T00:00:00.000Z' })
    const wrong = await cli('campaign', 'end', id, '--at', '2035-01-01T00:00:00')
    expect(wrong).toMatchObject({ code: 3, err: expect.stringContaining('  --at: must carry an offset') })
  })

  test('resume: of one that has ended, what lets it go on', async () => {
    const id = await campaign({ paused: true })
    await cli('campaign', 'end', id)
    const resumed = await cli('campaign', 'resume', id)
    expect(resumed).toMatchObject({
      code: 0,
      err: expect.stringMatching(`^It ended at \\S+; \`firstcome campaign change ${id} --no-end\` lets it go on\\.\n$`),
    })
    expect(await cli('campaign', 'resume', id, '--json')).toMatchObject({ code: 0, err: '' })
    expect((await cli('campaign', 'change', id, '--no-end')).out).toMatch(/^status +open$/m)
    expect(await cli('campaign', 'resume', id)).toMatchObject({ code: 0, err: '' })
  })

  test('delete: asks on a terminal, and only there', async () => {
    const id = await campaign({ test: true })
    await issued(id, 'a')
    expect(await cli('campaign', 'delete', id)).toMatchObject({ code: 3, err: expect.stringContaining('give --yes') })

    const asked = startOnTerminal(server.url, ['campaign', 'delete', id])
    await asked.said(/It is a test and has 1 coupons\. \[y\/N\] $/)
    asked.child.stdin?.write('n\n')
    expect(await asked.ended).toMatchObject({ code: 3, out: expect.stringContaining('Nothing was deleted.') })

    const interrupted = startOnTerminal(server.url, ['campaign', 'delete', id])
    await interrupted.said(/\[y\/N\] $/)
    interrupted.child.stdin?.write('\u0003')
    expect((await interrupted.ended).code).not.toBe(0)
    expect(await read(id)).toMatchObject({ id })

    const agreed = startOnTerminal(server.url, ['campaign', 'delete', id])
    await agreed.said(/\[y\/N\] $/)
    agreed.child.stdin?.write('y\n')
    expect(await agreed.ended).toMatchObject({ code: 0, out: expect.stringContaining(`Deleted ${id}.`) })
    expect(await read(id)).toMatchObject({ code: 'campaign_not_found' })
  })

  test('delete: what was asked about is what is deleted', async () => {
    const id = await campaign()
    const asked = startOnTerminal(server.url, ['campaign', 'delete', id])
    await asked.said(/\[y\/N\] $/)
    await cli('campaign', 'change', id, '--name', 'now it matters')
    asked.child.stdin?.write('y\n')
    expect(await asked.ended).toMatchObject({ code: 1, out: expect.stringContaining('(campaign_changed)') })
  })

  test('delete --yes: with coupons no, without yes', async () => {
    const id = await campaign()
    const empty = await campaign()
    await issued(id, 'a')
    expect(await cli('campaign', 'delete', id, '--yes')).toMatchObject({
      code: 1,
      err: expect.stringContaining(`campaign end ${id}`),
    })
    expect(await cli('campaign', 'delete', empty, '--yes')).toMatchObject({ code: 0, out: `Deleted ${empty}.\n` })
    expect(await cli('campaign', 'delete', empty, '--yes', '--json')).toMatchObject({ code: 1, err: '' })
  })
})

describe('changes', () => {
  test('--help has examples and exit codes', async () => {
    const { code, out } = await cli('changes', '--help')
    expect(code).toBe(0)
    expect(out).toMatch(/Exit codes: 0 .*\n\nExamples:\n {2}firstcome changes/)
  })

  test('who, what, and which fields were what and are what since', async () => {
    const id = await campaign({ name: '봄' })
    await cli(
      'campaign',
      'change',
      id,
      '--name',
      '가을',
      '--total',
      '20',
      '--end',
      '2099-01-01T09:00:00+09:00',
      '--paused',
    )
    await cli('campaign', 'delete', id, '--yes')
    const { code, out } = await cli('changes', '--campaign', id)
    expect(code).toBe(0)
    expect(out.split('\n').map((line) => line.replace(/ {2,}/g, ' | ').replace(/\d{4}-\S+Z(?= \|)/, 'T'))).toEqual([
      'WHEN | WHO | WHAT | CAMPAIGN | HOW',
      `T | without a key | campaign.deleted | ${id} | name "가을", total_coupons 20, start_time ${startOf(out)}, end_time 2099-01-01T00:00:00Z`,
      `T | without a key | campaign.changed | ${id} | name "봄" → "가을", end_time none → 2099-01-01T00:00:00Z, total_coupons 10 → 20, paused no → yes`,
      `T | without a key | campaign.created | ${id} | name "봄", total_coupons 10, start_time ${startOf(out)}, end_time none`,
      '',
    ])
    expect((await cli('changes', '--campaign', id, '--action', 'campaign.created')).out.split('\n')).toHaveLength(3)
    expect(await cli('changes', '--campaign', id, '--client', 'somebody')).toMatchObject({
      out: '',
      err: 'No changes.\n',
    })
    const whole = json(await cli('changes', '--campaign', id, '--all', '--json'))
    expect((whole['data'] as object[]).length).toBe(3)
  })
})

const startOf = (out: string) => /start_time (\S+Z)/.exec(out)?.[1]

describe('issue', () => {
  test('in fours behind the prefix for people, as it is for programs; the same recipient again', async () => {
    const id = await campaign({ code_format: { prefix: 'SPRING' } })
    const people = await cli('issue', id, '--recipient', '김서연')
    expect(people).toMatchObject({ code: 0, err: '' })
    const [, shown = ''] = /^code +(SPRING(?:-[0-9A-Z]{4}){4})$/m.exec(people.out) ?? []
    expect(people.out).toMatch(/^recipient +김서연$/m)
    const programs = await cli('issue', id, '--recipient', '김서연', '--json')
    expect(programs).toMatchObject({ code: 0, err: '' })
    expect(json(programs)).toEqual({
      campaign_id: id,
      coupon_code: shown.replaceAll('-', ''),
      slot: 1,
      recipient: '김서연',
      issued_at: expect.any(String),
      replayed: 'recipient',
    })
    expect((await cli('issue', id, '--recipient', '김서연')).out).toMatch(/^replayed +yes, this recipient/m)
  })

  test('for nobody in particular: the key that was made up gives the same coupon', async () => {
    const id = await campaign()
    const first = await cli('issue', id, '--json')
    const [, key = ''] = /--key (\S{36}) it is the same coupon again/.exec(first.err) ?? []
    const again = await cli('issue', id, '--key', key, '--json')
    expect(again.err).toBe('')
    expect(json(again)).toEqual({ ...json(first), replayed: 'request' })
    expect(json(await cli('issue', id, '--json'))['coupon_code']).not.toBe(json(first)['coupon_code'])
  })

  test('refusals and their exit codes', async () => {
    const full = await campaign({ total_coupons: 1, recipient_required: true })
    await issued(full, 'a')
    const early = await campaign({ start_time: '2099-01-01T00:00:00Z' })
    const [soldOut, notStarted, none, nobody, badKey, hangulKey, reused] = await Promise.all([
      cli('issue', full, '--recipient', 'b'),
      cli('issue', early, '--recipient', 'b'),
      cli('issue', 'nowhere', '--recipient', 'b'),
      cli('issue', full),
      cli('issue', early, '--key', 'a b'),
      cli('issue', early, '--key', '한글키'),
      cli('issue', early, '--recipient', 'b', '--json'),
    ])
    expect(soldOut).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^firstcome: Sold out \(sold_out\)\n[^]+Next: [^]+request_id /),
    })
    expect(notStarted).toMatchObject({
      code: 2,
      err: expect.stringMatching(/it starts at 2099-01-01T00:00:00Z, in \d+ d/),
    })
    expect(none.code).toBe(1)
    expect(nobody).toMatchObject({ code: 1, err: expect.stringContaining('with --recipient') })
    expect(badKey).toMatchObject({ code: 3, err: expect.stringContaining('firstcome: --key: must be 1 to 255') })
    expect(hangulKey).toMatchObject({ code: 3, out: '', err: badKey.err })
    expect(reused).toMatchObject({ code: 2, err: '' })
    expect(json(reused)['code']).toBe('campaign_not_started')
  })
})

describe('coupons', () => {
  test('a list by slot, from below or above, aligned', async () => {
    const id = await campaign({ code_format: { alphabet: 'hangul' } })
    for (const recipient of ['a', '김서연', 'ccc']) await issued(id, recipient)
    const slots = ({ out }: Ended) => [...out.matchAll(/^ +(\d+) /gm)].map(([, slot]) => Number(slot))
    const [up, down, two, all] = await Promise.all([
      cli('coupons', id),
      cli('coupons', id, '--desc'),
      cli('coupons', id, '--limit', '2'),
      cli('coupons', id, '--all', '--json'),
    ])
    expect(slots(up)).toEqual([1, 2, 3])
    expect(up.out).toMatch(/^ {3}2 {2}[^\s-]{4}-[^\s-]{4}-[^\s-]{2} +김서연 +\d{4}-/m)
    expect(slots(down)).toEqual([3, 2, 1])
    expect(slots(two)).toEqual([1, 2])
    expect(two.err).toContain('--all')
    expect(json(all)['data']).toHaveLength(3)
  })

  test('the one of a recipient, or with a code as it was typed', async () => {
    const id = await campaign()
    const { body } = await issued(id, 'user 7')
    const code = String(body['coupon_code'])
    const typed = code.toLowerCase().replace(/(.{4})/g, '$1 ')
    const [byRecipient, byCode, asJson, noRecipient, noRecipientAsJson, noCode, both] = await Promise.all([
      cli('coupons', id, '--recipient', 'user 7'),
      cli('coupons', id, '--code', typed),
      cli('coupons', id, '--code', typed, '--json'),
      cli('coupons', id, '--recipient', 'user 8'),
      cli('coupons', id, '--recipient', 'user 8', '--json'),
      cli('coupons', id, '--code', 'a/b?c'),
      cli('coupons', id, '--code', typed, '--recipient', 'user 7'),
    ])
    expect(byRecipient.out).toMatch(/^recipient +user 7$/m)
    expect(byCode.out).toBe(byRecipient.out)
    expect(json(asJson)['coupon_code']).toBe(code)
    expect(noRecipient).toMatchObject({ code: 1, out: '', err: expect.stringContaining('no coupon') })
    expect(noRecipientAsJson).toMatchObject({ code: 1, err: '' })
    expect(json(noRecipientAsJson)).toEqual({ data: [], next_cursor: null })
    expect(noCode).toMatchObject({ code: 1, err: expect.stringContaining('(coupon_not_found)') })
    expect(both).toMatchObject({ code: 3, err: expect.stringContaining('cannot be used with') })
  })
})

describe('at an address that is wrong', () => {
  const COMMANDS = [
    ['campaign', 'list'],
    ['campaign', 'list', '--json'],
    ['campaign', 'show', 'spring'],
    ['campaign', 'delete', 'spring', '--yes'],
    ['issue', 'spring', '--recipient', 'a'],
    ['issue', 'spring', '--recipient', 'a', '--json'],
    ['coupons', 'spring'],
    ['coupons', 'spring', '--recipient', 'a'],
    ['coupons', 'spring', '--code', 'a'],
  ]

  test.each([
    ['{"ok":true}', COMMANDS],
    ['null', COMMANDS.slice(0, 1)],
    ['[]', COMMANDS.slice(0, 1)],
  ])('200 with %s is no Firstcome', async (body, commands) => {
    await using other = await openServer((_request, response) =>
      response.setHeader('content-type', 'application/json').end(body),
    )
    const said = `firstcome: what answers at ${other.url} is no Firstcome (200 application/json): see --url or FIRSTCOME_URL\n`
    const told = await Promise.all(commands.map((args) => run(other.url, args)))
    for (const [index, { code, out, err }] of told.entries())
      expect({ code, out, err }, commands[index]?.join(' ')).toEqual({ code: 3, out: '', err: said })
  })

  test('a problem that is none is no Firstcome either', async () => {
    await using other = await openServer((_request, response) =>
      response.writeHead(404, { 'content-type': 'application/json' }).end('null'),
    )
    expect(await run(other.url, ['campaign', 'show', 'spring'])).toMatchObject({
      code: 3,
      err: expect.stringContaining('is no Firstcome (404 application/json)'),
    })
  })

  test('https where it is http', async () => {
    const url = server.url.replace('http:', 'https:')
    expect(await run(url, ['issue', 'spring', '--recipient', 'a'])).toMatchObject({
      code: 3,
      err: `firstcome: what answers at ${url} speaks no TLS: try http:// in --url or FIRSTCOME_URL\n`,
    })
  })
})

test('a terminal shows colours, and nothing that somebody put into a name', async () => {
  await campaign({ id: 'colours', name: `봄\u202e${'길'.repeat(100)}` })
  const { out } = await startOnTerminal(server.url, ['campaign', 'list', '--q', 'colours']).ended
  expect(out).toContain('\u001b[32mopen\u001b[39m')
  expect(out).toContain('봄\\u202e길')
  expect(out).not.toContain('\u202e')
  const plain = await cli('campaign', 'list', '--q', 'colours')
  expect(plain.out).not.toContain('\u001b')
})

test('nobody who reads on is no failure, a full disk is', async () => {
  const program = `'${process.execPath}' '${MAIN}'`
  const shell = (script: string) =>
    startProgram(findProgram(['bash']) ?? 'bash', ['--norc', '--noprofile', '-c', script], {
      env: { FIRSTCOME_URL: server.url },
    }).ended
  const [closed, full] = await Promise.all([
    shell(`${program} campaign list --all | true; echo "\${PIPESTATUS[0]}"`),
    shell(`${program} campaign list --all > /dev/full`),
  ])
  expect(closed).toMatchObject({ out: '0\n', err: '' })
  // Only Linux has such a disk.
  if (process.platform === 'linux')
    expect(full).toMatchObject({ code: 3, err: 'firstcome: cannot write to standard output: ENOSPC\n' })
})
