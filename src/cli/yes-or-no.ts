// A question to whoever sits at the terminal, before something is done that cannot be undone.

import { createInterface } from 'node:readline'

export function isSomebodyThere(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}

export async function isYes(question: string): Promise<boolean> {
  process.stderr.write(question)
  // Not as a terminal: Ctrl-C then ends the process, as it does everywhere else.
  const lines = createInterface({ input: process.stdin, terminal: false })
  const answer = await new Promise<string | null>((resolve) => {
    lines.once('line', resolve).once('close', () => resolve(null))
  })
  lines.close()
  // Closed, the lines leave it open: a terminal that is still listened to keeps the process.
  process.stdin.destroy()
  if (answer === null) process.stderr.write('\n')
  return /^\s*y(es)?\s*$/i.test(answer ?? '')
}
