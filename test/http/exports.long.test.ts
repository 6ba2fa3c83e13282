// Coupons as files: their exact bytes, and what becomes of a long reply whose reader is slow or gone, whose ledger fails,
// or whose server closes. On real sockets, with a ledger whose pages a test hands out.

import { get, Agent, type IncomingMessage } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../src/host.ts'
import {
  EXPORT_MS_MAX,
  EXPORT_PAUSE_FACTOR,
  EXPORT_PAUSE_MS_MAX,
  EXPORT_STALL_MS_MAX,
  LISTS_WAIT_MS_MAX,
  LISTS_WAITING_MAX,
} from '../../src/http/limits.ts'
import { LedgerUnavailable, type Coupon, type Ledger } from '../../src/ledger/ledger.ts'
import { callerOf, expectDocumented } from './documented.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer, type Others } from './open-server.ts'
import { listen, openClient, request } from './raw-client.ts'

const COUPONS = '/v1/campaigns/c/coupons'
const NDJSON = `${COUPONS}.ndjson`
const SECRET = 'recipient-of-somebody'

type Take = (coupons: readonly Coupon[]) => Promise<void>

const agent = new Agent({ keepAlive: false })
afterEach(() => agent.destroy())

function coupon(fields: Partial<Coupon> = {}): Coupon {
  return {
    campaignId: 'c',
    couponCode: '7KQ2M9XD4R8TVW3A',
    slot: 1,
    requestKey: '',
    recipient: null,
    recipientKey: null,
    issuedAtMs: Date.UTC(2027, 2, 2, 1, 0, 0, 212),
    ...fields,
  }
}

/** A megabyte: more than a few of them fit nowhere between ledger and reader. */
const PAGE_BYTES = 1_000_000
const PAGE = Array.from({ length: 1_000 }, (_, i) => coupon({ slot: i + 1, recipient: '🎟'.repeat(PAGE_BYTES / 4_000) }))

/** More than the buffers of the two sockets. */
const TWELVE = Array.from({ length: 12 }, () => PAGE).flat()

interface Parts extends Others {
  /** What the ledger does for an export. */
  readonly pages?: (take: Take) => Promise<boolean>
}

/** With a campaign c. */
async function open({ pages, faults, ...others }: Parts = {}) {
  const exportCoupons: Ledger['exportCoupons'] | undefined = pages && ((_campaign, take) => pages(take))
  const server = await openServer({ ...others, faults: { ...faults, ...(exportCoupons && { exportCoupons }) } })
  const call = callerOf(server.app)
  await call('POST', '/v1/campaigns', { ...NEW_CAMPAIGN, id: 'c' })
  return { ...server, call }
}

/** @returns the reply when its head is there; nothing of its body is read */
function ask(port: number, path = NDJSON): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get({ port, path, agent, host: '127.0.0.1' }, resolve).on('error', reject)
  })
}

/** Reads to the end. `broken`: the connection broke before it. */
async function read(message: IncomingMessage): Promise<{ text: string; broken: boolean }> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of message) chunks.push(chunk as Buffer)
    return { text: Buffer.concat(chunks).toString(), broken: false }
  } catch {
    return { text: Buffer.concat(chunks).toString(), broken: true }
  }
}

/** Resolves when the number has stood still for a while. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; ;) {
    if (before === count()) return before
    before = count()
    await new Promise((resolve) => setTimeout(resolve, 60))
  }
}

/** Time-outs of this length are kept instead of run. */
function heldClock(ms: number): { clock: Clock; armed: Set<() => void> } {
  const armed = new Set<() => void>()
  const after: Clock['after'] = (afterMs, work) => {
    if (afterMs !== ms) return systemClock.after(afterMs, work)
    armed.add(work)
    return () => void armed.delete(work)
  }
  return { clock: { ...systemClock, after }, armed }
}

const signal = () => Promise.withResolvers<void>()

