// SQLite passes the contract of the ledger, in a file and in memory. What only SQLite promises: sqlite.long.test.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { ledgerContract } from '../contract/ledger.ts'

const root = mkdtempSync(join(tmpdir(), 'firstcome-sqlite-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let made = 0

ledgerContract('SQLite in a file', async () => {
  made += 1
  const ledger = await openSqliteLedger({ path: join(root, String(made), 'firstcome.db') })
  return { ledger, close: () => ledger.close() }
})

ledgerContract('SQLite in memory', async () => {
  const ledger = await openSqliteLedger({ path: ':memory:' })
  return { ledger, close: () => ledger.close() }
})

test('it has one connection that writes, and tells who waits for it', async () => {
  const ledger = await openSqliteLedger({ path: ':memory:' })
  const writer = { pool: 'writer', max: 1, busy: 0, idle: 1, opening: 0, waiting: 0, lost: 0 }
  expect(ledger.connections()).toEqual([writer])
  const gate = Promise.withResolvers<void>()
  const calls = [ledger.lock([], () => gate.promise), ledger.lock([], async () => {}), ledger.record([])]
  expect(ledger.connections()).toEqual([{ ...writer, busy: 1, idle: 0, waiting: 2 }])
  gate.resolve()
  await Promise.all(calls)
  expect(ledger.connections()).toEqual([writer])
  await ledger.close()
})
