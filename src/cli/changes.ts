// firstcome changes

import { Option, type Command } from 'commander'
import type { changeJson } from '../http/representations.ts'
import { CHANGE_PAGE_DEFAULT, CHANGE_PAGE_MAX } from '../http/limits.ts'
import { CHANGE_ACTIONS, type Noted } from '../ledger/changes.ts'
import { addCaller, asCaller, wholeNumber, type CallerOptions } from './caller.ts'
import { printList } from './lists.ts'
import { shownTime, Table } from './table.ts'

type Change = ReturnType<typeof changeJson>

interface Options extends CallerOptions {
  readonly campaign?: string
  readonly client?: string
  readonly action?: string
  readonly limit: number
  readonly all?: true
}

export function addChanges(program: Command): void {
  addCaller(
    program,
    'changes',
    'List who changed what, newest first.',
    `  firstcome changes --campaign spring
  firstcome changes --client shop-admin --action campaign.changed --limit 50
  firstcome changes --all --json`,
    addFlags,
  ).action((options: Options) =>
    asCaller(options, {}, (api) =>
      printList<Change>({
        api,
        path: '/v1/changes',
        query: { campaign: options.campaign, client: options.client, action: options.action },
        rowsMax: options.all === true ? Infinity : options.limit,
        pageMax: CHANGE_PAGE_MAX,
        isJson: options.json === true,
        table: () => Promise.resolve(changeTable()),
        none: 'No changes',
      }),
    ),
  )
}

function addFlags(command: Command): Command {
  return command
    .option('--campaign <ID>', 'only those of this campaign, be it there or not')
    .option('--client <NAME>', 'only those that this client made')
    .addOption(new Option('--action <ACTION>', 'only those').choices(CHANGE_ACTIONS))
    .addOption(new Option('--limit <N>', 'so many').argParser(wholeNumber).default(CHANGE_PAGE_DEFAULT))
    .addOption(new Option('--all', 'all of them').conflicts('limit'))
}

function changeTable(): Table<Change> {
  return new Table<Change>([
    { heading: 'WHEN', of: ({ at }) => shownTime(at) },
    { heading: 'WHO', of: who },
    { heading: 'WHAT', of: ({ action }) => action },
    { heading: 'CAMPAIGN', of: (change) => change.campaign_id ?? '' },
    { heading: 'HOW', of: how, isCut: true },
  ])
}

function who({ operator, client, key_id: key }: Change): string {
  return operator ?? (client === null ? 'without a key' : key === null ? client : `${client}, key ${key}`)
}

/** Of what came or went, enough to know it by. */
const TOLD = ['name', 'total_coupons', 'start_time', 'end_time']

function how({ before, after }: Change): string {
  if (before !== null && after !== null && 'version' in after) return differences(before, after)
  const noted = after ?? before ?? {}
  const names = 'total_coupons' in noted ? TOLD : Object.keys(noted)
  return names.map((name) => `${name} ${shown(name, noted[name])}`).join(', ')
}

function differences(before: Noted, after: Noted): string {
  return Object.keys(after)
    .filter((name) => name !== 'version' && JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => `${name} ${shown(name, before[name])} → ${shown(name, after[name])}`)
    .join(', ')
}

function shown(name: string, value: unknown): string {
  if (value === null || value === undefined) return 'none'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value !== 'string') return JSON.stringify(value)
  return name.endsWith('_time') ? shownTime(value) : name === 'name' ? `"${value}"` : value
}
