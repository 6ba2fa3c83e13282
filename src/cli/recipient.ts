// firstcome recipient: what a person may ask of whoever keeps data about them.

import type { Command } from 'commander'
import { eraseRecipient } from '../campaign/erasure.ts'
import { readText } from '../http/texts.ts'
import { asking, isAnybodyThere, isYes, type Ask } from './asking.ts'
import { addOperatorCommand, databaseConfig, operator, patient } from './operator.ts'
import { tellProgress } from './progress.ts'
import { shownCount } from './table.ts'

interface Options extends Record<string, unknown> {
  readonly yes?: true
}

export function addRecipient(program: Command): void {
  const recipient = program.command('recipient').description('Forget a recipient.')
  const command = addOperatorCommand(
    recipient,
    'erase [ID]',
    'Erase a recipient from the coupons of all campaigns. The coupons stay theirs: a hash of the id is kept, so that who asks with it ' +
      'again is told of their coupon and gets no second one. Without ID, or with -, it is read from standard input: there no list of processes shows it.',
    `  firstcome recipient erase
  firstcome recipient erase --yes < id.txt
  MYSQL_URL_FILE=/run/secrets/mysql firstcome recipient erase user-20417 --yes`,
  ).option('--yes', 'do not ask')
  command.action(async (id: string | undefined, options: Options) => {
    if (options.yes !== true && !isAnybodyThere())
      command.error('error: there is nobody here who could be asked: give --yes')
    process.exitCode = await asking((ask) => erase(id, options, ask))
  })
}

/** @returns the exit code */
async function erase(id: string | undefined, options: Options, ask: Ask): Promise<number> {
  const config = databaseConfig(options)
  const given = id === undefined || id === '-' ? await ask(isAnybodyThere() ? 'Recipient: ' : '') : id
  const recipient = readText(given ?? '')
  // Nobody's data in a message.
  if ('wrong' in recipient) throw new Error(`the recipient ${recipient.wrong}`)
  if (options.yes !== true && !isYes(await ask('Erase it from the coupons of all campaigns, for good? [y/N] '))) {
    process.stderr.write('Nothing was erased.\n')
    return 3
  }
  // Loaded only here: it knows every adapter.
  const { openDatabase } = await import('../wire.ts')
  const ledger = await openDatabase(config, { isBeside: true })
  let looked = 0
  let isRetried = false
  const stop = tellProgress(() => `${shownCount(looked)} campaigns`)
  try {
    const count = await eraseRecipient(
      patient(ledger, () => (isRetried = true)),
      recipient.value,
      operator(),
      (campaigns) => (looked = campaigns),
    )
    stop()
    const coupons = count === 1 ? '1 coupon' : `${shownCount(count)} coupons`
    // What was done by a transaction whose answer was lost is in the changes, and not in this count.
    if (isRetried)
      process.stderr.write('The database was away meanwhile: `firstcome changes --action recipient.erased` has all.\n')
    process.stdout.write(count === 0 ? 'No coupon carries this recipient.\n' : `Erased from ${coupons}.\n`)
    return 0
  } finally {
    stop()
    await ledger.close()
  }
}
