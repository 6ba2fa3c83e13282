// The two ends of the wire between a primary process and its workers, on node:cluster. The primary takes connections and deals
// them out in turn: a socket that all listen on would lose none either when one of them ends, but gives the most to whoever is
// the quickest to wake.

import cluster from 'node:cluster'
import type { ToPrimary, ToWorker } from './messages.ts'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A worker, as the primary has it. */
export interface WorkerProcess {
  readonly pid: number
  tell(message: ToWorker): void
  /** SIGKILL. */
  kill(): void
  /** Once. */
  attend(hear: (message: ToPrimary) => void, gone: (exit: Exit) => void): void
}

/** The primary, as a worker has it. */
export interface PrimaryLink {
  tell(message: ToPrimary): Promise<void>
  /** Once. What was said before is heard now. @param lost the primary is gone */
  attend(hear: (message: ToWorker) => void, lost: () => void): void
  /** From then on it keeps no process alive. */
  close(): void
}

/** Is this process one that `forkWorker` made? */
export const { isWorker } = cluster

/** The same program with the same arguments. */
export function forkWorker(): WorkerProcess {
  // Whatever NODE_CLUSTER_SCHED_POLICY says.
  cluster.schedulingPolicy = cluster.SCHED_RR
  const worker = cluster.fork()
  // To one that is dying nothing can be told; that it died is heard below.
  worker.on('error', () => {})
  return {
    pid: worker.process.pid ?? 0,
    tell(message) {
      if (worker.isConnected()) worker.send(message, () => {})
    },
    kill: () => void worker.process.kill('SIGKILL'),
    attend(hear, gone) {
      worker.on('message', hear)
      // Not 'exit': all that it had said was heard before.
      worker.process.once('close', (code, signal) => gone({ code, signal }))
    },
  }
}

export function linkToPrimary(): PrimaryLink {
  const pending: ToWorker[] = []
  let hear: (message: ToWorker) => void = (message) => pending.push(message)
  const onMessage = (message: ToWorker) => hear(message)
  let onLost = () => {}
  process.on('message', onMessage)
  return {
    tell: (message) =>
      new Promise((resolve) => {
        if (process.connected) process.send?.(message, undefined, undefined, () => resolve())
        else resolve()
      }),
    attend(listener, lost) {
      hear = listener
      onLost = lost
      // Or node:cluster ends the process at once, with all that is in flight.
      if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true
      process.once('disconnect', onLost)
      for (const message of pending.splice(0)) listener(message)
    },
    close() {
      process.off('message', onMessage).off('disconnect', onLost)
      if (process.connected) process.disconnect?.()
    },
  }
}
