// What an operator runs at the database, as processes: beside servers on MySQL or MariaDB, and at the file of an embedded one.

import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { recipientKeyOf } from '../../src/ledger/coupon-keys.ts'
import { openMysqlLedger } from '../../src/ledger/mysql.ts'
import { migrateMysql } from '../../src/ledger/mysql/migrate.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { aCoupon } from '../contract/ledger-samples.ts'
import { answered, call, createCampaign, issue, listCoupons, startServe } from '../serve/server-process.ts'
import type { ServerProcess } from '../serve/server-process.ts'
import { freshDatabase, type FreshDatabase } from '../servers/fresh.ts'
import { grant } from '../servers/granted.ts'
import { MAIN, run, start, startProgram, scriptArgs, type Ended } from './run-firstcome.ts'

const folder = mkdtempSync(join(tmpdir(), 'firstcome-operator-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Change {
  readonly action: string
  readonly operator: string | null
  readonly campaign_id: string | null
  readonly before: Readonly<Record<string, unknown>> | null
  readonly after: Readonly<Record<string, unknown>> | null
}

async function changesOf(url: string, query: string): Promise<Change[]> {
  return (await answered(call(`${url}/v1/changes?${query}`))).body['data'] as Change[]
}

/** With something on standard input. */
async function runFed(args: readonly string[], env: Record<string, string>, input: string): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env['PATH'], ...env } })
  const texts = { out: '', err: '' }
  child.stdout.on('data', (text: Buffer) => (texts.out += text.toString()))
  child.stderr.on('data', (text: Buffer) => (texts.err += text.toString()))
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, signal: null, ...texts }
}

const PLACES = ['mysql', 'embedded'] as const
/** It is asked again and again what has been noted. */
const PATIENT = { CLIENT_READS_PER_S: '0' }

interface Place {
  /** Of the commands: in MySQL a user with the rights of an operator and no others. */
  readonly env: Record<string, string>
  /** Of the servers, in the same way. */
  readonly serverEnv: Record<string, string>
  /** null: embedded. */
  readonly database: FreshDatabase | null
  drop(): Promise<void>
}

async function openPlace(place: (typeof PLACES)[number], name: string): Promise<Place> {
  if (place === 'embedded') {
    const env = { SQLITE_PATH: join(folder, `${name}.db`) }
    return { env, serverEnv: { ...env, ...PATIENT }, database: null, drop: async () => {} }
  }
  const database = await freshDatabase(inject('mysqlUrl'))
  await migrateMysql({ url: database.url })
  const granted = await grant(database.url)
  return {
    env: { MYSQL_URL: granted.urlOf('firstcome_operator') },
    serverEnv: { MYSQL_URL: granted.urlOf('firstcome_server'), ...PATIENT },
    database,
    async drop() {
      await granted.drop()
      await database.drop()
    },
  }
}

