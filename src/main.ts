// The process: the command line, and what becomes of it. Exit codes: 0 good, 1 verdict
// bad, 2 not yet, 3 could not be run.

import { Command, CommanderError } from 'commander'
import { addCheck } from './cli/check.ts'
import { addDemo } from './cli/demo.ts'
import { addMigrate } from './cli/migrate.ts'
import { addServe } from './cli/serve.ts'
import { version } from './version.ts'

const program = new Command('firstcome')
  .description('First-come-first-served coupons: exactly as many as there are, and every answer is a durable row.')
  .version(version)
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride()

addServe(program)
addMigrate(program)
addCheck(program)
addDemo(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Its message was printed already. Help that was asked for is no failure.
    process.exitCode = error.exitCode === 0 || error.code === 'commander.help' ? 0 : 3
  } else {
    // What a person can act on is one line; a stack says only where in our code it came out.
    process.stderr.write(`firstcome: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 3
  }
}
