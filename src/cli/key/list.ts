// firstcome key list

import type { Command } from 'commander'
import { print } from '../caller.ts'
import { shownTime, Table } from '../table.ts'
import { addStoreFlags, atKeyStore, keyJson } from './database.ts'

type Key = ReturnType<typeof keyJson>

interface Options extends Record<string, unknown> {
  readonly json?: true
}

const STATE_STYLES = { live: 'green', expired: 'dim', revoked: 'dim' } as const

export function addList(key: Command): void {
  const command = key.command('list').description('List all keys, the oldest first, without their secrets.')
  addStoreFlags(
    command,
    `  firstcome key list
  firstcome key list --json`,
  ).action((options: Options) =>
    atKeyStore(options, async (store) => {
      const { nowMs, keys } = await store.keys()
      const data = keys.map((key) => keyJson(key, nowMs))
      if (options.json === true) print(JSON.stringify({ data }))
      else if (data.length === 0) process.stderr.write('No keys: a server is open, and for its own machine only\n')
      else print(keyTable().draw(data))
    }),
  )
}

function keyTable(): Table<Key> {
  return new Table<Key>([
    { heading: 'ID', of: ({ id }) => id },
    { heading: 'CLIENT', of: ({ client }) => client, isCut: true },
    { heading: 'SCOPES', of: ({ scopes }) => scopes.join(',') },
    { heading: 'CREATED', of: ({ created_at: time }) => shownTime(time ?? '') },
    { heading: 'EXPIRES', of: ({ expires_at: time }) => (time === null ? 'never' : shownTime(time)) },
    { heading: 'STATE', of: ({ state }) => state, style: ({ state }) => STATE_STYLES[state] },
  ])
}