describe.each(PLACES)('recipient erase, %s', (place) => {
  let at: Place
  let server: ServerProcess
  let env: Record<string, string>
  beforeAll(async () => {
    at = await openPlace(place, 'erase')
    ;({ env } = at)
    server = await startServe(at.serverEnv)
  })
  afterAll(async () => {
    await server.close()
    await at.drop()
  })
  const cli = (...args: string[]) => run('http://127.0.0.1:9', args, { env })

  test('beside the server: the name goes, the coupon is still found and is the only one', async () => {
    const { id } = await createCampaign(server.url, { total_coupons: 5, recipient_required: true })
    const first = await answered(issue(server.url, id, { recipient: 'user-7', key: 'k-7' }))
    await issue(server.url, id, { recipient: 'user-8' })
    const erased = await cli('recipient', 'erase', 'user-7', '--yes')
    expect(erased).toMatchObject({ code: 0, out: 'Erased from 1 coupon.\n' })
    const coupon = { coupon_code: first.body['coupon_code'], slot: 1, recipient: null }
    expect((await answered(issue(server.url, id, { recipient: 'user-7', key: 'k-7' }))).body).toMatchObject(coupon)
    expect((await answered(issue(server.url, id, { recipient: 'user-7' }))).body).toMatchObject(coupon)
    expect((await listCoupons(server.url, id)).map(({ recipient }) => recipient)).toEqual([null, 'user-8'])
    expect(
      (await answered(call(`${server.url}/v1/campaigns/${id}/coupons?recipient=user-7`))).body['data'],
    ).toMatchObject([coupon])
    const audits = await Promise.all([
      run(server.url, ['audit', id]),
      cli('audit', id, '--db'),
      call(`${server.url}/v1/campaigns/${id}/audit`),
    ])
    expect([audits[0].code, audits[1].code, audits[2]?.body['verdict']]).toEqual([0, 0, 'exact'])
    const [noted] = await changesOf(server.url, 'action=recipient.erased&limit=1')
    expect(noted).toMatchObject({ campaign_id: null, before: null, after: { coupons: 1 } })
    expect(noted?.operator).toMatch(/.@./)
    expect(JSON.stringify(noted)).not.toContain('user-7')
  })

  test('from standard input, in the form in which it is stored; what none has is said, and nothing is noted', async () => {
    const { id } = await createCampaign(server.url, { total_coupons: 5 })
    await issue(server.url, id, { recipient: '박 둘' })
    const before = (await changesOf(server.url, 'action=recipient.erased')).length
    const fed = await runFed(['recipient', 'erase', '--yes'], env, `  ${'박 둘'.normalize('NFD')}\nmore\n`)
    expect(fed).toMatchObject({ code: 0, out: 'Erased from 1 coupon.\n' })
    const none = await runFed(['recipient', 'erase', '-', '--yes'], env, '박 둘\n')
    expect(none).toMatchObject({ code: 0, out: 'No coupon carries this recipient.\n' })
    expect(await changesOf(server.url, 'action=recipient.erased')).toHaveLength(before + 1)
  })

  test('while a crowd is served: everybody has an answer, one coupon each, and the audit is exact', async () => {
    const { id } = await createCampaign(server.url, { total_coupons: 400, recipient_required: true })
    const people = Array.from({ length: 400 }, (_, n) => `crowd-${n}`)
    for (const recipient of people.slice(0, 5)) await issue(server.url, id, { recipient })
    const crowd = Promise.all(people.map((recipient) => answered(issue(server.url, id, { recipient }))))
    const erased = await Promise.all(
      people.slice(0, 2).map((recipient) => cli('recipient', 'erase', recipient, '--yes')),
    )
    expect(erased.map(({ code, out, err }) => ({ code, out, err: err.replace(/^\d+ campaigns\n/gm, '') }))).toEqual([
      { code: 0, out: 'Erased from 1 coupon.\n', err: '' },
      { code: 0, out: 'Erased from 1 coupon.\n', err: '' },
    ])
    const replies = await crowd
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 201]))
    const coupons = await listCoupons(server.url, id)
    const named = coupons.map(({ recipient }) => recipient)
    expect([coupons.length, named.filter((name) => name === null).length]).toEqual([400, 2])
    expect((await cli('audit', id, '--db')).code).toBe(0)
  })

  test('nobody is asked where nobody is; a recipient that can be none is refused without its text', async () => {
    const alone = await runFed(['recipient', 'erase'], env, 'user-7\n')
    expect(alone).toMatchObject({ code: 3, err: expect.stringContaining('give --yes') })
    const wrong = await cli('recipient', 'erase', `secret\nsecret`, '--yes')
    expect(wrong).toMatchObject({ code: 3, err: expect.stringMatching(/^firstcome: the recipient must /) })
    expect(wrong.err).not.toContain('secret')
    expect(await runFed(['recipient', 'erase', '--yes'], env, '')).toMatchObject({ code: 3 })
  })

  test('at a terminal it asks for the recipient, and then whether', async () => {
    const { id } = await createCampaign(server.url, { total_coupons: 5 })
    await issue(server.url, id, { recipient: 'user-9' })
    const terminal = startProgram('script', scriptArgs([process.execPath, MAIN, 'recipient', 'erase']), {
      env: { ...env, TERM: 'xterm' },
    })
    await terminal.said(/Recipient: /)
    terminal.child.stdin?.write('user-9\n')
    await terminal.said(/for good\? \[y\/N\] /)
    terminal.child.stdin?.write('y\n')
    await terminal.said(/Erased from 1 coupon/)
    terminal.child.stdin?.end()
    expect((await terminal.ended).code).toBe(0)
  })
})