describe('CSV', () => {
  test('its exact bytes', async () => {
    const rows: [code: string, recipient: string | null, line: string][] = [
      ['7KQ2M9XD4R8TVW3A', null, '7KQ2M9XD4R8TVW3A,'],
      ['TESTBOM-가나다4567', '홍길동', 'TESTBOM-가나다4567,홍길동'],
      ['012345678901', '🎟 👨‍👩‍👧', "'012345678901,🎟 👨‍👩‍👧"],
      ['12345E7890123456', 'עברית \u202e x', "'12345E7890123456,עברית \u202e x"],
      ['2027-1234567890', 'a,b', '\'2027-1234567890,"a,b"'],
      ['K', 'say "hi"', 'K,"say ""hi"""'],
      ['K', '=1+1', "K,'=1+1"],
      ['K', '=HYPERLINK("http://x","y")', 'K,"\'=HYPERLINK(""http://x"",""y"")"'],
      ['K', '+821012345678', "K,'+821012345678"],
      ['K', '-1', "K,'-1"],
      ['K', '@SUM(A1)', "K,'@SUM(A1)"],
      ['K', '＝1', "K,'＝1"],
      ['K', '＋1', "K,'＋1"],
      ['K', '－1', "K,'－1"],
      ['K', '＠a', "K,'＠a"],
      ['K', '5', "K,'5"],
      ['K', '010-1234-5678', "K,'010-1234-5678"],
      ['K', '1,234', 'K,"\'1,234"'],
      ['K', '1.5e3', "K,'1.5e3"],
      ['K', '1-2', "K,'1-2"],
      ['K', '3/4', "K,'3/4"],
      ['K', '2027-03-02', "K,'2027-03-02"],
      ['K', '12:30', "K,'12:30"],
      ['K', '１２３', "K,'１２３"],
      ['K', '.5', "K,'.5"],
      ['K', '50%', "K,'50%"],
      ['K', '$5', "K,'$5"],
      ['K', '(5)', "K,'(5)"],
      ['K', '9 PM', "K,'9 PM"],
      ['K', '3월 1일', "K,'3월 1일"],
      ['K', 'may-5', "K,'may-5"],
      ['K', 'Sept 1, 2027', 'K,"\'Sept 1, 2027"'],
      ['K', '1-jan-27', "K,'1-jan-27"],
      ['K', 'False', "K,'False"],
      ['MAR-0123456', 'May', 'MAR-0123456,May'],
      ['K', "'5", "K,'5"],
      ['K', '8e03978e-40d5', 'K,8e03978e-40d5'],
      ['K', '3rd', 'K,3rd'],
      ['K', 'a=1', 'K,a=1'],
    ]
    const coupons = rows.map(([couponCode, recipient], i) => coupon({ slot: i + 1, couponCode, recipient }))
    const { app } = await open({ pages: (take) => take(coupons).then(() => true) })
    const reply = await app.inject({ url: `${COUPONS}.csv` })
    const lines = rows.map(([, , line], i) => `${i + 1},${line},2027-03-02T01:00:00.212Z\r\n`)
    expect(reply.rawPayload.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]))
    expect(reply.rawPayload.subarray(3).toString()).toBe(`slot,coupon_code,recipient,issued_at\r\n${lines.join('')}`)
    expect(reply.headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="c.csv"',
      'cache-control': 'no-store',
    })
  })

  test('of a campaign without coupons is its head', async () => {
    const { call } = await open()
    const { status, text } = await call('GET', `${COUPONS}.csv`)
    expect([status, text]).toEqual([200, '\ufeffslot,coupon_code,recipient,issued_at\r\n'])
  })
})

describe('NDJSON', () => {
  test('has the coupons of the list, over several pages, and their number at last', async () => {
    const { call } = await open()
    for (const recipient of ['=1', '홍길동 "🎟"', 'a\\b', null, 'עברית']) await call('POST', COUPONS, { recipient })
    const { json } = await call('GET', COUPONS)
    const { status, text, headers } = await call('GET', NDJSON)
    const lines = [...(json['data'] as object[]), { rows: 5 }].map((line) => `${JSON.stringify(line)}\n`)
    expect([status, text]).toEqual([200, lines.join('')])
    expect(headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      'content-disposition': 'attachment; filename="c.ndjson"',
    })
  })

  test('counts the rows of all pages', async () => {
    const { call } = await open({
      async pages(take) {
        for (let i = 1; i <= 3; i++) await take([coupon({ slot: 2 * i - 1 }), coupon({ slot: 2 * i })])
        return true
      },
    })
    const lines = (await call('GET', NDJSON)).text.split('\n')
    expect(lines.slice(0, 6).map((line) => (JSON.parse(line) as { slot: number }).slot)).toEqual([1, 2, 3, 4, 5, 6])
    expect(lines.slice(6)).toEqual(['{"rows":6}', ''])
  })

  test('of a campaign without coupons is that number', async () => {
    const { call } = await open()
    expect((await call('GET', NDJSON)).text).toBe('{"rows":0}\n')
  })
})

