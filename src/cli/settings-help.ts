// Flags and help from the one table of settings.

import type { Command } from 'commander'
import { SETTINGS, type Setting } from '../config.ts'

/** A flag for each setting that may be on a command line; its value stays text until all settings are read together. */
export function addSettingFlags(command: Command, settings: readonly Setting[] = SETTINGS): Command {
  for (const { env, flag, placeholder, default: standard, meaning } of settings) {
    if (flag === null) continue
    command.option(`--${flag} <${placeholder}>`, `${meaning} [${env}${standard === null ? '' : `, ${standard}`}]`)
  }
  return command
}

/** Those without a flag. */
export function environmentHelp(settings: readonly Setting[] = SETTINGS): string {
  const rows = settings.filter(({ flag }) => flag === null).map(({ env, meaning }) => `  ${env.padEnd(18)} ${meaning}`)
  return `\nEnvironment, or NAME_FILE for a file that holds the value (never on a command line):\n${rows.join('\n')}\n`
}

/** Flags as readConfig takes them, by their names on the command line. */
export function flagsOf(options: Record<string, unknown>): Record<string, string | undefined> {
  return Object.fromEntries(
    SETTINGS.flatMap(({ flag }) => {
      if (flag === null) return []
      const value = options[flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())]
      return typeof value === 'string' ? [[flag, value]] : []
    }),
  )
}
