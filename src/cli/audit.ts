// firstcome audit: is a campaign as promised, and were callers told what its rows say? Over HTTP, or straight at the database.

import { InvalidArgumentError, Option, type Command } from 'commander'
import { auditCampaign, GRACE_MS_DEFAULT, type AuditProgress } from '../audit/audit.ts'
import { httpAuditSource } from '../audit/http.ts'
import type { AuditReport } from '../audit/report.ts'
import type { AuditSource } from '../audit/source.ts'
import { CLIENT_SETTINGS, readClientConfig, readConfig } from '../config.ts'
import { openHistory } from '../load/history.ts'
import { auditText, progressText } from './audit/shown.ts'
import { durationMs, print } from './caller.ts'
import { tellProgress } from './progress.ts'
import { addSettingFlags, environmentHelp } from './settings-help.ts'

interface Options {
  readonly url?: string
  readonly history?: readonly string[]
  readonly db?: true
  readonly grace: number
  readonly json?: true
}

const EXIT_CODES = { exact: 0, violated: 1, healing: 2 } as const

export function addAudit(program: Command): void {
  const command = program
    .command('audit <ID>')
    .description('Prove that a campaign is as promised: every row of it, and what callers were told.')
    .option(
      '--history <FILE...>',
      'what callers were told, as `firstcome load` writes it; several: of several machines',
    )
    .addOption(new Option('--db', 'read the database of MYSQL_URL or SQLITE_PATH, not a server').conflicts('url'))
    .addOption(
      new Option('--grace <TIME>', 'so long a slot that was passed over may be on its way to somebody')
        .argParser(duration)
        .default(GRACE_MS_DEFAULT, `${GRACE_MS_DEFAULT / 1_000}s`),
    )
  addSettingFlags(command, CLIENT_SETTINGS)
    .option('--json', 'print the report in JSON')
    .addHelpText(
      'after',
      `${environmentHelp(CLIENT_SETTINGS)}
Exit codes: 0 exact, 1 violated, 2 healing, 3 could not be run.

Examples:
  firstcome audit spring
  firstcome audit spring --history seoul.jsonl busan.jsonl
  MYSQL_URL=mysql://reader:secret@db/firstcome firstcome audit spring --db --json`,
    )
    .action(audit)
}

async function audit(id: string, options: Options): Promise<void> {
  const source = options.db === true ? await databaseSource() : httpAuditSource(readClientConfig({ url: options.url }))
  const histories = await Promise.all((options.history ?? []).map(openHistory))
  const stranger = histories.findIndex(({ campaign_id }) => campaign_id !== id)
  if (stranger >= 0) throw new Error(`${options.history?.[stranger]} is the history of another campaign`)
  const report = await tellingProgress((onProgress) =>
    auditCampaign(source, id, {
      graceMs: options.grace,
      onProgress,
      ...(histories.length > 0 && { histories }),
    }),
  )
  if (report === null)
    throw new Error(`there is no campaign ${id}: \`firstcome campaign list --test all\` shows those that there are`)
  print(options.json === true ? JSON.stringify(report) : auditText(report))
  process.exitCode = EXIT_CODES[report.verdict]
}

async function tellingProgress(
  work: (onProgress: (progress: AuditProgress) => void) => Promise<AuditReport | null>,
): Promise<AuditReport | null> {
  let progress: AuditProgress = { step: 'rows', done: 0, expected: null }
  const stop = tellProgress(() => progressText(progress))
  try {
    return await work((now) => (progress = now))
  } finally {
    stop()
  }
}

/** Loaded only here: it knows every adapter. */
async function databaseSource(): Promise<AuditSource> {
  const source = (await import('../wire.ts')).openAuditSource(readConfig())
  if (source === null) throw new Error('SQLITE_PATH: a database in memory can be read by its own process only')
  return source
}

function duration(text: string): number {
  const ms = durationMs(text)
  if (Number.isNaN(ms)) throw new InvalidArgumentError('A time such as 500ms, 30s or 2m, please.')
  return ms
}
