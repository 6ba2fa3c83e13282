// What needs no server: the URL of MySQL, its error numbers, the shapes of its statements.

import { describe, expect, it } from 'vitest'
import { judge, serverError } from '../../src/ledger/mysql/errors.ts'
import { recordValue, sqlTime, toReadAnswer } from '../../src/ledger/mysql/rows.ts'
import { readStatement, recordStatement } from '../../src/ledger/mysql/statements.ts'
import { BadMysqlUrl, parseMysqlUrl } from '../../src/ledger/mysql/url.ts'

describe('the URL of MySQL', () => {
  it('is taken apart, percent-decoded', () => {
    expect(parseMysqlUrl('mysql://us%40er:p%3Aw@db.example:3307/first%2Dcome')).toEqual({
      host: 'db.example',
      port: 3307,
      socketPath: null,
      user: 'us@er',
      password: 'p:w',
      database: 'first-come',
      ssl: null,
    })
    expect(parseMysqlUrl('mariadb://root@[::1]/x')).toMatchObject({ host: '::1', port: 3306, password: '' })
    expect(parseMysqlUrl('mysql://root@localhost/x?socketPath=/run/mysqld.sock')).toMatchObject({
      socketPath: '/run/mysqld.sock',
    })
  })

  it.each([
    ['REQUIRED', { rejectUnauthorized: false }],
    ['verify_ca', { rejectUnauthorized: true, verifyIdentity: false }],
    ['VERIFY_IDENTITY', { rejectUnauthorized: true, verifyIdentity: true }],
    ['DISABLED', null],
  ])('ssl-mode=%s', (mode, ssl) => {
    expect(parseMysqlUrl(`mysql://root@h/x?ssl-mode=${mode}`).ssl).toEqual(ssl)
  })

  it.each([
    'nonsense secret-word',
    'http://u:secret-word@h/x',
    'mysql://u:secret-word@h',
    'mysql://u:secret-word@h/',
    'mysql://u:secret-word@h/a/b',
    'mysql://u:secret-word%@h/x',
    'mysql://u:secret-word@h/x?multipleStatements=true',
    'mysql://u:secret-word@h/x?ssl-mode=perhaps',
    'mysql://u:secret-word@h/x?ssl-ca=/not/there.pem',
    `mysql://u:secret-word@h/x?ssl-cert=${import.meta.filename}`,
    `mysql://u:secret-word@h/x?ssl-key=${import.meta.filename}`,
    'mysql://u:secret-word@h:99999/x',
  ])('%s is refused without showing the password', (url) => {
    const error = thrownBy(() => parseMysqlUrl(url))
    expect(error).toBeInstanceOf(BadMysqlUrl)
    expect(`${(error as Error).message} ${String((error as Error).cause)}`).not.toContain('secret-word')
  })
})

describe('an error number of MySQL', () => {
  it.each([
    [1062, '23000', 'duplicate', true, false],
    [1205, 'HY000', 'unavailable', true, false],
    [1213, '40001', 'unavailable', true, false],
    [1180, 'HY000', 'unavailable', false, false],
    [1053, '08S01', 'unavailable', false, true],
    [1290, 'HY000', 'unavailable', true, true],
    [1836, 'HY000', 'unavailable', true, true],
    [1047, '08S01', 'unavailable', true, true],
    [1317, '70100', 'unavailable', false, false],
    [2013, 'HY000', 'unavailable', false, true],
    [1406, '22001', 'invalid', true, false],
    [1048, '23000', 'invalid', true, false],
    [1264, '22003', 'invalid', true, false],
    [1146, '42S02', 'mistake', true, false],
    [1064, '42000', 'mistake', true, false],
  ] as const)('%i: %s %s', (errno, sqlState, kind, rolledBack, connectionLost) => {
    for (const dialect of ['mysql', 'mariadb'] as const) {
      expect(judge(errno, sqlState, dialect)).toEqual({ kind, rolledBack, connectionLost })
    }
  })

  it.each([
    [3819, 'mysql', 'invalid'],
    [4025, 'mariadb', 'invalid'],
    [4025, 'mysql', 'mistake'],
    [3024, 'mysql', 'unavailable'],
    [1969, 'mariadb', 'unavailable'],
    [1927, 'mariadb', 'unavailable'],
    [4031, 'mysql', 'unavailable'],
    [4031, 'mariadb', 'mistake'],
  ] as const)('%i of %s: %s', (errno, dialect, kind) => {
    expect(judge(errno, 'HY000', dialect).kind).toBe(kind)
  })

  it('of the operating system is none of the server', () => {
    expect(serverError(Object.assign(new Error('x'), { errno: -111, code: 'ECONNREFUSED' }))).toBeNull()
  })
})

