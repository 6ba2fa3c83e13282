// SQLite passes the contracts of ledger and keys, in a file and in memory. What only SQLite promises: sqlite.long.test.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { openSqliteKeyStore } from '../../src/ledger/sqlite/keys.ts'
import { aKey, keyStoreContract } from '../contract/key-store.ts'
import { ledgerContract } from '../contract/ledger.ts'
import { SOMEBODY } from '../contract/ledger-samples.ts'

const root = mkdtempSync(join(tmpdir(), 'firstcome-sqlite-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let made = 0

function newFile(): string {
  made += 1
  return join(root, String(made), 'firstcome.db')
}

ledgerContract('SQLite in a file', async () => {
  const ledger = await openSqliteLedger({ path: newFile() })
  return { ledger, close: () => ledger.close() }
})

ledgerContract('SQLite in memory', async () => {
  const ledger = await openSqliteLedger({ path: ':memory:' })
  return { ledger, close: () => ledger.close() }
})

async function keysIn(path: string) {
  const ledger = await openSqliteLedger({ path })
  return { ledger, keyStore: ledger.keyStore, close: () => ledger.close() }
}

keyStoreContract('keys in an SQLite file', async () => keysIn(newFile()))

keyStoreContract('keys in SQLite in memory', async () => keysIn(':memory:'))

keyStoreContract('keys in an SQLite file, beside its owner', async () => {
  const path = newFile()
  const owner = await openSqliteLedger({ path })
  const keyStore = await openSqliteKeyStore({ path })
  return {
    keyStore,
    ledger: owner,
    async close() {
      await keyStore.close()
      await owner.close()
    },
  }
})

test('keys that are made beside the owner are the owner’s, and a file that is not there is made', async () => {
  const path = newFile()
  const beside = await openSqliteKeyStore({ path })
  const owner = await openSqliteLedger({ path })
  const key = await beside.createKey(aKey(), SOMEBODY)
  expect((await owner.keyStore.keys()).keys).toEqual([key])
  await owner.keyStore.revokeKey(key?.id ?? '', SOMEBODY)
  expect((await beside.keys()).keys[0]?.revokedAtMs).not.toBeNull()
  await beside.close()
  await beside.close()
  await owner.close()
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
