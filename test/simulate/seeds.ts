// Many seeds, on several threads: each takes every n-th. This file is what a thread runs, too.

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Sometimes } from './sometimes.ts'
import { World } from './world.ts'

export interface Seeds {
  readonly from: number
  readonly count: number
  readonly workers: number
}

export interface Broken {
  readonly seed: number
  readonly mix: string
  readonly message: string
}

export interface Report {
  readonly done: number
  /** The lowest seed of those that were run and broke a promise. */
  readonly broken: Broken | null
  readonly counts: ReadonlyMap<string, number>
}

/** Of a thread: so many more are done. */
interface Message {
  readonly done: number
  readonly broken: Broken | null
  readonly counts: readonly (readonly [string, number])[]
}

const MESSAGE_SEEDS = 50

/** All of them, or until one breaks a promise. */
export async function runSeeds(seeds: Seeds, onProgress: (done: number) => void = () => {}): Promise<Report> {
  const saw = new Sometimes()
  let done = 0
  let broken: Broken | null = null
  const threads = Array.from({ length: Math.min(seeds.workers, seeds.count) }, (_, index) => {
    return new Worker(new URL(import.meta.url), { workerData: { ...seeds, index } })
  })
  await Promise.all(
    threads.map(
      (thread) =>
        new Promise<void>((resolve, reject) => {
          thread.on('message', (message: Message) => {
            done += message.done
            saw.addAll(message.counts)
            if (message.broken !== null && (broken === null || message.broken.seed < broken.seed))
              broken = message.broken
            onProgress(done)
            if (broken !== null) for (const other of threads) void other.terminate()
          })
          thread.once('error', reject)
          thread.once('exit', () => resolve())
        }),
    ),
  )
  if (broken === null && done !== seeds.count) throw new Error(`only ${done} of ${seeds.count} seeds came to their end`)
  return { done, broken, counts: saw.counts }
}

async function runShare({ from, count, workers, index }: Seeds & { index: number }): Promise<void> {
  let saw = new Sometimes()
  let done = 0
  const report = (broken: Broken | null) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort?.postMessage({ done, broken, counts: [...saw.counts] } satisfies Message)
    saw = new Sometimes()
    done = 0
  }
  for (let seed = from + index; seed < from + count; seed += workers) {
    const world = new World(seed)
    const error = await world.run()
    saw.addAll(world.saw.counts)
    done++
    if (error !== null) return report({ seed, mix: world.mix.name, message: error.message })
    if (done < MESSAGE_SEEDS) continue
    report(null)
    // What a run left to die is collected, and the messages go out.
    await new Promise(setImmediate)
  }
  report(null)
}

if (!isMainThread && workerData !== null) await runShare(workerData as Seeds & { index: number })
