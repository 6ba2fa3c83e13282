// What the commands have in common that an operator runs at the database: where it is, who that is, and patience.

import { hostname, userInfo } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { readConfig, SETTINGS, type Config } from '../config.ts'
import type { Author } from '../access/author.ts'
import { LedgerUnavailable, type Ledger } from '../ledger/ledger.ts'
import { addSettingFlags, flagsOf } from './settings-help.ts'

/** A failover takes some seconds; who waits longer starts the command again. */
const TRIES_MAX = 10
const PAUSE_MS = 1_000
/** The width of the column. */
const OPERATOR_LENGTH_MAX = 255

export function addOperatorCommand(parent: Command, usage: string, description: string, examples: string): Command {
  const command = parent.command(usage).description(description)
  return addSettingFlags(
    command,
    SETTINGS.filter(({ env }) => env === 'SQLITE_PATH'),
  ).addHelpText(
    'after',
    `
At the database of MYSQL_URL (or MYSQL_URL_FILE, a file that holds the value) or SQLITE_PATH, not over HTTP.

Exit codes: 0 good, 1 refused, 2 not yet, 3 could not be run.

Examples:\n${examples}`,
  )
}

export function databaseConfig(options: Record<string, unknown>): Config {
  return readConfig(flagsOf(options))
}

export function operator(): Author {
  return {
    client: null,
    keyId: null,
    operator: `${userName()}@${hostname()}`.slice(0, OPERATOR_LENGTH_MAX),
    requestId: null,
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // In a container a user often has a number only.
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

/** Of a database that is busy or fails over. What is in the transaction may be done twice: `onRetry` is told. */
export function patient(ledger: Ledger, onRetry = () => {}): Pick<Ledger, 'lock' | 'listCampaigns'> {
  return {
    lock: (ids, work) => patiently(() => ledger.lock(ids, work), onRetry),
    listCampaigns: (page) => patiently(() => ledger.listCampaigns(page), onRetry),
  }
}

async function patiently<T>(work: () => Promise<T>, onRetry: () => void): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof LedgerUnavailable) || tries === TRIES_MAX) throw error
      process.stderr.write(`firstcome: ${error.message}; once more in ${PAUSE_MS / 1_000} s\n`)
      await pause(PAUSE_MS)
      onRetry()
    }
  }
}
