// The users of deploy/mysql/grants.sql: what they may not do, and that each can do its work. That the server's may do all it
// needs is shown by the suites of the ledger, the path, the rush and the audit, which run as that user.

import { type Connection, createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { mysqlAuditSource } from '../../src/audit/mysql.ts'
import { loadMigrations } from '../../src/ledger/migrations.ts'
import { migrateMysql } from '../../src/ledger/mysql/migrate.ts'
import { openMysqlLedger } from '../../src/ledger/mysql.ts'
import { aCampaign, aCoupon } from '../contract/ledger-samples.ts'
import { freshDatabase, type FreshDatabase } from '../servers/fresh.ts'
import { grant, type Granted, type GrantedUser, grantStatements, USERS } from '../servers/granted.ts'

let database: FreshDatabase
let granted: Granted
const connections = new Map<GrantedUser, Connection>()

beforeAll(async () => {
  database = await freshDatabase(inject('mysqlUrl'))
  await migrateMysql({ url: database.url })
  granted = await grant(database.url)
  for (const user of USERS) connections.set(user, await createConnection(granted.urlOf(user)))
})
afterAll(async () => {
  for (const connection of connections.values()) connection.destroy()
  await granted?.drop()
  await database?.drop()
})

const as = (user: GrantedUser) => connections.get(user) as Connection

/** Refused: this table, this column, this database, at all. */
const DENIED = [1142, 1143, 1044, 1227, 1410, 1370]

test.each<[GrantedUser, sql: string]>([
  ['firstcome_server', "UPDATE coupons SET coupon_code = 'X'"],
  ['firstcome_server', 'UPDATE coupons SET recipient = NULL'],
  ['firstcome_server', "UPDATE campaigns SET id = 'x'"],
  ['firstcome_server', 'UPDATE campaigns SET created_at = NOW()'],
  ['firstcome_server', 'UPDATE campaigns SET test = 1'],
  ['firstcome_server', 'DELETE FROM firstcome_migrations'],
  ['firstcome_server', 'TRUNCATE TABLE coupons'],
  ['firstcome_server', 'DROP TABLE coupons'],
  ['firstcome_server', 'ALTER TABLE coupons ADD COLUMN x INT'],
  ['firstcome_server', 'CREATE TABLE x (id INT)'],
  ['firstcome_server', 'LOCK TABLES coupons WRITE'],
  ['firstcome_server', 'SELECT * FROM mysql.user'],
  ['firstcome_server', "SELECT '1' INTO OUTFILE '/tmp/firstcome-never'"],
  ['firstcome_operator', "INSERT INTO coupons (campaign_id) VALUES ('x')"],
  ['firstcome_operator', "UPDATE coupons SET coupon_code = 'X'"],
  ['firstcome_operator', "UPDATE campaigns SET name = 'X'"],
  ['firstcome_operator', 'ALTER TABLE coupons ADD COLUMN x INT'],
  ['firstcome_migrator', 'DROP TABLE coupons'],
  ['firstcome_migrator', 'DELETE FROM coupons'],
  ['firstcome_migrator', 'SELECT * FROM mysql.user'],
])('%s may not: %s', async (user, sql) => {
  const { errno } = await as(user)
    .query(sql)
    .then(
      () => ({ errno: 0 }),
      (error: unknown) => error as { errno: number },
    )
  expect(DENIED).toContain(errno)
})

test('the file as it stands gives nobody a right: its passwords are none', async () => {
  const owner = await createConnection(database.url)
  await expect(owner.query(grantStatements()[0] as string)).rejects.toMatchObject({ errno: 1064 })
  // It is the first statement that fails, and `mysql < grants.sql` ends with that.
  expect(grantStatements().filter((statement) => statement.includes('<'))).toEqual(grantStatements().slice(0, 3))
  await owner.end()
})

describe('each can do its work:', () => {
  test('the server starts on a schema that fits, and says who can mend one that does not', async () => {
    const url = granted.urlOf('firstcome_server')
    expect(await migrateMysql({ url })).toEqual([])
    const migrations = [...loadMigrations('mysql'), newer]
    await expect(migrateMysql({ url, migrations })).rejects.toThrow(/run `firstcome migrate` as one who may/)
  })

  test('the migrator applies what is pending', async () => {
    const migrations = [...loadMigrations('mysql'), newer]
    const applied = await migrateMysql({ url: granted.urlOf('firstcome_migrator'), migrations })
    expect(applied.map(({ name }) => name)).toEqual([newer.name])
    const owner = await createConnection(database.url)
    await owner.query('ALTER TABLE campaigns DROP COLUMN extra')
    await owner.query('DELETE FROM firstcome_migrations WHERE number = ?', [newer.number])
    await owner.end()
  })

  test('the operator audits, empties a recipient and deletes a campaign', async () => {
    const ledger = openMysqlLedger({ url: granted.urlOf('firstcome_server') })
    const { nowMs } = await ledger.ping()
    const { campaign } = await ledger.createCampaign(aCampaign(nowMs))
    await ledger.record([aCoupon(campaign, 1)])
    await ledger.close()
    const source = mysqlAuditSource({ url: granted.urlOf('firstcome_operator') })
    expect(await source.snapshot(campaign.id, async (snapshot) => snapshot.missingKeys)).toEqual([])
    const operator = as('firstcome_operator')
    await operator.query('SELECT * FROM campaigns WHERE id = ? FOR UPDATE', [campaign.id])
    await operator.query('UPDATE coupons SET recipient = NULL WHERE campaign_id = ?', [campaign.id])
    await operator.query('DELETE FROM coupons WHERE campaign_id = ?', [campaign.id])
    await operator.query('DELETE FROM campaigns WHERE id = ?', [campaign.id])
  })
})

const newer = {
  number: 999,
  name: '0999_newer',
  oldestProgram: 1,
  sql: 'ALTER TABLE campaigns ADD COLUMN extra INT NULL;\nCREATE INDEX extra ON campaigns (extra);\n',
}
