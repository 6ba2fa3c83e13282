// The contract of the ledger on MySQL, and what only MySQL can get wrong.

import { inject } from 'vitest'
import { migrateMysql } from '../../src/ledger/mysql/migrate.ts'
import { openMysqlLedger } from '../../src/ledger/mysql.ts'
import { ledgerContract } from '../contract/ledger.ts'
import { freshDatabase } from '../servers/fresh.ts'

ledgerContract('the ledger in MySQL', async () => {
  const database = await freshDatabase(inject('mysqlUrl'))
  await migrateMysql({ url: database.url })
  const ledger = openMysqlLedger({ url: database.url })
  return {
    ledger,
    async close() {
      await ledger.close()
      await database.drop()
    },
  }
})
