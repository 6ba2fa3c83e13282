// firstcome campaign purge

import type { Command } from 'commander'
import type { AuditSource } from '../../audit/source.ts'
import { beginPurge, purge, type PurgeAnswer, type PurgeStart } from '../../campaign/purge.ts'
import type { Ledger } from '../../ledger/ledger.ts'
import { asking, isAnybodyThere } from '../asking.ts'
import { auditText, progressText } from '../audit/shown.ts'
import { print } from '../caller.ts'
import { addOperatorCommand, databaseConfig, operator, patient } from '../operator.ts'
import { tellProgress } from '../progress.ts'
import { facts, printable, shownCount } from '../table.ts'

interface Options extends Record<string, unknown> {
  readonly yes?: true
  readonly evenIfViolated?: true
}

type Ready = Extract<PurgeStart, { code: 'ready' }>

export function addPurge(campaign: Command): void {
  const command = addOperatorCommand(
    campaign,
    'purge <ID>',
    'Delete a campaign that has ended, with all its coupons, for good. An audit counts them first: their number and a checksum stay among the ' +
      'changes. Broken off, the same command goes on with it.',
    `  firstcome campaign purge spring
  MYSQL_URL_FILE=/run/secrets/mysql firstcome campaign purge spring --yes`,
  )
    .option('--yes', 'do not ask')
    .option('--even-if-violated', 'also when the audit finds that something is not as promised')
  command.action(async (id: string, options: Options) => {
    if (options.yes !== true && !isAnybodyThere())
      command.error('error: there is nobody here who could be asked: give --yes')
    const config = databaseConfig(options)
    // Loaded only here: it knows every adapter.
    const { openAuditSource, openDatabase } = await import('../../wire.ts')
    const source = openAuditSource(config)
    const ledger = await openDatabase(config, { isBeside: false })
    try {
      process.exitCode = await run(ledger, source as AuditSource, id, options)
    } finally {
      await ledger.close()
    }
  })
}

/** @returns the exit code */
async function run(ledger: Ledger, source: AuditSource, id: string, options: Options): Promise<number> {
  const start = await beginPurge(patient(ledger), id)
  if (start.code !== 'ready') return refuse(id, start)
  if (options.yes !== true && !(await asking(async (ask) => (await ask(questionAbout(start)))?.trim() === id))) {
    process.stderr.write('Nothing was deleted.\n')
    return 3
  }
  let line = 'looking at its rows'
  const stop = tellProgress(() => line)
  let answer: PurgeAnswer
  try {
    answer = await purge(patient(ledger), source, start, {
      by: operator(),
      isViolatedToo: options.evenIfViolated === true,
      onAudit: (progress) => void (line = progressText(progress)),
      onBite: (slot) => void (line = `deleted up to slot ${shownCount(slot)} of ${shownCount(start.highestSlot)}`),
    })
  } finally {
    stop()
  }
  return tell(id, answer)
}

function refuse(id: string, start: Exclude<PurgeStart, Ready>): number {
  const why = {
    campaign_not_found: `there is no campaign ${id}`,
    being_deleted: `${id} is being deleted: \`firstcome campaign delete ${id}\` goes on with it`,
    not_ended: `${id} has not ended${start.code === 'not_ended' ? `, it is ${start.status}` : ''}: \`firstcome campaign end ${id}\` ends it`,
  }[start.code]
  process.stderr.write(`firstcome: ${why}\n`)
  return start.code === 'not_ended' ? 2 : 1
}

function questionAbout({ campaign: { id, name }, highestSlot, begun }: Ready): string {
  const coupons = begun === null ? `with coupons up to slot ${shownCount(highestSlot)}` : 'whose purge was begun before'
  return `Purge ${id} (${printable(name)}), ${coupons}? Nothing brings it back. Type its id: `
}

function tell(id: string, answer: PurgeAnswer): number {
  switch (answer.code) {
    case 'purged':
      print(`Purged ${id}.\n${facts(Object.entries(answer.noted).map(([name, value]) => [name, String(value)]))}`)
      return 0
    case 'violated':
      process.stderr.write(`${auditText(answer.report)}\n`)
      process.stderr.write(
        `firstcome: ${id} is not as promised: nothing was deleted. See what is wrong first, or give --even-if-violated\n`,
      )
      return 1
    case 'campaign_changed':
      process.stderr.write(`firstcome: ${id} was changed meanwhile: look at it, and give the same command again\n`)
      return 1
  }
}
