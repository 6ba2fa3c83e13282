// Ctrl-C, a polite kill, or nobody who reads any more: for commands that have something to clean up.

import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

export interface Interruption {
  readonly signal: AbortSignal
  /** From then on the signals end the process again. */
  release(): void
}

/** The first one asks to end in order; the second ends the process at once: it could not be run. */
export function listenForInterruption(): Interruption {
  const controller = new AbortController()
  // A crowd sleeps on it.
  setMaxListeners(0, controller.signal)
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(3)
    controller.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  process.stdout.on('error', () => controller.abort())
  return {
    signal: controller.signal,
    release: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal),
  }
}

/** An interruption ends it early. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {})
}
