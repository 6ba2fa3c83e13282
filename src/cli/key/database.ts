// What the commands about keys have in common: their flags, and the database that they open and close.

import type { Command } from 'commander'
import { stateOf, type KeyStore, type StoredKey } from '../../access/key-store.ts'
import { readConfig, SETTINGS } from '../../config.ts'
import { addSettingFlags, environmentHelp, flagsOf } from '../settings-help.ts'

const STORE_SETTINGS = SETTINGS.filter(({ env }) => env === 'MYSQL_URL' || env === 'SQLITE_PATH')

export function addStoreFlags(command: Command, examples: string, more = ''): Command {
  return addSettingFlags(command, STORE_SETTINGS)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `${more}${environmentHelp(STORE_SETTINGS)}
Exit codes: 0 done, 1 there is no such key, 3 could not be run.

Examples:
${examples}`,
    )
}

/** @returns the exit code */
export async function atKeyStore(
  options: Record<string, unknown>,
  work: (store: KeyStore) => Promise<number | void>,
): Promise<void> {
  // Loaded only here: it knows every adapter.
  const { openKeyStore } = await import('../../wire.ts')
  const store = await openKeyStore(readConfig(flagsOf(options)))
  try {
    process.exitCode = (await work(store)) ?? 0
  } finally {
    await store.close()
  }
}

/** As `--json` shows it: without its hash. */
export function keyJson(key: StoredKey, nowMs: number) {
  const { id, client, scopes, createdAtMs, expiresAtMs, revokedAtMs } = key
  return {
    id,
    client,
    scopes,
    state: stateOf(key, nowMs),
    created_at: timeOf(createdAtMs),
    expires_at: timeOf(expiresAtMs),
    revoked_at: timeOf(revokedAtMs),
  }
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
