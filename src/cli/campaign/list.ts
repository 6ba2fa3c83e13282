// firstcome campaign list

import { Option, type Command } from 'commander'
import { CAMPAIGN_STATUSES } from '../../campaign/campaign.ts'
import { CAMPAIGN_PAGE_DEFAULT, CAMPAIGN_PAGE_MAX } from '../../http/limits.ts'
import { addCaller, asCaller, wholeNumber, type CallerOptions } from '../caller.ts'
import { printList } from '../lists.ts'
import { shownCount, shownTime, Table } from '../table.ts'
import { STATUS_STYLES, type Campaign } from './shown.ts'

interface Options extends CallerOptions {
  readonly status?: string
  readonly q?: string
  readonly test?: string
  readonly limit: number
  readonly all?: true
}

export function addList(campaign: Command): void {
  addCaller(
    campaign,
    'list',
    'List campaigns, newest first.',
    `  firstcome campaign list --status open
  firstcome campaign list --q 봄 --test all --limit 50
  firstcome campaign list --all --json`,
    addFlags,
  ).action((options: Options) =>
    asCaller(options, {}, (api) =>
      printList<Campaign>({
        api,
        path: '/v1/campaigns',
        query: { status: options.status, q: options.q, test: options.test },
        rowsMax: options.all === true ? Infinity : options.limit,
        pageMax: CAMPAIGN_PAGE_MAX,
        isJson: options.json === true,
        table: () => Promise.resolve(campaignTable()),
        none: options.test === undefined ? 'No campaigns; test campaigns are shown with --test' : 'No campaigns',
      }),
    ),
  )
}

function addFlags(command: Command): Command {
  return command
    .addOption(new Option('--status <STATUS>', 'only those').choices(CAMPAIGN_STATUSES))
    .option('--q <TEXT>', 'only those with this in name or id')
    .addOption(
      new Option('--test [WHICH]', 'only test campaigns; `all`: those too').choices(['true', 'all']).preset('true'),
    )
    .addOption(new Option('--limit <N>', 'so many').argParser(wholeNumber).default(CAMPAIGN_PAGE_DEFAULT))
    .addOption(new Option('--all', 'all of them').conflicts('limit'))
}

function campaignTable(): Table<Campaign> {
  return new Table<Campaign>([
    { heading: 'ID', of: ({ id }) => id },
    { heading: 'NAME', of: ({ name }) => name, isCut: true },
    {
      heading: 'STATUS',
      of: ({ status, test }) => (test ? `${status}, test` : status),
      style: ({ status }) => STATUS_STYLES[status],
    },
    { heading: 'ISSUED', of: (campaign) => shownCount(campaign.issued_count), isRight: true },
    { heading: 'TOTAL', of: (campaign) => shownCount(campaign.total_coupons), isRight: true },
    { heading: 'START', of: (campaign) => shownTime(campaign.start_time) },
  ])
}
