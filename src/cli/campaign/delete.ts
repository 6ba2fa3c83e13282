// firstcome campaign delete

import type { Command } from 'commander'
import { path } from '../api.ts'
import { asking, isAnybodyThere, isYes } from '../asking.ts'
import { addCaller, asCaller, type CallerOptions } from '../caller.ts'
import { printable, shownCount } from '../table.ts'
import type { Campaign } from './shown.ts'

/** A big test campaign goes with all its coupons, some seconds for each hundred thousand. Below the 300 s after which fetch gives up. */
export const DELETE_MS_MAX = 240_000

interface Options extends CallerOptions {
  readonly yes?: true
}

export function addDelete(campaign: Command): void {
  const command = addCaller(
    campaign,
    'delete <ID>',
    'Delete a campaign that has no coupon, or a test campaign with its coupons.',
    `  firstcome campaign delete rehearsal
  firstcome campaign delete rehearsal --yes`,
    (command) => command.option('--yes', 'do not ask'),
  )
  command.action((id: string, options: Options) => {
    if (options.yes !== true && !isAnybodyThere())
      command.error('error: there is nobody here who could be asked: give --yes')
    return asCaller(options, { id, again: 'the same command again goes on with it' }, async (api) => {
      const campaignPath = path`/v1/campaigns/${id}`
      let etag: string | null = null
      if (options.yes !== true) {
        const seen = await api.get<Campaign>(campaignPath)
        etag = seen.etag
        if (!(await asking(async (ask) => isYes(await ask(questionAbout(seen.json)))))) {
          process.stderr.write('Nothing was deleted.\n')
          return 3
        }
      }
      // What was asked about is what is deleted.
      await api.call('DELETE', campaignPath, { headers: { 'if-match': etag ?? undefined }, msMax: DELETE_MS_MAX })
      // The API says nothing, and so does --json.
      if (options.json !== true) process.stdout.write(`Deleted ${id}.\n`)
    })
  })
}

function questionAbout({ id, name, test, issued_count: issued }: Campaign): string {
  const coupons = issued === 0 ? 'has no coupon' : `has ${shownCount(issued)} coupons`
  return `Delete ${id} (${printable(name)})? It ${test ? 'is a test and ' : ''}${coupons}. [y/N] `
}
