// SQLite passes the contract of the ledger, in a file and in memory. What only SQLite promises: sqlite.long.test.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
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
