// The ladder down, for one process that serves: not ready any more → still serving while proxies notice (not at a terminal,
// where nobody waits) → no new connections, what is in flight is finished → stores closed → exit 0.

import { setTimeout as pause } from 'node:timers/promises'
import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'
import type { Config } from '../../config.ts'
import { traceOf } from '../../telemetry/errors.ts'
import type { Service } from '../../wire.ts'

/** For statements under way and the good-byes of connections, after all callers were answered. */
const LEFT_OVER_MS_MAX = 1_000

export interface LadderOptions {
  /** Left to somebody else. */
  readonly leaves?: readonly ('SIGINT' | 'SIGTERM' | 'SIGHUP')[]
  /** When replies ask their callers to go, before it waits for them to do so. */
  readonly beforeDraining?: () => Promise<void>
  /** Before the process ends. */
  readonly lastly?: () => Promise<void>
}

/**
 * A second signal ends the process at once.
 * @returns begins it without a signal; when it has begun, without `drains` it goes on to its next step
 */
export function endInOrder(
  config: Config,
  service: Service,
  log: Logger,
  { leaves = [], beforeDraining = async () => {}, lastly = async () => {} }: LadderOptions = {},
): (order: { readonly why: string; readonly drains: boolean }) => void {
  const impatience = new AbortController()
  let asked: { readonly why: string; readonly drains: boolean } | null = null
  const { lifecycle } = service
  // Not on 'beforeExit': a start that failed ends by itself, with its own exit code.
  const grace = closeWithGrace(
    { delay: config.drainMs + config.closeMs, logger: log, skip: ['beforeExit', ...leaves] },
    async ({ signal, err }) => {
      if (err !== undefined) log.fatal({ error: traceOf(err) }, 'a mistake of ours: ending')
      else log.info(asked === null ? { signal } : { why: asked.why }, 'ending')
      lifecycle.isDraining = true
      await beforeDraining()
      const drains = asked === null ? signal === 'SIGTERM' : asked.drains
      if (drains) await pause(config.drainMs, undefined, { signal: impatience.signal }).catch(() => {})
      await service.app.close()
      // Every caller has an answer. What a dead database still owes to statements nobody waits for is not waited for.
      await Promise.race([service.close(), pause(LEFT_OVER_MS_MAX)])
      await lastly()
    },
  )
  return (order) => {
    if (!order.drains) impatience.abort()
    if (asked !== null || lifecycle.isDraining) return
    asked = order
    grace.close()
  }
}
