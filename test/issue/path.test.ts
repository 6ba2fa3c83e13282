// The whole path on the embedded ledger: alone, as the default runs it, and with a counter beside it.

import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { openMemoryCounter } from '../counter/memory-counter.ts'
import { pathSuite } from './path-suite.ts'

pathSuite(
  'embedded, the ledger way alone',
  async () => {
    const ledger = await openSqliteLedger({ path: ':memory:' })
    return { servers: [{ ledger, counter: null }], close: () => ledger.close() }
  },
  50,
)

pathSuite(
  'embedded with a counter, three paths',
  async () => {
    const ledger = await openSqliteLedger({ path: ':memory:' })
    const counter = openMemoryCounter()
    return { servers: Array.from({ length: 3 }, () => ({ ledger, counter })), close: () => ledger.close() }
  },
  50,
)
