// Questions to whoever sits at the terminal.

import { createInterface } from 'node:readline'

/** Prints the question; resolves with a line, null: there was none. */
export type Ask = (question: string) => Promise<string | null>

export function isAnybodyThere(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

/** Reads standard input while `work` runs, and then no more. */
export async function asking<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
  // Not as a terminal: Ctrl-C then ends the process, as it does everywhere else.
  const lines = createInterface({ input: process.stdin, terminal: false })
  const answers = lines[Symbol.asyncIterator]()
  try {
    return await work(async (question) => {
      process.stderr.write(question)
      const answer = await answers.next()
      if (answer.done !== true) return answer.value
      if (question !== '') process.stderr.write('\n')
      return null
    })
  } finally {
    lines.close()
    // Closed, the lines leave it open: a terminal that is still listened to keeps the process.
    process.stdin.destroy()
  }
}

export function isYes(answer: string | null): boolean {
  return /^\s*y(es)?\s*$/i.test(answer ?? '')
}