describe.each(['.csv', '.ndjson'])('an export as %s', (extension) => {
  test('of an unknown campaign is a problem', async () => {
    const { call } = await open()
    for (const id of ['nix', 'a%2Fb', 'a'.repeat(65)]) {
      const { status, json, headers } = await call('GET', `/v1/campaigns/${id}/coupons${extension}`)
      expect([status, json['code']]).toEqual([404, 'campaign_not_found'])
      expect(headers).not.toHaveProperty('content-disposition')
    }
  })

  test('is not made for HEAD', async () => {
    let exports = 0
    const { app } = await open({ pages: () => Promise.resolve(++exports > 0) })
    const { statusCode, headers, body } = await app.inject({ method: 'HEAD', url: COUPONS + extension })
    expect([statusCode, headers['allow'], body]).toEqual([405, 'GET', ''])
    expect(exports).toBe(0)
  })
})

describe('the ledger is asked no faster than the caller reads', () => {
  test('and when it reads again, the export goes on', async () => {
    const PAGES = 25
    let taken = 0
    const { app } = await open({
      async pages(take) {
        for (; taken < PAGES; taken++) await take(PAGE)
        return true
      },
    })
    const message = await ask(await listen(app))
    // What fits into the buffers of two sockets, and a page or two.
    expect(await settled(() => taken)).toBeLessThan(20)
    const { text, broken } = await read(message)
    expect(broken).toBe(false)
    expect(text.slice(-20)).toContain(`\n{"rows":${PAGES * PAGE.length}}\n`)
  })

  test('while coupons are being issued it rests nine times as long as it worked, within a limit', async () => {
    let nowMs = 0
    let isIdle = false
    const naps: number[] = []
    const sleep: Clock['sleep'] = (ms) => {
      naps.push(ms)
      nowMs += ms
      return Promise.resolve()
    }
    const issue = () => Promise.resolve({ code: 'sold_out' } as const)
    const issuer = {
      issue,
      get isIdle() {
        return isIdle
      },
    }
    const { call } = await open({
      clock: { ...systemClock, nowMs: () => nowMs, sleep },
      issuer,
      async pages(take) {
        for (const workedMs of [7, 5, 2_000]) {
          isIdle = workedMs === 5
          nowMs += workedMs
          await take([coupon()])
        }
        return true
      },
    })
    expect((await call('GET', NDJSON)).text).toContain('{"rows":3}\n')
    expect(naps).toEqual([7 * EXPORT_PAUSE_FACTOR, EXPORT_PAUSE_MS_MAX])
  })
})

describe('an export that cannot be completed is cut', () => {
  const driverError = () => new Error(`Duplicate entry '${SECRET}'`)

  test.each([
    ['unavailable', () => new LedgerUnavailable('away', { mayBeWritten: false, cause: driverError() })],
    ['internal', driverError],
  ])('when its ledger fails in the middle: %s', async (code, failure) => {
    const { promise, resolve } = signal()
    const { app, logged } = await open({
      async pages(take) {
        await take([coupon({ recipient: SECRET })])
        await promise
        throw failure()
      },
    })
    const message = await ask(await listen(app))
    expect(message.statusCode).toBe(200)
    resolve()
    const { text, broken } = await read(message)
    expect(broken).toBe(true)
    expect(text).not.toContain('rows')
    expect(logged).toMatchObject([{ code, method: 'GET', route: '/v1/campaigns/:id/coupons.ndjson' }])
    expect(JSON.stringify(logged)).not.toMatch(/recipient-of|7KQ2|"c"/)
  })

  test('when its ledger fails right after the first page', async () => {
    const { app, logged } = await open({
      async pages(take) {
        await take([coupon()])
        throw new LedgerUnavailable('away', { mayBeWritten: false })
      },
    })
    await expect(
      listen(app)
        .then((port) => ask(port))
        .then(read),
    ).rejects.toThrow('socket hang up')
    expect(logged).toMatchObject([{ code: 'unavailable' }])
  })

  test('when its campaign is deleted in the middle', async () => {
    const { promise, resolve } = signal()
    const { app, logged } = await open({ pages: (take) => take([coupon()]).then(() => promise.then(() => false)) })
    const message = await ask(await listen(app))
    resolve()
    const { text, broken } = await read(message)
    expect([broken, text.includes('rows')]).toEqual([true, false])
    expect(logged).toEqual([])
  })

  test.each([
    ['a page is not read', EXPORT_STALL_MS_MAX, PAGE, 25],
    ['the end is not read', EXPORT_STALL_MS_MAX, TWELVE, 1],
    ['it takes too long', EXPORT_MS_MAX, PAGE, 25],
  ])('when %s', async (_name, limitMs, page, pages) => {
    const { clock, armed } = heldClock(limitMs)
    let isEnding = false
    const { app, logged } = await open({
      clock,
      async pages(take) {
        for (let i = 0; i < pages; i++) await take(page)
        isEnding = true
        return true
      },
    })
    const message = await ask(await listen(app))
    await expect.poll(() => armed.size === 1 && isEnding === (pages === 1)).toBe(true)
    for (const work of armed) work()
    expect((await read(message)).broken).toBe(true)
    // Its time-outs went with it.
    await expect.poll(() => armed.size).toBe(0)
    expect(logged).toEqual([])
  })
})

