// One process that serves by itself.

import type { Config } from '../../config.ts'
import { openLog } from '../../telemetry/log.ts'
import { openService } from '../../wire.ts'
import { endInOrder } from './ladder.ts'
import { listen, prepare } from './listening.ts'
import { greeting, welcome } from './welcome.ts'

export async function serveAlone(config: Config): Promise<void> {
  const log = openLog(config.logLevel)
  const service = await openService(config, log)
  endInOrder(config, service, log)
  const url = await listen(service, config)
  process.stdout.write(greeting(url))
  await prepare(service)
  if (!service.lifecycle.isDraining) process.stdout.write(welcome(config, url, service.isOpen))
}
