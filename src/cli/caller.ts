// What all commands that call a server have in common: their flags, what becomes of a refusal, and their exit codes.

import { InvalidArgumentError, type Command } from 'commander'
import { CLIENT_SETTINGS, readClientConfig } from '../config.ts'
import { Api, NoAnswer, Refused } from './api.ts'
import { exitCodeOf, refusalText, type RefusalContext } from './refusals.ts'
import { addSettingFlags, environmentHelp } from './settings-help.ts'

export interface CallerOptions {
  readonly url?: string
  readonly json?: true
}

export interface CallerContext extends RefusalContext {
  /** When nobody knows whether it was done: what to do then. */
  readonly again?: string
}

/** @param flags adds those of its own: they stand first in its help */
export function addCaller(
  parent: Command,
  usage: string,
  description: string,
  examples: string,
  flags: (command: Command) => Command = (command) => command,
): Command {
  const command = flags(parent.command(usage).description(description))
  return addSettingFlags(command, CLIENT_SETTINGS)
    .option('--json', 'print the answer as the API gives it, in JSON')
    .addHelpText(
      'after',
      `${environmentHelp(CLIENT_SETTINGS)}
Exit codes: 0 good, 1 refused, 2 not yet, 3 could not be run.

Examples:
${examples}`,
    )
}

/** Runs a command to its exit code. @param work gives it, unless it is 0 */
export async function asCaller(
  options: CallerOptions,
  context: CallerContext,
  work: (api: Api) => Promise<number | void>,
): Promise<void> {
  // `firstcome … | head` is no failure, and what follows is of no use.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(0)
  })
  const api = new Api(readClientConfig({ url: options.url }))
  try {
    process.exitCode = (await work(api)) ?? 0
  } catch (error) {
    if (error instanceof Refused) {
      if (options.json === true) print(error.text)
      else process.stderr.write(refusalText(error, context))
      process.exitCode = exitCodeOf(error.problem)
    } else if (error instanceof NoAnswer && error.wasSent && context.again !== undefined) {
      throw new Error(`${error.message}. It may have been done all the same: ${context.again}`, { cause: error })
    } else throw error
  }
}

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** For flags. What is too big or too small the server tells. */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('A whole number, please.')
  return Number(text)
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** For flags: 500ms, 1.5s, 2m or 1h; a number alone is seconds. NaN: it is no time. */
export function durationMs(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text) ?? []
  return Number(number) * (UNITS_MS[unit] ?? NaN)
}
