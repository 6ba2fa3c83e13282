// firstcome campaign show

import type { Command } from 'commander'
import { path } from '../api.ts'
import { addCaller, asCaller, type CallerOptions } from '../caller.ts'
import { printCampaign, type Campaign } from './shown.ts'

export function addShow(campaign: Command): void {
  addCaller(
    campaign,
    'show <ID>',
    'Show a campaign: its status, and how many coupons are left.',
    '  firstcome campaign show spring',
  ).action((id: string, options: CallerOptions) =>
    asCaller(options, { id }, async (api) =>
      printCampaign(await api.get<Campaign>(path`/v1/campaigns/${id}`), options),
    ),
  )
}