describe('recipient erase, at a file', () => {
  test('that is not there: none is made', async () => {
    const env = { SQLITE_PATH: join(folder, 'nowhere.db') }
    const ended = await run('http://127.0.0.1:9', ['recipient', 'erase', 'user-1', '--yes'], { env })
    expect(ended).toMatchObject({ code: 3, err: expect.stringContaining('there is no file') })
    expect(readdirSync(folder).filter((name) => name.startsWith('nowhere'))).toEqual([])
  })

  test('nothing of the name is left where it stood', async () => {
    const path = join(folder, 'left.db')
    const env = { SQLITE_PATH: path }
    const server = await startServe(env)
    const { id } = await createCampaign(server.url, { total_coupons: 100 })
    // Long: of a short one the row without it would cover the place.
    const nameOf = (n: number) => Array.from({ length: 12 }, () => `person-${n}-of-many`).join(' ')
    for (let n = 0; n < 60; n++) await issue(server.url, id, { recipient: nameOf(n) })
    await run('http://127.0.0.1:9', ['recipient', 'erase', nameOf(23), '--yes'], { env })
    // In order: its log is folded into the file then.
    await server.process.stop()
    await server.close()
    const left = readdirSync(folder).filter((name) => name.startsWith('left.db'))
    const texts = left.map((name) => readFileSync(join(folder, name), 'latin1')).join('')
    expect([texts.includes('person-24-of-many'), texts.includes('person-23-of-many')]).toEqual([true, false])
  })
})

