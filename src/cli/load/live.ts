// The numbers while a run goes on: on a terminal a line that is written over, else a line a second.

import type { LoadNumbers } from '../../load/numbers.ts'
import { shownCount, shownDuration } from '../table.ts'

const PLAIN_LINE_MS = 1_000

export interface Live {
  see(numbers: LoadNumbers): void
  /** Leaves the terminal as it was. */
  end(): void
}

/** @param startsAtMs of the campaign, by this machine's clock */
export function openLive(startsAtMs: number): Live {
  const { isTTY } = process.stderr
  let last: LoadNumbers | null = null
  return {
    see(numbers) {
      const sinceMs = numbers.elapsedMs - (last?.elapsedMs ?? 0)
      if (!isTTY && sinceMs < PLAIN_LINE_MS) return
      const rate = ((numbers.calls - (last?.calls ?? 0)) / sinceMs) * 1_000
      // On a terminal over a second, too: over the tenth between two lines it would jump.
      if (last === null || sinceMs >= PLAIN_LINE_MS) last = numbers
      const inMs = startsAtMs - Date.now()
      const line = inMs > 0 ? `opens in ${shownDuration(inMs)}` : lineOf(numbers, -inMs, rate)
      process.stderr.write(isTTY ? `\r\u001b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}` : `${line}\n`)
    },
    end: () => void (isTTY && process.stderr.write('\r\u001b[2K')),
  }
}

function lineOf(numbers: LoadNumbers, sinceStartMs: number, rate: number): string {
  const { issued, refused, unknown, latency, outstanding } = numbers
  const faults = sum(unknown)
  const parts = [
    `${(sinceStartMs / 1_000).toFixed(0)} s`,
    `${shownCount(issued)} issued`,
    ...Object.entries(refused).map(([code, count]) => `${shownCount(count)} ${code}`),
    ...(faults === 0 ? [] : [`${shownCount(faults)} faults`]),
    `${shownCount(outstanding)} waiting`,
    `${shownCount(Math.round(rate))}/s`,
    ...(latency.count === 0 ? [] : [`p50 ${shownMs(latency.p50Ms)}`, `p99 ${shownMs(latency.p99Ms)}`]),
  ]
  return parts.join(', ')
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

export function shownMs(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`
}
