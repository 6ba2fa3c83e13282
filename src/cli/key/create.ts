// firstcome key create

import { InvalidArgumentError, type Command } from 'commander'
import { isScope, SCOPES, type Scope } from '../../access/caller.ts'
import { CLIENT_NAME, hashOf, makeKey, shownKey } from '../../access/keys.ts'
import type { KeyStore, StoredKey } from '../../access/key-store.ts'
import { KEY_DRAWS_MAX } from '../../access/limits.ts'
import { systemRandomness } from '../../host.ts'
import { print } from '../caller.ts'
import { operator } from '../operator.ts'
import { shownTime } from '../table.ts'
import { addStoreFlags, atKeyStore, keyJson } from './database.ts'

/** So far ahead nobody knows what a key is good for; and a database must be able to write it down. */
const EXPIRES_DAYS_MAX = 3_650
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

interface Options extends Record<string, unknown> {
  readonly client: string
  readonly scopes: readonly Scope[]
  readonly expires?: number
  readonly json?: true
}

export function addCreate(key: Command): void {
  const command = key
    .command('create')
    .description('Make an API key and print it, this once: only a hash of it is kept.')
    .requiredOption('--client <NAME>', 'whose it is: requests and limits belong to the client, not to the key', client)
    .requiredOption(
      '--scopes <SCOPES>',
      `what it allows, with commas between: ${Object.keys(SCOPES).join(', ')}`,
      scopes,
    )
    .option('--expires <TIME>', 'after so long it is refused, such as 90d or 12h; without it, never', expires)
  addStoreFlags(
    command,
    `  firstcome key create --client shop-api --scopes issue
  firstcome key create --client back-office --scopes issue,codes --expires 90d
  MYSQL_URL=mysql://app:secret@db/firstcome firstcome key create --client ops --scopes admin > ops.key`,
    `\nScopes:\n${Object.entries(SCOPES)
      .map(([scope, meaning]) => `  ${scope.padEnd(18)} ${meaning}`)
      .join('\n')}\n`,
  ).action((options: Options) => atKeyStore(options, (store) => create(store, options)))
}

async function create(store: KeyStore, options: Options): Promise<void> {
  for (let draws = 1; draws <= KEY_DRAWS_MAX; draws++) {
    const made = makeKey(systemRandomness)
    const stored = await store.createKey(
      {
        id: made.id,
        client: options.client,
        secretHash: hashOf(made.secret).toString('hex'),
        scopes: options.scopes,
        expiresInMs: options.expires ?? null,
      },
      operator(),
    )
    if (stored !== null) return tell(stored, shownKey(made), options.json === true)
  }
  throw new Error('every id that was drawn is taken: something is wrong with the randomness of this machine')
}

function tell(stored: StoredKey, key: string, isJson: boolean): void {
  const { id, client, scopes, createdAtMs, expiresAtMs } = stored
  if (isJson) return print(JSON.stringify({ ...keyJson(stored, createdAtMs), key }))
  print(key)
  const until = expiresAtMs === null ? 'does not expire' : `expires ${shownTime(new Date(expiresAtMs).toISOString())}`
  process.stderr.write(
    `Key ${id} of ${client}: ${scopes.join(', ')}; ${until}. It is shown this once: put it where secrets are kept.\n`,
  )
}

function client(text: string): string {
  if (!CLIENT_NAME.test(text)) throw new InvalidArgumentError('1 to 64 of A–Z a–z 0–9 . _ -, please.')
  return text
}

function scopes(text: string): Scope[] {
  const given = text.split(',').map((scope) => scope.trim())
  if (!given.every(isScope))
    throw new InvalidArgumentError(`Some of ${Object.keys(SCOPES).join(', ')}, with commas between, please.`)
  return [...new Set(given)]
}

function expires(text: string): number {
  const [, number, unit] = /^(\d{1,6})([dh])$/.exec(text) ?? []
  const ms = Number(number) * (unit === 'd' ? DAY_MS : HOUR_MS)
  if (!(ms > 0 && ms <= EXPIRES_DAYS_MAX * DAY_MS))
    throw new InvalidArgumentError(`A time such as 90d or 12h, at most ${EXPIRES_DAYS_MAX}d, please.`)
  return ms
}