describe.each(PLACES)('campaign purge, %s', (place) => {
  let at: Place
  let env: Record<string, string>
  let server: ServerProcess
  const up = async () => (server = await startServe(at.serverEnv))
  beforeAll(async () => {
    at = await openPlace(place, 'purge')
    ;({ env } = at)
    await up()
  })
  afterAll(async () => {
    await server.close()
    await at.drop()
  })
  const cli = (...args: string[]) => run('http://127.0.0.1:9', args, { env })
  /** The embedded one is purged while its server is down. */
  const without = async <T>(work: () => Promise<T>): Promise<T> => {
    if (place === 'mysql') return work()
    await server.close()
    try {
      return await work()
    } finally {
      await up()
    }
  }

  test('refused until it has ended; then gone, with a number and a checksum that an audit told before', async () => {
    const { id } = await createCampaign(server.url, { total_coupons: 30 })
    await Promise.all(Array.from({ length: 20 }, (_, n) => issue(server.url, id, { recipient: `user-${n}` })))
    if (place === 'embedded') {
      const refused = await cli('campaign', 'purge', id, '--yes')
      expect(refused).toMatchObject({
        code: 3,
        err: expect.stringMatching(/in use by process \d+: stop that one first/),
      })
    }
    expect(await without(() => cli('campaign', 'purge', id, '--yes'))).toMatchObject({
      code: 2,
      err: `firstcome: ${id} has not ended, it is open: \`firstcome campaign end ${id}\` ends it\n`,
    })
    expect((await run(server.url, ['campaign', 'end', id])).code).toBe(0)
    const { body: audit } = await answered(call(`${server.url}/v1/campaigns/${id}/audit`))
    expect(audit).toMatchObject({ verdict: 'exact', issued_count: 20 })

    const purged = await without(() => cli('campaign', 'purge', id, '--yes'))
    expect(purged).toMatchObject({ code: 0, out: expect.stringContaining(String(audit['checksum'])) })
    expect((await answered(call(`${server.url}/v1/campaigns/${id}`))).status).toBe(404)
    expect((await answered(issue(server.url, id, { recipient: 'user-1' }))).status).toBe(404)
    const [noted] = await changesOf(server.url, `campaign=${id}`)
    expect(noted).toMatchObject({
      action: 'campaign.purged',
      campaign_id: id,
      before: { id, total_coupons: 30 },
      after: { issued_count: 20, through_slot: 20, verdict: 'exact', checksum: audit['checksum'] },
    })
    expect(noted?.operator).toMatch(/.@./)
    const again = await without(() => cli('campaign', 'purge', id, '--yes'))
    expect(again).toMatchObject({ code: 1, err: `firstcome: there is no campaign ${id}\n` })
    expect((await run(server.url, ['changes', '--campaign', id])).out).toMatch(/campaign\.purged .*issued_count 20/)
  })

  test('nobody is asked where nobody is; another id than that of the campaign purges nothing', async () => {
    const { id } = await createCampaign(server.url, { total_coupons: 3 })
    await issue(server.url, id, { recipient: 'user-1' })
    await run(server.url, ['campaign', 'end', id])
    expect(await cli('campaign', 'purge', id)).toMatchObject({ code: 3, err: expect.stringContaining('give --yes') })
    await without(async () => {
      const terminal = startProgram('script', scriptArgs([process.execPath, MAIN, 'campaign', 'purge', id]), {
        env: { ...env, TERM: 'xterm' },
      })
      await terminal.said(/Type its id: /)
      terminal.child.stdin?.write('yes\n')
      await terminal.said(/Nothing was deleted/)
      terminal.child.stdin?.end()
      expect((await terminal.ended).code).toBe(3)
    })
    expect((await answered(call(`${server.url}/v1/campaigns/${id}`))).body).toMatchObject({ issued_count: 1 })
  })

  /** Straight into the database: over HTTP it would take most of a minute. */
  const fill = async (id: string, total: number) => {
    const ledger =
      at.database === null
        ? await openSqliteLedger({ path: env['SQLITE_PATH'] ?? '' })
        : openMysqlLedger({ url: at.database.url })
    const [campaign] = (await ledger.campaigns([id])).campaigns
    const coupon = (slot: number) =>
      aCoupon(campaign!, slot, {
        couponCode: `CODE${String(slot).padStart(8, '0')}`,
        recipient: `user-${slot}`,
        recipientKey: recipientKeyOf(`user-${slot}`),
        issuedAtMs: campaign!.startTimeMs,
      })
    for (let from = 1; from <= total; from += 500)
      await ledger.record(Array.from({ length: 500 }, (_, index) => coupon(from + index)))
    await ledger.close()
  }

  /** Until the purge is noted: the first bite was taken with it. */
  const begun = async (id: string) => {
    const isNoted = async () => {
      if (place === 'mysql') return (await changesOf(server.url, `campaign=${id}&action=campaign.purged`)).length > 0
      using file = new DatabaseSync(env['SQLITE_PATH'] ?? '', { readOnly: true, timeout: 5_000 })
      return (
        file.prepare("SELECT 1 FROM changes WHERE campaign_id = ? AND action = 'campaign.purged'").get(id) !== undefined
      )
    }
    while (!(await isNoted())) await new Promise((resolve) => setImmediate(resolve))
  }

  test('killed in the middle: the same command goes on, and the checksum is that of the whole', async () => {
    const total = 12_000
    const { id } = await createCampaign(server.url, { total_coupons: total, recipient_required: true })
    await without(() => fill(id, total))
    await run(server.url, ['campaign', 'end', id])
    const expected = JSON.parse((await cli('audit', id, '--db', '--json')).out) as Record<string, unknown>
    expect(expected).toMatchObject({ verdict: 'exact', issued_count: total })
    await without(async () => {
      const killed = start('http://127.0.0.1:9', ['campaign', 'purge', id, '--yes'], { env })
      await begun(id)
      killed.child.kill('SIGKILL')
      await killed.ended
    })
    if (place === 'mysql') {
      // What is left is no whole campaign to anybody.
      const patched = await answered(
        call(`${server.url}/v1/campaigns/${id}`, { method: 'PATCH', body: { end_time: null } }),
      )
      expect(patched.status).toBe(404)
    }
    const ended = await without(() => cli('campaign', 'purge', id, '--yes'))
    expect([0, 1]).toContain(ended.code)
    const purges = await changesOf(server.url, `campaign=${id}&action=campaign.purged`)
    expect(purges).toMatchObject([{ after: { issued_count: total, checksum: expected['checksum'] } }])
    expect((await answered(call(`${server.url}/v1/campaigns/${id}`))).status).toBe(404)
  })
})
