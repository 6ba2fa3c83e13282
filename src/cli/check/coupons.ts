// The contract of coupons that exist: lists, look-ups as people type, exports, the audit.

import type { Json, Reply } from './api.ts'
import { keysOf, typedInKorean } from './keyboard.ts'
import { pointersOf, type Run } from './run.ts'
import { couponOf, type Coupon } from './shapes.ts'
import { Mismatch, same, sure } from './steps.ts'

/** What a spreadsheet would take for a formula or a number, and the cell that it does not. */
const HARMLESS: ReadonlyMap<string, string> = new Map([
  ['=1+1', "'=1+1"],
  ['+82-10-1234-5678', "'+82-10-1234-5678"],
  ['-5', "'-5"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['00123', "'00123"],
  ['1-2', "'1-2"],
  ['＝1+1', "'＝1+1"],
])

/** Also what CSV has to quote, and what other encodings lose. */
const RECIPIENTS: readonly (string | null)[] = [
  ...HARMLESS.keys(),
  '김, "하나"',
  '박 둘',
  '🎟️ מיכל',
  '__proto__',
  null,
  ...Array.from({ length: 20 }, (_, number) => `member-${number}`),
]

/** Of asking for an audit, 2 s apart: of 26 coupons on a busy server. */
const AUDIT_TRIES_MAX = 10

const HEADER = 'slot,coupon_code,recipient,issued_at'

export async function checkCoupons(run: Run): Promise<void> {
  const { api, step } = run
  const path = `${run.pathOf('coupons')}/coupons`

  const issued = await step('coupon list', 'each as it was issued, by slot', async () => {
    await run.create('coupons', { total_coupons: 100, code_format: { prefix: 'SALE-' } })
    const empty = await api.get(path)
    same('before the first', [empty.is(200)['data'], empty.json['next_cursor']], [[], null])
    const coupons: Coupon[] = []
    for (const recipient of RECIPIENTS) {
      const { replayed: _new, ...coupon } = (await run.issue('coupons', { recipient })).is(201)
      coupons.push(couponOf('an issued coupon', coupon))
    }
    coupons.sort((a, b) => a.slot - b.slot)
    same('the list', await run.coupons('coupons'), coupons)
    const recipients = coupons.map(({ recipient }) => String(recipient)).sort()
    same('recipients', recipients, RECIPIENTS.map(String).sort())
    const prefixes = new Set(coupons.map(({ coupon_code: code }) => /^TESTSALE-[0-9A-HJKMNP-TV-Z]{16}$/.test(code)))
    same('codes of TESTSALE- and 16 characters', [...prefixes], [true])
    return coupons
  })

  await step('coupon list, pages', 'both orders, whole, nothing twice; the last page says so', async () => {
    const coupons = issued.value
    for (const [order, expected] of Object.entries({ asc: coupons, desc: coupons.toReversed() })) {
      const pages = await run.pages(`${path}?limit=7&order=${order}`)
      const together = pages.flatMap(({ data }) => data)
      same(`${order}: the pages together`, together, expected)
      const lengths = pages.map(({ data }) => data.length)
      same(`${order}: coupons on each`, lengths, [7, 7, 7, 7, coupons.length - 28])
      const elsewhere = { order: order === 'asc' ? 'desc' : 'asc', cursor: String(pages[0]?.next_cursor) }
      const reply = await api.get(`${path}?${new URLSearchParams(elsewhere).toString()}`)
      same('a cursor of the other order', pointersOf(reply.isProblem(400, 'invalid_request')), ['query /cursor'])
    }
  })

  await step('coupon by recipient', 'their coupon or none, in the form of a list', async () => {
    const of = async (recipient: string) =>
      (await api.get(`${path}?recipient=${encodeURIComponent(recipient)}`)).is(200)
    for (const recipient of ['박 둘', ' 박 둘 ', '박 둘'.normalize('NFD'), '=1+1', '__proto__']) {
      const coupon = issued.value.find((one) => one.recipient === recipient.trim().normalize('NFC'))
      same(recipient, await of(recipient), { data: [coupon], next_cursor: null })
    }
    same('nobody', await of('아무도'), { data: [], next_cursor: null })
  })

  await step(
    'coupon by code',
    'as people type it: any case, spaces, hyphens, full width, O I L, Korean keyboard left on',
    async () => {
      // One that has all characters which are mistaken for others.
      const coupon = issued.value.find(({ coupon_code: code }) => /0.*1|1.*0/.test(code.slice(9))) ?? issued.value[0]
      if (coupon === undefined) throw new Mismatch('the list', 'a coupon', 'none')
      const code = coupon.coupon_code
      const [prefix, random] = [code.slice(0, 9), code.slice(9)]
      await found(run, 'coupons', coupon, {
        'as it is': code,
        'lower case': code.toLowerCase(),
        'in groups': `${prefix}${random.replace(/(.{4})(?!$)/g, '$1-')}`,
        'spaces around and within': `  ${code.replace(/(.{5})/g, '$1 ')}\u00a0`,
        'another dash': code.replace('-', '–'),
        'without its hyphen': code.replace('-', ''),
        'full width': code.replace(/[!-~]/g, (one) => String.fromCharCode(one.charCodeAt(0) + 0xfee0)),
        'with the apostrophe of a spreadsheet': `'${code}`,
        'O and I': prefix + random.replaceAll('0', 'O').replaceAll('1', 'I'),
        'o and l': prefix + random.replaceAll('0', 'o').replaceAll('1', 'l'),
        'Korean keyboard': typedInKorean(code.toLowerCase()),
        'Korean keyboard, capitals': typedInKorean(code),
        'Korean keyboard, decomposed': typedInKorean(code.toLowerCase()).normalize('NFD'),
      })
      ;(await api.get(`${path}/${prefix}${'0'.repeat(16)}`)).isProblem(404, 'coupon_not_found')
      ;(await api.get(`${path}/${random}`)).isProblem(404, 'coupon_not_found')
      await run.create('others')
      ;(await api.get(`${run.pathOf('others')}/coupons/${code}`)).isProblem(404, 'coupon_not_found')
    },
  )

  await step('coupon by code, Hangul', 'also decomposed, and with the Korean keyboard left off', async () => {
    await run.create('syllables', { code_format: { alphabet: 'hangul' } })
    const { replayed: _new, ...coupon } = (await run.issue('syllables', { recipient: '하나' })).is(201)
    const code = String(coupon['coupon_code'])
    sure('the code', /^TEST[0-9가-힣]{10}$/.test(code), 'TEST and 10 syllables or digits', code)
    await found(run, 'syllables', coupon, {
      'as it is': code,
      decomposed: code.normalize('NFD'),
      'in groups': code.replace(/(.{4})(?!$)/g, '$1 - '),
      'keyboard off': keysOf(code),
      'keyboard off, lower case': keysOf(code).toLowerCase(),
      'keyboard off, capitals': keysOf(code).toUpperCase(),
    })
  })

  await step(
    'export, CSV',
    'for people: BOM, header, CRLF, by slot, cells that no spreadsheet takes for a formula',
    async () => {
      const coupons = issued.value
      const reply = await api.get(`${path}.csv`)
      reply.is(200)
      same('Content-Type', reply.headers['content-type'], 'text/csv; charset=utf-8; header=present')
      const disposition = `attachment; filename="${run.idOf('coupons')}.csv"`
      same('Content-Disposition', reply.headers['content-disposition'], disposition)
      sure('the beginning', reply.text.startsWith('\ufeff'), 'a byte order mark', reply.text.slice(0, 20))
      const rows = reply.text.slice(1).split('\r\n')
      sure('the end', rows.pop() === '' && !/\n/.test(rows.join('')), 'each line ends with CRLF', reply.text.slice(-80))
      same('the header', rows.shift(), HEADER)
      const expected = coupons.map(({ slot, coupon_code: code, recipient, issued_at: issuedAt }) => {
        const cell = recipient ?? ''
        return [String(slot), code, HARMLESS.get(cell) ?? cell, issuedAt]
      })
      rows.forEach((row, index) => same(`row ${index + 1}`, cellsOf(row), expected[index]))
      same('rows', rows.length, coupons.length)
    },
  )

  await step('export, NDJSON', 'for machines: as in the list, and a last line with their number', async () => {
    const coupons = issued.value
    const reply = await api.get(`${path}.ndjson`)
    reply.is(200)
    same('Content-Type', reply.headers['content-type'], 'application/x-ndjson')
    sure('the end', reply.text.endsWith('\n'), 'a line break', reply.text.slice(-80))
    const rows = reply.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Json)
    same('the last line', rows.pop(), { rows: coupons.length })
    rows.sort((a, b) => Number(a['slot']) - Number(b['slot']))
    same('the coupons', rows, coupons)
  })

  await step('export, nothing there', 'a header; {"rows": 0}; 404 campaign_not_found', async () => {
    await run.create('none')
    const csv = await api.get(`${run.pathOf('none')}/coupons.csv`)
    same('CSV', csv.text, `\ufeff${HEADER}\r\n`)
    const ndjson = await api.get(`${run.pathOf('none')}/coupons.ndjson`)
    same('NDJSON', JSON.parse(ndjson.text), { rows: 0 })
    for (const kind of ['csv', 'ndjson']) {
      ;(await api.get(`${run.pathOf('nobody')}/coupons.${kind}`)).isProblem(404, 'campaign_not_found')
    }
  })

  await step('audit', 'exact, with every row looked at; 404 campaign_not_found', async () => {
    const reply = await auditOf(run, 'coupons')
    const { verdict, complete, issued_count: count, violations, checksum } = reply.is(200)
    same(
      'the audit',
      { verdict, complete, count, violations },
      {
        verdict: 'exact',
        complete: false,
        count: issued.value.length,
        violations: [],
      },
    )
    sure('the checksum', /^[0-9a-f]{64}$/.test(String(checksum)), '64 hex digits', checksum)
    ;(await api.get(`${run.pathOf('nobody')}/audit`)).isProblem(404, 'campaign_not_found')
  })
}

/** When it is done: the server may be slow, or pause for somebody's sale. */
async function auditOf(run: Run, name: string): Promise<Reply> {
  for (let tries = 1; ; tries++) {
    const reply = await run.api.get(`${run.pathOf(name)}/audit`)
    if (reply.status !== 202 || tries === AUDIT_TRIES_MAX) return reply
    await run.sleep(Number(reply.json['retry_after_ms']))
  }
}

/** Looks each of them up, by how it was typed. */
async function found(run: Run, name: string, coupon: object, typed: Readonly<Record<string, string>>): Promise<void> {
  for (const [how, code] of Object.entries(typed)) {
    const reply = await run.api.get(`${run.pathOf(name)}/coupons/${encodeURIComponent(code)}`)
    sure(`${how}: ${code}`, reply.status === 200, '200', `${reply.status} ${reply.text}`)
    same(`${how}: ${code}`, reply.json, coupon)
  }
}

/** A line of RFC 4180. */
function cellsOf(row: string): string[] {
  const cells = row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g)
  return [...cells].map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain)
}
