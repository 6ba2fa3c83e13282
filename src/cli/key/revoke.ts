// firstcome key revoke

import type { Command } from 'commander'
import type { KeyStore } from '../../access/key-store.ts'
import { asking, isAnybodyThere, isYes } from '../asking.ts'
import { print } from '../caller.ts'
import { operator } from '../operator.ts'
import { printable } from '../table.ts'
import { addStoreFlags, atKeyStore, keyJson } from './database.ts'

interface Options extends Record<string, unknown> {
  readonly yes?: true
  readonly json?: true
}

export function addRevoke(key: Command): void {
  const command = key
    .command('revoke <ID>')
    .description('Revoke a key for good: every server refuses it within seconds.')
    .option('--yes', 'do not ask')
  addStoreFlags(
    command,
    `  firstcome key revoke 4k9q2m7xw0ah
  firstcome key revoke 4k9q2m7xw0ah --yes`,
  ).action((id: string, options: Options) => {
    if (options.yes !== true && !isAnybodyThere())
      command.error('error: there is nobody here who could be asked: give --yes')
    return atKeyStore(options, (store) => revoke(store, id, options))
  })
}

async function revoke(store: KeyStore, id: string, { yes, json }: Options): Promise<number> {
  const found = (await store.keys()).keys.find((key) => key.id === id)
  if (found === undefined) {
    process.stderr.write(
      `firstcome: there is no key ${printable(id)}: \`firstcome key list\` shows those that there are\n`,
    )
    return 1
  }
  const { client, scopes, revokedAtMs } = found
  const about = `${id} of ${client} (${scopes.join(', ')})`
  const question = `Revoke ${about}? It is refused from then on. [y/N] `
  if (revokedAtMs === null && yes !== true && !isYes(await asking((ask) => ask(question)))) {
    process.stderr.write('Nothing was revoked.\n')
    return 3
  }
  const revoked = await store.revokeKey(id, operator())
  if (revoked === null) throw new Error(`the key ${id} is gone: somebody deleted its row`)
  if (json === true) print(JSON.stringify(keyJson(revoked, revoked.revokedAtMs ?? 0)))
  else print(revokedAtMs === null ? `Revoked ${about}.` : `${about} was revoked before.`)
  return 0
}
