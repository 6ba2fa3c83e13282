// How far it is, for whoever waits: on a terminal one line that is written over, else a line now and then.

const TERMINAL_PROGRESS_MS = 100
const PLAIN_PROGRESS_MS = 1_000

/** On standard error. @param line asked each time @returns ends it */
export function tellProgress(line: () => string): () => void {
  const { isTTY } = process.stderr
  // Broken over two lines, it could not be written over.
  const fitting = () => line().slice(0, (process.stderr.columns || Infinity) - 1)
  const timer = setInterval(
    () => process.stderr.write(isTTY ? `\r\u001b[2K${fitting()}` : `${line()}\n`),
    isTTY ? TERMINAL_PROGRESS_MS : PLAIN_PROGRESS_MS,
  )
  return () => {
    clearInterval(timer)
    if (isTTY) process.stderr.write('\r\u001b[2K')
  }
}
