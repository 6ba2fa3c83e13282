// A process of its own with an SQLite ledger, for tests that kill it. `node sqlite-child.ts <mode> <path> [campaign]`.
// Each line is written before the next statement begins, so that what was printed had been answered.

import { writeSync } from 'node:fs'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { aCampaign, aCoupon } from '../contract/ledger-samples.ts'

const [mode, path, id = 'killed'] = process.argv.slice(2)
const say = (line: string) => writeSync(1, `${line}\n`)
/** Alive until it is killed, or its parent is gone. */
const hang = () => new Promise<never>(() => process.stdin.resume())
process.stdin.on('end', () => process.exit(1))
// A file that reaches the size limit is then an error of the write, not the end of the process.
process.on('SIGXFSZ', () => {})

try {
  const ledger = await openSqliteLedger({ path: path! })
  const { nowMs } = await ledger.ping()
  say('open')
  if (mode === 'hold') await hang()

  const { campaign } = await ledger.createCampaign(aCampaign(nowMs, { id, totalCoupons: 1_000_000 }))
  if (mode === 'record') {
    for (let slot = 1; ; slot += 1) {
      await ledger.record([aCoupon(campaign, slot)])
      say(String(slot))
    }
  }
  if (mode === 'transaction') {
    await ledger.record([aCoupon(campaign, 1)])
    await ledger.lock([id], async (locked) => {
      await locked.record([aCoupon(campaign, 2)])
      say('written')
      return hang()
    })
  }
  if (mode === 'swallow') {
    await ledger.lock([id], async (locked) => {
      for (let slot = 1; ; slot += 500) {
        const rows = Array.from({ length: 500 }, (_, index) => aCoupon(campaign, slot + index))
        const failed = await locked.record(rows).then(
          () => false,
          () => true,
        )
        if (!failed) continue
        // The transaction is gone. A row that is small enough to be written must not be written without it.
        await locked.record([aCoupon(campaign, 1)]).catch(() => {})
        return
      }
    })
    say('committed')
  }
} catch (error) {
  const { name, message, mayBeWritten } = error as Error & { mayBeWritten?: boolean }
  say(`${name} ${mayBeWritten} ${message}`)
  process.exit(0)
}
