// Real errors of real servers, whose texts quote what was being written: nothing of it is left where we log, throw or print.

import { inspect } from 'node:util'
import { createClient, ErrorReply } from '@redis/client'
import { createConnection, type Connection } from 'mysql2/promise'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { wordFor } from '../../src/counter/redis-link.ts'
import { systemClock } from '../../src/host.ts'
import { openConnection } from '../../src/ledger/mysql/connection.ts'
import { mysqlLimits } from '../../src/ledger/mysql/limits.ts'
import { parseMysqlUrl } from '../../src/ledger/mysql/url.ts'
import { traceOf } from '../../src/telemetry/errors.ts'
import { logOptions } from '../../src/telemetry/log.ts'
import { freshDatabase, type FreshDatabase } from '../servers/fresh.ts'

const SECRET = 'recipient-of-somebody'

let database: FreshDatabase
let driver: Connection
beforeAll(async () => {
  database = await freshDatabase(inject('mysqlUrl'))
  driver = await createConnection(database.url)
  await driver.query('CREATE TABLE coupons (recipient VARCHAR(30) UNIQUE, slot INT)')
  await driver.query('INSERT INTO coupons VALUES (?, 1)', [SECRET])
})
afterAll(async () => {
  await driver.end()
  await database.drop()
})

/** All that whoever has the error in hand can find. */
function allOf(error: unknown): string {
  return inspect(error, { depth: 10, showHidden: true })
}

function logged(error: unknown): string {
  let written = ''
  const log = pino(logOptions('debug'), { write: (line: string) => void (written += line) })
  log.error(error)
  log.warn({ err: error, cause: error }, 'words')
  log.error({ error: traceOf(new Error('x', { cause: error })) }, 'words')
  return written
}

describe.each([
  ['a duplicate', 'INSERT INTO coupons VALUES (?, 2)', SECRET],
  ['its grammar', 'INSERT INTO coupons VALUE ? (', SECRET],
  ['too long a text', 'INSERT INTO coupons VALUES (?, 2)', SECRET.repeat(3)],
  ['a text for a number', 'INSERT INTO coupons (slot) VALUES (?)', SECRET],
  ['a column that there is not', 'INSERT INTO coupons (nix) VALUES (?)', SECRET],
  ['JSON that is none', `SELECT * FROM JSON_TABLE(?, '$' COLUMNS (a INT PATH '$.a')) AS t`, `{"${SECRET}`],
])('MySQL refuses a statement for %s', (_why, sql, value) => {
  test('the driver’s error quotes it, the log does not', async () => {
    const error: unknown = await driver.query(sql, [value]).catch((caught: unknown) => caught)
    expect(allOf(error)).toContain(SECRET)
    expect(logged(error)).toMatch(/"errno":\d+/)
    expect(logged(error)).not.toContain(SECRET)
  })

  test('the ledger’s own error has neither text nor statement', async () => {
    const connection = await openConnection(
      { address: parseMysqlUrl(database.url), clock: systemClock, ...mysqlLimits, transactions: null },
      () => {},
    )
    const asks = [
      () => connection.write(sql, [value]),
      () => connection.selectText(sql, [value]),
      () => connection.command(sql.replace('?', `'${value}'`)),
    ]
    for (const ask of asks) {
      const error: unknown = await ask().catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(Error)
      expect(allOf(error)).not.toMatch(/recipient-of|INSERT|JSON_TABLE/)
    }
    await connection.end()
  })
})

test('a wrong password: the error names nobody', async () => {
  const url = new URL(database.url)
  url.username = SECRET
  url.password = SECRET
  const options = { address: parseMysqlUrl(url.href), clock: systemClock, ...mysqlLimits, transactions: null }
  const error: unknown = await openConnection(options, () => {}).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ message: expect.stringContaining('access denied') })
  expect(allOf(error)).not.toContain(SECRET)
})

test('Redis repeats arguments: a word of it is kept', async () => {
  const client = createClient({ url: inject('redisUrl') })
  await client.connect()
  try {
    const error: unknown = await client.sendCommand(['NIX', SECRET]).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ErrorReply)
    expect(allOf(error)).toContain(SECRET)
    expect(wordFor(error)).toBe('ERR')
    expect(logged(error)).not.toContain(SECRET)
    // A script of somebody else's may answer anything.
    expect(wordFor(new ErrorReply(SECRET))).toBe('ErrorReply')
  } finally {
    client.destroy()
  }
})
