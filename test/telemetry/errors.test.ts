// No text of an error gets into the log, whoever brings it there and however deep it lies.

import { DatabaseSync } from 'node:sqlite'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { causeOf, traceOf } from '../../src/telemetry/errors.ts'
import { logOptions } from '../../src/telemetry/log.ts'

const SECRET = 'recipient-of-somebody'

function driverError(): Error {
  const error = new Error(`Duplicate entry '${SECRET}' for key 'coupons.recipient'\n    at ${SECRET} (/${SECRET}:1:1)`)
  return Object.assign(error, { code: 'ER_DUP_ENTRY', errno: 1062, sql: `INSERT ${SECRET}`, sqlMessage: SECRET })
}

/** What SQLite itself says of a statement. */
function sqliteError(sql: string): Error {
  const database = new DatabaseSync(':memory:')
  try {
    database.exec(`CREATE TABLE coupons (recipient TEXT UNIQUE, CHECK (recipient <> '${SECRET}')); ${sql}`)
  } catch (error) {
    return error as Error
  } finally {
    database.close()
  }
  throw new Error('SQLite did not mind')
}

const errors: [what: string, error: () => unknown][] = [
  ['a driver’s error', driverError],
  ['one whose text was changed later', () => Object.assign(new Error(SECRET), { message: 'x' })],
  ['one whose text was changed to something worse', () => Object.assign(new Error('x'), { message: SECRET })],
  ['one with a name of its own', () => Object.assign(new Error('x'), { name: `x ${SECRET}`, code: `x ${SECRET}` })],
  ['causes below causes', () => new Error('x', { cause: new Error(SECRET, { cause: driverError() }) })],
  ['a cause that is a text', () => new Error('x', { cause: SECRET })],
  ['a cause that is a row', () => new Error('x', { cause: { recipient: SECRET, errno: 1062 } })],
  ['many in one', () => new AggregateError([driverError(), SECRET, driverError()], SECRET)],
  ['a text', () => SECRET],
  ['a row', () => ({ recipient: SECRET })],
  ['SQLite: refused by a CHECK that quotes', () => sqliteError(`INSERT INTO coupons VALUES ('${SECRET}')`)],
  ['SQLite: refused by its grammar', () => sqliteError(`INSERT INTO coupons VALUES '${SECRET}'`)],
  ['SQLite: no such column', () => sqliteError(`INSERT INTO coupons VALUES ("${SECRET}")`)],
  ['SQLite: a JSON path', () => sqliteError(`SELECT json_extract('{}', '${SECRET}')`)],
]

describe.each(errors)('%s', (_what, error) => {
  test('its trace says kind and place', () => {
    expect(JSON.stringify(traceOf(error()))).not.toContain(SECRET)
    expect(traceOf(error())).toMatchObject({ name: expect.any(String) })
  })

  test('handed to the log as it is, by itself, with words, in a field, in a cause', () => {
    let written = ''
    const log = pino(logOptions('debug'), { write: (line: string) => void (written += line) })
    const one = error()
    if (one instanceof Error) {
      log.error(one)
      log.warn(one, 'words')
      log.error({ err: one, error: one, cause: one }, 'words')
      log.error('words %s %o', one, one)
      log.error({ error: traceOf(one) }, 'words')
    }
    log.warn({ cause: causeOf(new Error('ours', { cause: one })) }, 'words')
    expect(written).not.toContain(SECRET)
    expect(written.trim().split('\n')).toHaveLength(one instanceof Error ? 6 : 1)
  })
})

test('what helps is kept: name, codes, frames, and the same of what lies below', () => {
  expect(traceOf(new Error('x', { cause: driverError() }))).toEqual({
    name: 'Error',
    at: expect.arrayContaining([expect.stringMatching(/errors\.test\.ts:\d+:\d+/)]),
    cause: {
      name: 'Error',
      code: 'ER_DUP_ENTRY',
      errno: 1062,
      at: expect.arrayContaining([expect.stringContaining('errors.test.ts')]),
    },
  })
  expect(causeOf(new Error('ours', { cause: driverError() }))).toEqual({
    message: 'ours',
    name: 'Error',
    code: 'ER_DUP_ENTRY',
    errno: 1062,
  })
  expect(traceOf(new AggregateError([driverError()]))).toMatchObject({ errors: [{ errno: 1062 }] })
  expect(traceOf({ errno: 1213 })).toEqual({ name: 'object', errno: 1213 })
})

test('an error that is its own cause ends', () => {
  const error = new Error('x')
  error.cause = error
  expect(JSON.stringify(traceOf(error)).length).toBeLessThan(20_000)
})
