// All that the servers say: kept in a file for whoever looks for a reason, and searched for what must never be said.

import { createWriteStream, type WriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'

/** pino's number for `error`; `fatal` is above it. */
const ERROR_LEVEL = 50

export class ServerLog {
  /** Lines that must not be, as they were written. */
  readonly mistakes: string[] = []
  readonly #file: WriteStream

  constructor(path: string) {
    this.#file = createWriteStream(path, { flags: 'a' })
  }

  /** One process: its lines come in pieces. */
  listener(): (text: string) => void {
    let rest = ''
    return (text) => {
      this.#file.write(text)
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      this.mistakes.push(...lines.filter(isMistake))
    }
  }

  async close(): Promise<void> {
    this.#file.end()
    await finished(this.#file)
  }
}

/** A stack that Node prints by itself is one, too: then nobody caught it. */
export function isMistake(line: string): boolean {
  if (!line.startsWith('{')) return /\ba mistake\b|^\s+at .+:\d+:\d+\)?$|^Node\.js v/.test(line)
  const { level } = parsed(line)
  return (typeof level === 'number' && level >= ERROR_LEVEL) || /\ba mistake\b/.test(line)
}

/** A process that is killed may leave half a line. */
function parsed(line: string): { level?: unknown } {
  try {
    return JSON.parse(line) as { level?: unknown }
  } catch {
    return {}
  }
}
