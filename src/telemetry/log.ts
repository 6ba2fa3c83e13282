// The log: JSON lines on standard error. Every log is opened here, so that an error that somebody hands to it, be it a
// library, leaves its text behind.

import { destination, pino, type Logger } from 'pino'
import { traceOf } from './errors.ts'

/** What the service writes its log with; pino is one. */
export interface Log {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
  info(fields: object, message: string): void
}

/** @param base stands in every line: which of several processes it is from */
export function openLog(level: string, base: object | null = null): Logger {
  // Written at once: what a dying process has to say must not be lost in a buffer.
  return pino({ ...logOptions(level), base }, destination({ fd: 2, sync: true }))
}

export function logOptions(level: string) {
  return {
    level,
    base: null,
    formatters: { log: withoutTexts },
    hooks: {
      logMethod(args: unknown[], method: (...args: never[]) => void) {
        const [first, ...rest] = args.map((argument) => (argument instanceof Error ? traceOf(argument) : argument))
        // Its own message would become that of the line.
        const line = args[0] instanceof Error ? [{ error: first }, 'an error'] : [first, ...rest]
        method.apply(this, line as never[])
      },
    },
  }
}

function withoutTexts(fields: Record<string, unknown>): Record<string, unknown> {
  const isError = Object.values(fields).some((value) => value instanceof Error)
  if (!isError) return fields
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? traceOf(value) : value]),
  )
}