describe('the statements of MySQL', () => {
  const nothing = { campaignIds: [], requestKeys: [], recipientKeys: [], slots: [] }
  const key = 'ab'.repeat(16)

  it('read asks only what is to be known', () => {
    expect(readStatement(nothing).values).toEqual([])
    const { sql, values } = readStatement({ ...nothing, campaignIds: ['a'], slots: [{ campaignId: 'a', slot: 7 }] })
    expect(values).toEqual(['["a"]', '[["a",7]]'])
    expect(sql.split('UNION ALL')).toHaveLength(3)
    expect(sql).not.toContain('--')
  })

  it('read asks for nothing that would be cut off or converted', () => {
    const ids = ['a'.repeat(65), 'a ', '쿠폰', '']
    const wanted = ids.flatMap((campaignId) => ({ campaignId, key }))
    const query = {
      campaignIds: ids,
      requestKeys: [...wanted, { campaignId: 'a', key: `${key}00` }, { campaignId: 'a', key: key.toUpperCase() }],
      recipientKeys: wanted,
      slots: [
        { campaignId: 'a', slot: 1.5 },
        { campaignId: 'a', slot: 2 ** 31 },
        { campaignId: '쿠폰', slot: 1 },
      ],
    }
    expect(readStatement(query).values).toEqual([])
  })

  it('record skips what is locked in the words of each server', () => {
    expect(recordStatement('mysql')).toMatch(/FOR SHARE OF c SKIP LOCKED$/)
    expect(recordStatement('mariadb')).toMatch(/LOCK IN SHARE MODE SKIP LOCKED$/)
    expect(recordStatement('mariadb')).not.toContain('--')
  })

  it('record sends rows in one order, whatever order they come in', () => {
    const row = {
      campaignCreatedAtMs: 0,
      campaignVersion: 1,
      couponCode: 'X',
      requestKey: key,
      recipient: null,
      issuedAtMs: 0,
    }
    const keys = ['c', 'a', 'b'].map((digit) => digit.repeat(32))
    const rows = ['y', 'x'].flatMap((campaignId) =>
      keys.map((recipientKey, index) => ({ ...row, campaignId, recipientKey, slot: index + 1 })),
    )
    const sent = (JSON.parse(recordValue(rows) ?? '') as unknown[][]).map((columns) => [columns[0], columns[7]])
    expect(sent).toEqual(['x', 'y'].flatMap((id) => [...keys].sort().map((recipientKey) => [id, recipientKey])))
  })

  it('tell no time that DATETIME cannot hold', () => {
    expect(sqlTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe('2026-01-02 03:04:05.006')
    for (const ms of [NaN, Infinity, Date.UTC(10_000, 0), Date.UTC(999, 0)]) expect(sqlTime(ms)).toBeNull()
  })

  it('take a number that came as a string for a fault', () => {
    expect(() => toReadAnswer([{ kind: 0, time_a: '400' }])).toThrow(TypeError)
    expect(() => toReadAnswer([])).toThrow(TypeError)
  })
})

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}
