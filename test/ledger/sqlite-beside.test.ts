// A ledger on a file that another one has: for the short transactions of an operator.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import { loadMigrations } from '../../src/ledger/migrations.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { aCampaign, aCoupon, newKey, SOMEBODY } from '../contract/ledger-samples.ts'

const root = mkdtempSync(join(tmpdir(), 'firstcome-beside-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let made = 0
const newFile = () => join(root, `${++made}.db`)
const openBeside = (path: string) => openSqliteLedger({ path, place: 'beside' })

test('both read what the other wrote, and both write', async () => {
  const path = newFile()
  const owner = await openSqliteLedger({ path })
  const beside = await openBeside(path)
  const { campaign } = await owner.createCampaign(aCampaign((await owner.ping()).nowMs))
  const coupon = aCoupon(campaign, 1, { recipient: 'r', recipientKey: newKey() })
  await owner.record([coupon])
  const count = await beside.lock([], async (locked) => {
    await locked.noteChange({ by: SOMEBODY, action: 'recipient.erased', campaignId: null, before: null, after: {} })
    return locked.eraseRecipient([campaign.id], coupon.recipientKey!)
  })
  expect(count).toBe(1)
  expect(await owner.couponByCode(campaign.id, coupon.couponCode)).toMatchObject({ recipient: null })
  const page = { limit: 1, beforeId: null, campaignId: null, client: null, action: null }
  expect(await owner.listChanges(page)).toMatchObject([{ action: 'recipient.erased' }])
  await beside.close()
  expect(await owner.record([aCoupon(campaign, 2)])).toEqual({ status: 'recorded', count: 1 })
  await owner.close()
})

test('the owner stays the owner', async () => {
  const path = newFile()
  const owner = await openSqliteLedger({ path })
  const beside = await openBeside(path)
  await expect(openSqliteLedger({ path })).rejects.toThrow('is in use by')
  await beside.close()
  await expect(openSqliteLedger({ path, place: 'existing' })).rejects.toThrow('is in use by')
  await owner.close()
  await (await openSqliteLedger({ path, place: 'existing' })).close()
})

test.each(['beside', 'existing'] as const)('%s: a file that is not there is not made', async (place) => {
  const path = newFile()
  await expect(openSqliteLedger({ path, place })).rejects.toThrow(`there is no file ${path}`)
  await expect(openSqliteLedger({ path: root, place })).rejects.toThrow('there is no file')
  expect(readdirSync(root)).not.toContain(`${made}.db`)
})

test('what is not ours, or of an older release, is left as it is', async () => {
  const foreign = newFile()
  const database = new DatabaseSync(foreign)
  database.exec('CREATE TABLE notes (text TEXT)')
  await expect(openBeside(foreign)).rejects.toThrow('belongs to another program')
  const [first] = loadMigrations('sqlite')
  database.exec(`${first!.sql}
    CREATE TABLE firstcome_migrations (number INTEGER, name TEXT, oldest_program INTEGER, applied_at INTEGER);
    INSERT INTO firstcome_migrations VALUES (1, 'x', 1, 0)`)
  await expect(openBeside(foreign)).rejects.toThrow('of an older release: end its server and run `firstcome migrate`')
  database.close()
  const text = newFile()
  writeFileSync(text, 'not a database, however long it may be, and however often it is opened')
  await expect(openBeside(text)).rejects.toThrow('is not an SQLite database')
})
