// firstcome serve: from the settings to a listening server, and from a signal to an orderly end.

import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { setTimeout as pause } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { readConfig, type Config } from '../config.ts'
import { traceOf } from '../telemetry/errors.ts'
import { openLog } from '../telemetry/log.ts'
import { version } from '../version.ts'
import { openService, type Service } from '../wire.ts'
import { addSettingFlags, environmentHelp, flagsOf } from './settings-help.ts'

/**
 * What a rush leaves behind is collected when there is as much of it as of what lives. V8 would wait for several times that, and
 * a server takes 100 MB more for the same rate; at a quarter it would take a tenth of the rate.
 */
const GARBAGE_PERCENT_MAX = 100

/** For statements under way and the good-byes of connections, after all callers were answered. */
const LEFT_OVER_MS_MAX = 1_000

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
  MYSQL_URL=mysql://app:secret@db/firstcome REDIS_URL=redis://cache firstcome serve --host 0.0.0.0`,
  )
}

async function serve(config: Config): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT_MAX}`)
  const log = openLog(config.logLevel)
  const service = await openService(config, log)
  endOnSignal(config, service, log)
  try {
    await service.app.listen({ host: config.host, port: config.port })
  } catch (error) {
    await service.close()
    throw listenError(error, config)
  }
  const { address, family, port } = service.app.server.address() as AddressInfo
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  process.stdout.write(`Firstcome ${version} listens on ${url}\n`)
  try {
    await service.prepare()
  } catch (error) {
    await service.app.close()
    await service.close()
    throw error
  }
  if (!service.lifecycle.isDraining) process.stdout.write(welcome(config, url, service.isOpen))
}

/** What somebody who has just started it wants to know, and something to paste. */
function welcome({ store }: Config, url: string, isOpen: boolean): string {
  const data =
    store.kind === 'embedded'
      ? `${store.path} (embedded SQLite; for more than one server set MYSQL_URL and REDIS_URL)`
      : `MySQL ${store.redis === null ? 'alone (with REDIS_URL it is faster)' : 'and Redis'}`
  const campaign = `{"id":"hello","name":"Hello","start_time":"now","total_coupons":100}`
  const keys = isOpen
    ? 'none: whoever is on this machine may do everything, until `firstcome key create` makes one'
    : 'needed: FIRSTCOME_API_KEY holds yours, `firstcome key create` makes one'
  const key = isOpen ? '' : ` -H "authorization: Bearer $FIRSTCOME_API_KEY"`
  return `Ready.
  data   ${data}
  keys   ${keys}
  docs   ${url}/docs
  try    curl -s ${url}/v1/campaigns${key} -H 'content-type: application/json' -d '${campaign}'
         curl -s -X POST ${url}/v1/campaigns/hello/coupons${key}
Ctrl-C ends it.
`
}

/**
 * The ladder down: not ready any more → still serving while proxies notice (SIGTERM only: at a terminal nobody waits) →
 * no new connections, what is in flight is finished → stores closed → exit 0. A second signal ends it at once.
 */
function endOnSignal(config: Config, service: Service, log: Logger): void {
  // Not on 'beforeExit': a start that failed ends by itself, with its own exit code.
  closeWithGrace(
    { delay: config.drainMs + config.closeMs, logger: log, skip: ['beforeExit'] },
    async ({ signal, err }) => {
      if (err !== undefined) log.fatal({ error: traceOf(err) }, 'a mistake of ours: ending')
      else log.info({ signal }, 'ending')
      service.lifecycle.isDraining = true
      if (signal === 'SIGTERM') await pause(config.drainMs)
      await service.app.close()
      // Every caller has an answer. What a dead database still owes to statements nobody waits for is not waited for.
      await Promise.race([service.close(), pause(LEFT_OVER_MS_MAX)])
    },
  )
}

function listenError(error: unknown, { host, port }: Config): Error {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE')
    return new Error(`port ${port} is in use on ${host}: end what uses it, or set PORT (0: any free one)`)
  if (code === 'EACCES') return new Error(`port ${port} may not be used by this user: set PORT to 1024 or more`)
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new Error(`${host} is not an address of this machine: set HOST`)
  return error instanceof Error ? error : new Error(String(error))
}
