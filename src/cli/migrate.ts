// firstcome migrate: brings the schema of the database up to date, or prints how.

import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { migrateStore, printMigrations } from '../wire.ts'
import { addSettingFlags, environmentHelp, flagsOf } from './settings-help.ts'

export function addMigrate(program: Command): void {
  const command = program
    .command('migrate')
    .description('Bring the schema of the database up to date. `serve` does it too, where it may.')
    .option('--print', 'print the SQL for MySQL instead, for a DBA to read and run; reaches no database')
    .action(async (options: { print?: boolean } & Record<string, unknown>) => {
      if (options.print === true) {
        process.stdout.write(printMigrations())
        return
      }
      const applied = await migrateStore(readConfig(flagsOf(options)))
      process.stdout.write(applied.length === 0 ? 'The schema is up to date.\n' : `Applied: ${applied.join(', ')}\n`)
    })
  addSettingFlags(command).addHelpText(
    'after',
    `${environmentHelp()}
Examples:
  MYSQL_URL=mysql://ddl:secret@db/firstcome firstcome migrate
  firstcome migrate --print > firstcome.sql`,
  )
}
