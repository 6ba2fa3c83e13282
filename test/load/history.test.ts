import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { BadHistory, createHistory, type HistoryCall, openHistory } from '../../src/load/history.ts'

const folder = mkdtempSync(join(tmpdir(), 'firstcome-history-'))
afterAll(() => rmSync(folder, { recursive: true }))

const HEAD = { campaign_id: 'spring', started_at: 1_800_000_000_000.25 }

const issued: HistoryCall = {
  request: 'r1',
  call: 1,
  campaign_id: 'spring',
  recipient: '지우',
  idempotency_key: 'k1',
  server: 'http://127.0.0.1:8080',
  intended_at: 1_800_000_000_001.5,
  sent_at: 1_800_000_000_002.5,
  answered_at: 1_800_000_000_009.125,
  answer: 'ok',
  status: 201,
  code: 'issued',
  coupon: { coupon_code: '7KQ2M9XD4R8TVW3A', slot: 1, recipient: '지우', issued_at: '2027-01-15T08:00:00.004Z' },
}
const refused: HistoryCall = {
  ...issued,
  request: 'r2',
  answer: 'refused',
  status: 409,
  code: 'sold_out',
  coupon: null,
}
const unknown: HistoryCall = { ...issued, request: 'r3', answer: 'unknown', status: null, code: null, coupon: null }

let files = 0
const newFile = () => join(folder, `${++files}.jsonl`)

async function callsIn(file: string): Promise<HistoryCall[]> {
  const { calls } = await openHistory(file)
  return Array.fromAsync(calls)
}

const firstLine = JSON.stringify({ firstcome_history: 1, ...HEAD })

function fileOf(...lines: string[]): string {
  const file = newFile()
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''))
  return file
}

test('what was written is read', async () => {
  const file = newFile()
  const writer = await createHistory(file, HEAD)
  await Promise.all([issued, refused].map((call) => writer.write(call)))
  await writer.write(unknown)
  await writer.close()
  await writer.close()
  expect(await openHistory(file)).toMatchObject(HEAD)
  expect(await callsIn(file)).toEqual([issued, refused, unknown])
  expect(readFileSync(file, 'utf8').split('\n')[0]).toBe(firstLine)
})

test('many calls that wait for room all arrive, in order', async () => {
  const file = newFile()
  const writer = await createHistory(file, HEAD)
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 500 }, (_, index) => ({ ...issued, call: round * 500 + index + 1 }))
    await Promise.all(calls.map((call) => writer.write(call)))
  }
  await writer.close()
  expect((await callsIn(file)).map(({ call }) => call)).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1))
})

test('no history is written over', async () => {
  const file = fileOf(firstLine)
  await expect(createHistory(file, HEAD)).rejects.toMatchObject({ code: 'EEXIST' })
})

test('what cannot be written is told', async () => {
  const writer = await createHistory(newFile(), HEAD)
  await writer.close()
  await expect(writer.write(issued)).rejects.toThrow('write after end')
})

test('a last line that was cut off is left out', async () => {
  const file = newFile()
  writeFileSync(file, `${firstLine}\n${JSON.stringify(issued)}\n${JSON.stringify(refused).slice(0, 100)}`)
  expect(await callsIn(file)).toEqual([issued])
})

test('what a later version adds is passed over', async () => {
  const file = fileOf(firstLine, JSON.stringify({ ...issued, bytes: 17 }))
  expect(await callsIn(file)).toMatchObject([issued])
})

describe('what is wrong is named with file and line, and not shown:', () => {
  const cases: readonly [title: string, line: string | object, wanted: string][] = [
    ['no JSON', '{"recipient":"secret"', 'expected a JSON object'],
    ['an empty line', '', 'expected a JSON object'],
    ['a list', [], 'expected a JSON object'],
    ['a member missing', { ...issued, server: undefined }, 'expected a text in server'],
    ['an empty text', { ...issued, request: '' }, 'expected a text in request'],
    ['a call 0', { ...issued, call: 0 }, 'expected a whole number from 1 in call'],
    ['a time as text', { ...issued, sent_at: 'secret' }, 'expected milliseconds since 1970 in sent_at'],
    ['another answer', { ...issued, answer: 'secret' }, 'expected ok, refused or unknown in answer'],
    ['ok without coupon', { ...issued, coupon: null }, 'expected a coupon with ok, and only with that'],
    ['a coupon without ok', { ...refused, coupon: issued.coupon }, 'expected a coupon with ok, and only with that'],
    [
      'ok with a problem',
      { ...issued, code: 'sold_out' },
      'expected the code issued or replayed with ok, and only with that',
    ],
    ['a refusal without code', { ...refused, code: null }, 'expected a code with refused'],
    ['a refusal without status', { ...refused, status: null }, 'expected a status with ok and with refused'],
    [
      'an answer before it was asked',
      { ...issued, answered_at: issued.sent_at - 1 },
      'expected answered_at not to be before sent_at',
    ],
  ]
  test.each(cases)('%s', async (_title, line, wanted) => {
    const file = fileOf(firstLine, JSON.stringify(issued), typeof line === 'string' ? line : JSON.stringify(line))
    const error = await callsIn(file).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(BadHistory)
    expect((error as Error).message).toBe(`${file}:3: ${wanted}`)
  })

  test('a coupon without its time', async () => {
    const file = fileOf(firstLine, JSON.stringify({ ...issued, coupon: { ...issued.coupon, issued_at: 'now' } }))
    await expect(callsIn(file)).rejects.toThrow(
      `${file}:2 (coupon): expected a time in UTC with milliseconds in issued_at`,
    )
  })

  test('bytes that are no text', async () => {
    const file = newFile()
    writeFileSync(file, Buffer.concat([Buffer.from(`${firstLine}\n`), Buffer.from([0xff, 0x0a])]))
    await expect(callsIn(file)).rejects.toThrow('expected UTF-8')
  })

  test('a line without end', async () => {
    const file = fileOf(firstLine, 'x'.repeat(300_000))
    await expect(callsIn(file)).rejects.toThrow(`${file}:2: expected a line of at most 65536 characters`)
  })

  test.each([
    ['no history', '{}'],
    ['a history of another form', '{"firstcome_history":2}'],
    ['nothing', null],
  ])('%s', async (_title, line) => {
    const file = line === null ? fileOf() : fileOf(line)
    await expect(openHistory(file)).rejects.toThrow(
      `${file}:1: expected the first line of a history, with "firstcome_history":1`,
    )
  })

  test('no file', async () => {
    await expect(openHistory(join(folder, 'none'))).rejects.toThrow('cannot be read: ENOENT')
  })
})
