// Time and randomness, handed to whoever needs them, so that a test or a simulation can hold both.

import { randomFillSync } from 'node:crypto'

/** Time as one process sees it. What a campaign's times are compared with is the database's clock, never this one. */
export interface Clock {
  /** Monotonic milliseconds: for waiting, deadlines and rates. */
  nowMs(): number
  /** Milliseconds since 1970 by this machine's clock: for ids that sort by time, never for a decision. */
  wallMs(): number
  sleep(ms: number): Promise<void>
  /** Runs `work` once after `ms`; the returned function cancels it. Does not keep the process alive. */
  after(ms: number, work: () => void): () => void
  /** Runs `work` when everything that is readable now has been read and parsed. */
  soon(work: () => void): void
}

/** Randomness from a CSPRNG: codes are made of it. */
export interface Randomness {
  fill(bytes: Uint8Array): void
  /** 0 ≤ fraction < 1, for jitter. */
  fraction(): number
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  after(ms, work) {
    const timer = setTimeout(work, ms).unref()
    return () => clearTimeout(timer)
  },
  soon: (work) => void setImmediate(work),
}

/** Bytes are drawn from the system this many at a time: a call costs more than the bytes. */
const POOL_BYTES = 8_192
const pool = new Uint8Array(POOL_BYTES)
let poolUsed = POOL_BYTES

export const systemRandomness: Randomness = {
  fill(bytes) {
    if (bytes.length > POOL_BYTES) return void randomFillSync(bytes)
    if (poolUsed + bytes.length > POOL_BYTES) {
      randomFillSync(pool)
      poolUsed = 0
    }
    for (let at = 0; at < bytes.length; at++) {
      bytes[at] = pool[poolUsed] as number
      // What was given out is not kept: a later look into memory finds no code in it.
      pool[poolUsed++] = 0
    }
  },
  fraction: () => Math.random(),
}

/** Files and connections that this process may have open at once. */
export function openFilesMax(): number {
  // Or it would ask for the names of all who are connected. (The types do not know it yet.)
  Object.assign(process.report, { excludeNetwork: true })
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } }
  const soft = userLimits?.open_files?.soft
  // Windows tells none.
  return typeof soft === 'number' ? soft : Number.MAX_SAFE_INTEGER
}
