// What happens to the database.

import { setTimeout as pause } from 'node:timers/promises'
import { ISSUE_LIMITS } from '../../src/issue/limits.ts'
import type { Fault } from './fault.ts'
import { networkFaults } from './network-faults.ts'
import type { Stage } from './stage.ts'

const REQUEST_MS_MAX = ISSUE_LIMITS.requestMsMax.value

/** @param campaignIds of those that are in a rush */
export function mysqlFaults(stage: Stage, campaignIds: () => readonly string[]): Fault[] {
  const { mysql } = stage
  const killed = (name: string, awayMs: { readonly min: number; readonly max: number }): Fault => ({
    name: `database: ${name}`,
    async strike(dice) {
      await mysql.kill()
      await pause(dice.whole(awayMs.min, awayMs.max))
      await mysql.restart()
      return 1
    },
  })
  return [
    ...networkFaults('database', stage.mysqlProxy),
    killed('killed', { min: 0, max: 2_000 }),
    // Those who wait are told so meanwhile, by their deadlines.
    killed('killed, away for longer than anybody waits', { min: REQUEST_MS_MAX, max: REQUEST_MS_MAX + 2_000 }),
    {
      name: 'database: stopped for a while',
      async strike(dice) {
        mysql.pause()
        await pause(dice.whole(200, 4_000))
        mysql.resume()
        return 1
      },
    },
    {
      name: 'database: campaign locked by somebody else',
      strike: (dice) =>
        stage.inDatabase(async (connection) => {
          const id = dice.pick(campaignIds())
          await connection.beginTransaction()
          // May have to wait for whoever has it, longer than the servers let each other wait.
          await connection.query('SELECT id FROM campaigns WHERE id = ? FOR UPDATE', [id])
          await pause(dice.whole(1_000, 4_000))
          await connection.rollback()
          return 1
        }),
    },
  ]
}
