// firstcome serve: alone, or as one of several processes. Each loads only what it needs: a primary knows no database.

import type { Command } from 'commander'
import { readConfig, type Config } from '../config.ts'
import { isWorker } from '../workers/cluster.ts'
import { addSettingFlags, environmentHelp, flagsOf } from './settings-help.ts'

export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .description('Serve the API. Without MYSQL_URL: on the embedded SQLite, with nothing to install.')
    .action(async (options: Record<string, unknown>) => serve(readConfig(flagsOf(options))))
  addSettingFlags(command).addHelpText(
    'after',
    `${environmentHelp()}
Examples:
  firstcome serve
  firstcome serve --port 9000 --sqlite-path /var/lib/firstcome/coupons.db
  MYSQL_URL=mysql://app:secret@db/firstcome REDIS_URL=redis://cache firstcome serve --host 0.0.0.0 --workers auto`,
  )
}

async function serve(config: Config): Promise<void> {
  if (isWorker) await (await import('./serve/worker.ts')).serveAsWorker(config)
  else if (config.workers > 1) await (await import('./serve/primary.ts')).serveWithWorkers(config)
  else await (await import('./serve/alone.ts')).serveAlone(config)
}
