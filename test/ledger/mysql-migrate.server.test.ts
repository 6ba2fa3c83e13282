// How the schema comes into a MySQL database, and who is refused.

import { randomBytes } from 'node:crypto'
import { createConnection } from 'mysql2/promise'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { systemClock, type Clock } from '../../src/host.ts'
import { type Ledger, LedgerUnavailable } from '../../src/ledger/ledger.ts'
import { loadMigrations, SchemaMismatch, statementsOf } from '../../src/ledger/migrations.ts'
import { mysqlLimits } from '../../src/ledger/mysql/limits.ts'
import { migrateMysql, printMysqlMigrations } from '../../src/ledger/mysql/migrate.ts'
import { openMysqlLedger } from '../../src/ledger/mysql.ts'
import { type FreshDatabase, freshDatabase } from '../servers/fresh.ts'
import { rowsOf } from './mysql-database.ts'

const migrations = loadMigrations('mysql')

describe('the migrations of MySQL', () => {
  let database: FreshDatabase
  const cleanup: (() => Promise<unknown>)[] = []

  beforeEach(async () => {
    database = await freshDatabase(inject('mysqlUrl'))
    cleanup.push(() => database.drop())
  })
  afterEach(async () => {
    for (const clean of cleanup.splice(0).reverse()) await clean()
  })

  async function query(sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    const connection = await createConnection(database.url)
    try {
      return await rowsOf(connection, sql, values)
    } finally {
      await connection.end()
    }
  }

  /** Somebody with these rights on the database and no others. */
  async function userWith(rights: string): Promise<string> {
    const user = `user_${randomBytes(6).toString('hex')}`
    const url = new URL(database.url)
    await query(`CREATE USER ${user} IDENTIFIED BY 'word'`)
    cleanup.push(() => query(`DROP USER ${user}`))
    await query(`GRANT ${rights} ON ${url.pathname.slice(1)}.* TO ${user}`)
    url.username = user
    url.password = 'word'
    return url.href
  }

  const applied = () => query('SELECT number, name, oldest_program FROM firstcome_migrations ORDER BY number')

  it('apply what is pending, once', async () => {
    expect(await migrateMysql(database)).toEqual(migrations)
    expect(await migrateMysql(database)).toEqual([])
    const expected = migrations.map(({ number, name, oldestProgram }) => ({
      number,
      name,
      oldest_program: oldestProgram,
    }))
    expect(await applied()).toEqual(expected)
  })

  it('apply it once when four servers start at the same time', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => migrateMysql(database)))
    expect(answers.filter((applied) => applied.length > 0)).toEqual([migrations])
    expect(await applied()).toHaveLength(migrations.length)
  })

  it('go on where another run broke off', async () => {
    for (const statement of statementsOf(migrations[0]!.sql).slice(0, 1)) await query(statement)
    expect(await migrateMysql(database)).toEqual(migrations)
  })

  it('create the database when it is not there', async () => {
    await database.drop()
    expect(await migrateMysql(database)).toEqual(migrations)
  })

  it('printed, are what a DBA can run, more than once, and nothing is pending then', async () => {
    const text = printMysqlMigrations()
    for (const statement of [...statementsOf(text), ...statementsOf(text)]) await query(statement)
    expect(await migrateMysql(database)).toEqual([])
  })

  it('refuse a program that the schema no longer serves, and let a newer schema that serves it be', async () => {
    await migrateMysql(database)
    const insert =
      'INSERT INTO firstcome_migrations (number, name, oldest_program, applied_at) VALUES (?, ?, ?, UTC_TIMESTAMP(3))'
    await query(insert, [migrations.length + 1, 'a_newer_one', 1])
    expect(await migrateMysql(database)).toEqual([])
    await query(insert, [migrations.length + 2, 'one_that_breaks', migrations.length + 2])
    await expect(migrateMysql(database)).rejects.toThrow(SchemaMismatch)
  })

  it('tell a user who may not change tables, in one line, what to run', async () => {
    const url = await userWith('SELECT, INSERT, UPDATE, DELETE')
    const error: unknown = await migrateMysql({ url }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SchemaMismatch)
    expect((error as Error).message).toMatch(/^[^\n]*`firstcome migrate`[^\n]*$/)
  })

  it('tell a user who may not create the database, in one line, what to run', async () => {
    const url = await userWith('SELECT')
    const elsewhere = Object.assign(new URL(url), { pathname: '/not_there' }).href
    const error: unknown = await migrateMysql({ url: elsewhere }).catch((thrown: unknown) => thrown)
    expect((error as Error).message).not.toMatch(/\n|word/)
    expect((error as Error).message).toMatch(/not_there/)
  })

  it('once applied, let a user start who may only read and write rows', async () => {
    await migrateMysql(database)
    const url = await userWith('SELECT, INSERT, UPDATE, DELETE')
    expect(await migrateMysql({ url })).toEqual([])
    const ledger: Ledger = openMysqlLedger({ url })
    cleanup.push(() => ledger.close())
    expect(await ledger.checkSettings()).toEqual(expect.any(Array))
  })

  it('once applied, wait for no statement longer than the path does: on a mute connection a start would hang', async () => {
    await migrateMysql({ url: database.url })
    const waitsMs: number[] = []
    const after: Clock['after'] = (ms, work) => {
      waitsMs.push(ms)
      return systemClock.after(ms, work)
    }
    expect(await migrateMysql({ url: database.url, clock: { ...systemClock, after } })).toEqual([])
    expect(waitsMs.length).toBeGreaterThan(0)
    expect(Math.max(...waitsMs)).toBe(mysqlLimits.statementMsMax)
  })

  it('say when there is no server', async () => {
    const url = Object.assign(new URL(database.url), { port: '1' }).href
    await expect(migrateMysql({ url })).rejects.toBeInstanceOf(LedgerUnavailable)
    await expect(migrateMysql({ url })).rejects.toThrow('127.0.0.1:1/')
  })
})
