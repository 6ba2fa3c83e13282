// While a test run goes on: all that servers write to their logs, and all that callers send and get and no log may hold.
// Both go into files of one folder, which is searched at the end of the run (reporter.ts).

import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** The folder of the run, for all its processes. Not set: nobody will search. */
export const SECRETS_FOLDER = 'FIRSTCOME_TEST_SECRETS'

export const LOG_ENDING = '.log'
export const NOTES_ENDING = '.notes'

/** By name. A worker is ended when its last test is over: each piece is written at once. */
const files = new Map<string, number>()

/** Recipients, keys and codes. What is not there is passed over. */
export function noteSecrets(...secrets: readonly unknown[]): void {
  const texts = secrets.filter((secret) => typeof secret === 'string')
  if (texts.length > 0) write(NOTES_ENDING, texts.map((text) => `${JSON.stringify(text)}\n`).join(''))
}

/** @param source a log of its own, as its pieces may end anywhere */
export function keepLog(source: string, text: string): void {
  write(`-${source}${LOG_ENDING}`, text)
}

let logs = 0

/** For the output of one more server. */
export function logKeeper(): (text: string) => void {
  const source = `server-${++logs}`
  return (text) => keepLog(source, text)
}

function write(name: string, text: string): void {
  const folder = process.env[SECRETS_FOLDER]
  if (folder === undefined || folder === '') return
  const path = join(folder, `${process.pid}${name}`)
  const file = files.get(path) ?? openSync(path, 'a')
  files.set(path, file)
  writeSync(file, text)
}
