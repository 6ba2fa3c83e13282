// The process: the command line, and what becomes of it. Exit codes: 0 good, 1 verdict
// bad, 2 not yet, 3 could not be run.

import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Command, CommanderError } from 'commander'
import { addCompletion } from './cli/completion.ts'
import { traceOf } from './telemetry/errors.ts'
import { version } from './version.ts'

/** In the order of the help. Only the one that was named is loaded: the parts of a server take most of a second. */
const COMMANDS: ReadonlyMap<string, () => Promise<(program: Command) => void>> = new Map([
  ['serve', async () => (await import('./cli/serve.ts')).addServe],
  ['migrate', async () => (await import('./cli/migrate.ts')).addMigrate],
  ['key', async () => (await import('./cli/key.ts')).addKey],
  ['campaign', async () => (await import('./cli/campaign.ts')).addCampaign],
  ['issue', async () => (await import('./cli/issue.ts')).addIssue],
  ['coupons', async () => (await import('./cli/coupons.ts')).addCoupons],
  ['changes', async () => (await import('./cli/changes.ts')).addChanges],
  ['audit', async () => (await import('./cli/audit.ts')).addAudit],
  ['recipient', async () => (await import('./cli/recipient.ts')).addRecipient],
  ['check', async () => (await import('./cli/check.ts')).addCheck],
  ['load', async () => (await import('./cli/load.ts')).addLoad],
  ['demo', async () => (await import('./cli/demo.ts')).addDemo],
])

// Half of the start is compiling what was compiled before. Beside the code, which nobody else can write; without it, too, it goes.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/firstcome', import.meta.url)))

const program = new Command('firstcome')
  .description('First-come-first-served coupons: exactly as many as there are, and every answer is a durable row.')
  .version(version)
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride()

const named = COMMANDS.get(process.argv[2] ?? '')
for (const load of named === undefined ? COMMANDS.values() : [named]) (await load())(program)
addCompletion(program)

// Nobody reads any more, as in `firstcome … | head`: whether to go on then is for the command to say. A full disk is a failure.
let isTold = false
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE' || isTold) return
  isTold = true
  process.once('exit', () => {
    process.stderr.write(`firstcome: cannot write to standard output: ${code}\n`)
    process.exitCode = 3
  })
})
process.stderr.on('error', () => {})

// Of what nobody caught Node would print the text, and all that a driver has hung on it. `serve` has its own way to end.
process.on('uncaughtException', (error) => {
  if (process.listenerCount('uncaughtException') > 1) return
  process.stderr.write(`firstcome: a mistake of ours: ${JSON.stringify(traceOf(error))}\n`)
  process.exit(3)
})

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
