// firstcome key: API keys, made and revoked at the database. No server is asked: the first key has to come from somewhere.

import type { Command } from 'commander'
import { addCreate } from './key/create.ts'
import { addList } from './key/list.ts'
import { addRevoke } from './key/revoke.ts'

export function addKey(program: Command): void {
  const key = program
    .command('key')
    .description('Make API keys, list them, revoke them: at the database, not at a server.')
  addCreate(key)
  addList(key)
  addRevoke(key)
}
