// firstcome serve: alone, or as one of several processes. Each loads only what it needs: a primary knows no database.

import { setFlagsFromString } from 'node:v8'
import type { Command } from 'commander'
import { readConfig, type Config } from '../config.ts'
import { isWorker } from '../workers/cluster.ts'
import { addSettingFlags, environmentHelp, flagsOf } from './settings-help.ts'

/**
 * What a rush leaves behind is collected when there is as much of it as of what lives. V8 would wait for several times that, and
 * a server takes 100 MB more for the same rate; at a quarter it would take a tenth of the rate.
 */
const GARBAGE_PERCENT_MAX = 100

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
  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT_MAX}`)
  if (isWorker) await (await import('./serve/worker.ts')).serveAsWorker(config)
  else if (config.workers > 1) await (await import('./serve/primary.ts')).serveWithWorkers(config)
  else await (await import('./serve/alone.ts')).serveAlone(config)
}