test.each([
  [503, 'unavailable', () => new LedgerUnavailable('away', { mayBeWritten: false })],
  [500, 'internal', () => new Error(SECRET)],
])('what fails before the first page is told in words: %d %s', async (status, code, failure) => {
  const { call, logged } = await open({ pages: () => Promise.reject(failure()) })
  for (const path of [NDJSON, `${COUPONS}.csv`]) {
    const { json, headers, ...reply } = await call('GET', path)
    expect([reply.status, json['code']]).toEqual([status, code])
    expect(headers).not.toHaveProperty('content-disposition')
  }
  expect(logged).toMatchObject([{ code }])
  expect(JSON.stringify(logged)).not.toContain(SECRET)
})

test.each(['before the first page', 'in the middle'])('who hangs up %s ends it, and leaves no line', async (when) => {
  let taken = 0
  let begun = signal()
  let hungUp = signal()
  let ended = signal()
  const { app, call, logged } = await open({
    async pages(take) {
      begun.resolve()
      if (when === 'before the first page') await hungUp.promise
      try {
        for (; taken < 25; taken++) await take(PAGE)
      } finally {
        ended.resolve()
      }
      return true
    },
  })
  const port = await listen(app)
  // More often than there are places: each is given back.
  for (let i = 0; i < 3; i++) {
    taken = 0
    begun = signal()
    hungUp = signal()
    ended = signal()
    app.server.once('connection', (socket) => socket.once('close', hungUp.resolve))
    const { socket, write } = await openClient(port)
    socket.pause()
    write(request('GET', NDJSON))
    await begun.promise
    if (when === 'in the middle') await expect.poll(() => taken).toBeGreaterThan(0)
    socket.destroy()
    await ended.promise
    expect(taken).toBeLessThan(20)
  }
  expect(logged).toEqual([])
  expect((await call('GET', '/v1/campaigns/c')).status).toBe(200)
})

describe('a server that closes', () => {
  test.each([
    ['in the middle', PAGE, 25],
    ['whose end is not read', TWELVE, 1],
  ])('cuts an export %s', async (_name, page, pages) => {
    let isEnding = false
    const { app, logged } = await open({
      async pages(take) {
        for (let i = 0; i < pages; i++) await take(page)
        isEnding = true
        return true
      },
    })
    const message = await ask(await listen(app))
    if (pages === 1) await expect.poll(() => isEnding).toBe(true)
    await app.close()
    expect((await read(message)).broken).toBe(true)
    expect(logged).toEqual([])
  })

  test.each([
    ['a page', [coupon()]],
    ['nothing', []],
  ])('tells who waits for the first page, even if it would be %s', async (_name, page) => {
    const begun = signal()
    const { promise, resolve } = signal()
    const { app, lifecycle } = await open({
      async pages(take) {
        begun.resolve()
        await promise
        if (page.length > 0) await take(page)
        return true
      },
    })
    const { write, replies } = await openClient(await listen(app))
    write(request('GET', NDJSON))
    await begun.promise
    const closing = app.close()
    await expect.poll(() => lifecycle.isDraining).toBe(true)
    resolve()
    const [reply] = await replies(1)
    expect(reply && expectDocumented('GET', NDJSON, reply)['code']).toBe('unavailable')
    await closing
  })

  test('begins no export any more', async () => {
    let exports = 0
    let calls = 0
    const { promise, resolve } = signal()
    const issue = () => {
      calls++
      return promise.then(() => ({ code: 'sold_out' }) as const)
    }
    const { app, lifecycle } = await open({
      issuer: { issue, isIdle: true },
      pages: () => Promise.resolve(++exports > 0),
    })
    const { write, replies } = await openClient(await listen(app))
    write(request('POST', COUPONS, {}))
    await expect.poll(() => calls).toBe(1)
    const closing = app.close()
    await expect.poll(() => lifecycle.isDraining).toBe(true)
    write(request('GET', NDJSON) + request('POST', COUPONS, {}))
    await expect.poll(() => calls).toBe(2)
    resolve()
    expect((await replies(3)).map(({ status }) => status)).toEqual([409, 503, 409])
    expect(exports).toBe(0)
    await closing
  })
})

