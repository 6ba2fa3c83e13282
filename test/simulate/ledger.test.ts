// The simulated stores pass the contracts of the real ones: the model must not be kinder than MySQL.

import { ledgerContract } from '../contract/ledger.ts'
import { SimDatabase } from './database.ts'
import { SimLedger } from './ledger.ts'
import { directWire } from './wire.ts'

ledgerContract('the simulated ledger', async () => {
  const ledger = new SimLedger(new SimDatabase(() => Date.now()), directWire())
  return { ledger, close: () => ledger.close() }
})
