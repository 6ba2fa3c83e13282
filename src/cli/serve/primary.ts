// The process that takes connections and deals them out to workers, and sees to it that there are always as many as there
// should be. It opens no store.

import closeWithGrace from 'close-with-grace'
import type { Config } from '../../config.ts'
import { systemClock } from '../../host.ts'
import { traceOf } from '../../telemetry/errors.ts'
import { processMetrics, processValues } from '../../telemetry/exposition.ts'
import { openLog } from '../../telemetry/log.ts'
import { Meters } from '../../telemetry/meters.ts'
import { forkWorker } from '../../workers/cluster.ts'
import { Crew, WorkerUnusable } from '../../workers/crew.ts'
import { END_SPARE_MS } from '../../workers/limits.ts'
import { greeting, welcome } from './welcome.ts'

export async function serveWithWorkers(config: Config): Promise<void> {
  const log = openLog(config.logLevel, { pid: process.pid })
  const meters = new Meters()
  let url = ''
  const crew = new Crew({
    count: config.workers,
    fork: forkWorker,
    clock: systemClock,
    log,
    numbers: async () => ({ service: await meters.read(), process: await processValues(processMetrics()) }),
    onStart: (reason) => meters.count('firstcome_worker_starts_total', { reason }).add(),
    onListening: (at) => {
      url = at
      process.stdout.write(greeting(url))
    },
  })
  const killAll = (why: string, error?: unknown) => {
    log.error(error === undefined ? {} : { error: traceOf(error) }, why)
    crew.kill()
  }
  closeWithGrace(
    {
      delay: config.drainMs + config.closeMs + END_SPARE_MS,
      logger: log,
      skip: ['beforeExit', 'SIGHUP'],
      onSecondSignal: (signal) => killAll(`second ${signal}: ending at once`),
      onSecondError: (error) => killAll('a mistake of ours while ending', error),
      onTimeout: () => killAll('some workers have not ended in time'),
    },
    async ({ signal, err }) => {
      if (err !== undefined) log.fatal({ error: traceOf(err) }, 'a mistake of ours: ending')
      else log.info({ signal }, 'ending')
      if (!(await crew.end({ drains: signal === 'SIGTERM' }))) process.exit(1)
    },
  )
  process.on('SIGHUP', () => void crew.replaceAll())
  try {
    const { isOpen } = await crew.start()
    process.stdout.write(welcome(config, url, isOpen))
  } catch (error) {
    if (!(error instanceof WorkerUnusable)) throw error
    // It has written its line.
    process.exitCode = 3
    await crew.end({ drains: false })
  }
}