describe('a server that reads enough already says busy', () => {
  test('to a third export, until one has ended', async () => {
    const ends: (() => void)[] = []
    const { app, call } = await open({
      pages: () => new Promise((resolve) => void ends.push(() => resolve(true))),
    })
    const first = [call('GET', NDJSON), call('GET', `${COUPONS}.csv`)]
    await expect.poll(() => ends.length).toBe(2)
    for (const path of [NDJSON, `${COUPONS}.csv`]) {
      const { status, json } = await call('GET', path)
      // When to come back: documented.ts looks.
      expect([status, json['code']]).toEqual([429, 'busy'])
    }
    expect((await call('GET', COUPONS)).status).toBe(200)
    expect((await call('GET', '/v1/campaigns/nix/coupons.csv')).status).toBe(429)
    ends[0]?.()
    await first[0]
    const third = app.inject({ url: NDJSON })
    await expect.poll(() => ends.length).toBe(3)
    for (const end of ends) end()
    expect(
      (await Promise.all([...first, third.then(({ statusCode }) => ({ status: statusCode }))])).map(
        ({ status }) => status,
      ),
    ).toEqual([200, 200, 200])
  })

  test('to lists beyond those that are read and those that wait; nobody else notices', async () => {
    const held: PromiseWithResolvers<never[]>[] = []
    const hold = () => {
      const one = Promise.withResolvers<never[]>()
      held.push(one)
      return one.promise
    }
    const { call, logged } = await open({
      faults: {
        listCampaigns: () => hold().then((campaigns) => ({ nowMs: 0, campaigns })),
        listCoupons: hold,
      },
    })
    const lists = Array.from({ length: 2 + LISTS_WAITING_MAX }, (_, i) =>
      call('GET', i % 2 === 0 ? COUPONS : '/v1/campaigns'),
    )
    await expect.poll(() => held.length).toBe(2)
    for (const path of [COUPONS, '/v1/campaigns', `${COUPONS}?order=desc`]) {
      const { status, json } = await call('GET', path)
      expect([status, json['code']]).toEqual([429, 'busy'])
    }
    expect((await call('POST', COUPONS, { recipient: 'r' })).status).toBe(201)
    expect((await call('GET', '/v1/campaigns/c')).json['issued_count']).toBe(1)
    expect((await call('GET', `${COUPONS}?recipient=r`)).json['data']).toHaveLength(1)
    expect((await call('GET', NDJSON)).status).toBe(200)

    // One that fails hands its place on like any other.
    held[0]?.reject(new LedgerUnavailable('away', { mayBeWritten: false }))
    for (let i = 1; i < lists.length; i++) {
      await expect.poll(() => held.length).toBeGreaterThan(i)
      // Two at a time, whoever ends.
      expect(held.length).toBeLessThanOrEqual(i + 2)
      held[i]?.resolve([])
    }
    const statuses = (await Promise.all(lists)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(lists.length - 1)
    expect(logged).toMatchObject([{ code: 'unavailable' }])
  })
  test('to lists that have waited for long, and their places are free', async () => {
    const { promise, resolve } = signal()
    const { clock, armed } = heldClock(LISTS_WAIT_MS_MAX)
    const listCoupons = () => promise.then(() => [])
    const { call } = await open({ clock, faults: { listCoupons } })
    const inside = [call('GET', COUPONS), call('GET', COUPONS)]
    for (let round = 0; round < 2; round++) {
      const waiting = Array.from({ length: LISTS_WAITING_MAX }, () => call('GET', COUPONS))
      await expect.poll(() => armed.size).toBe(LISTS_WAITING_MAX)
      for (const work of armed) work()
      armed.clear()
      expect(new Set((await Promise.all(waiting)).map(({ json }) => json['code']))).toEqual(new Set(['busy']))
    }
    const last = call('GET', COUPONS)
    await expect.poll(() => armed.size).toBe(1)
    resolve()
    expect((await Promise.all([...inside, last])).map(({ status }) => status)).toEqual([200, 200, 200])
    expect(armed.size).toBe(0)
  })
})
