// firstcome campaign change, and its short forms pause, resume and end.

import type { Command } from 'commander'
import { path, type Answer, type Api } from '../api.ts'
import { addCaller, asCaller, wholeNumber, type CallerOptions } from '../caller.ts'
import { shownTime } from '../table.ts'
import { addCodeFormatFlags, codeFormatOf, fieldsOf, jsonObject, type FieldOptions } from './fields.ts'
import { printCampaign, type Campaign } from './shown.ts'

interface ChangeOptions extends CallerOptions, FieldOptions {
  readonly ifMatch?: string
}

export function addChange(campaign: Command): void {
  const command = addCaller(
    campaign,
    'change <ID>',
    'Change a campaign. What is not given stays as it is. The start, codes and whether recipients are required only ' +
      'while it has no coupon.',
    `  firstcome campaign change spring --total 20000
  firstcome campaign change spring --end 2027-03-03T00:00:00+09:00 --if-match 1.mhvbb7z5`,
    addChangeFlags,
  )
  command.action((id: string, options: ChangeOptions) => {
    const given = fieldsOf(options)
    const format = codeFormatOf(options)
    if (format === undefined && Object.keys(given).length === 0)
      command.error('error: nothing to change: give a flag for what should be different')
    return asCaller(options, contextOf(id), async (api) => {
      const ifMatch = quoted(options.ifMatch)
      if (format === undefined) return printCampaign(await change(api, id, given, ifMatch), options)
      // The API takes it whole only: what was not given is what it is now.
      const seen = await read(api, id)
      const body = { ...given, code_format: { ...seen.json.code_format, ...format } }
      printCampaign(await change(api, id, body, ifMatch ?? seen.etag), options)
    })
  })
}

function addChangeFlags(command: Command): Command {
  command
    .option('--name <TEXT>', 'what people call it')
    .option('--start <TIME>', 'with an offset, such as 2027-03-02T10:00:00+09:00; or now')
    .option('--total <N>', 'up, or down to the highest slot that was issued', wholeNumber)
    .option('--end <TIME>', 'from then on nothing is issued')
    .option('--no-end', 'it ends when all coupons are issued')
    .option('--recipient-required', 'one coupon for each recipient, none for nobody')
    .option('--no-recipient-required', 'also coupons for nobody')
    .option('--paused', 'the same as `pause`')
    .option('--no-paused', 'the same as `resume`')
  return addCodeFormatFlags(command)
    .option('--metadata <JSON>', 'notes of yours, an object; replaces what was there', jsonObject)
    .option('--if-match <ETAG>', 'only if nobody changed it since `show` showed this etag')
}

export function addPause(campaign: Command): void {
  addSetPaused(campaign, 'pause', true, 'Stop issuing, until it is resumed. Who has a coupon is still told it.')
}

export function addResume(campaign: Command): void {
  addSetPaused(campaign, 'resume', false, 'Let a paused campaign go on.')
}

function addSetPaused(campaign: Command, name: string, paused: boolean, description: string): void {
  addCaller(campaign, `${name} <ID>`, description, `  firstcome campaign ${name} spring`).action(
    (id: string, options: CallerOptions) =>
      asCaller(options, contextOf(id), async (api) => {
        const changed = await change(api, id, { paused })
        printCampaign(changed, options)
        const { status, end_time: end } = changed.json
        if (!paused && status === 'ended' && options.json !== true)
          process.stderr.write(
            `It ended at ${shownTime(String(end))}; \`firstcome campaign change ${id} --no-end\` lets it go on.\n`,
          )
      }),
  )
}

interface EndOptions extends CallerOptions {
  readonly at?: string
}

export function addEnd(campaign: Command): void {
  addCaller(
    campaign,
    'end <ID>',
    'End a campaign now, by the clock of the database.',
    `  firstcome campaign end spring
  firstcome campaign end spring --at 2027-03-03T00:00:00+09:00`,
    (command) => command.option('--at <TIME>', 'then instead, with an offset'),
  ).action((id: string, options: EndOptions) =>
    asCaller(
      options,
      { ...contextOf(id), flags: { '/end_time': options.at === undefined ? id : '--at' } },
      async (api) => {
        if (options.at !== undefined) return printCampaign(await change(api, id, { end_time: options.at }), options)
        const seen = await read(api, id)
        const { end_time: end, server_time: now } = seen.json
        // Once more must not make the end a later one.
        const hasEnded = end !== null && end <= now
        printCampaign(hasEnded ? seen : await change(api, id, { end_time: now }, seen.etag), options)
      },
    ),
  )
}

function contextOf(id: string) {
  return { id, again: `\`firstcome campaign show ${id}\` tells` }
}

function read(api: Api, id: string): Promise<Answer<Campaign>> {
  return api.get<Campaign>(path`/v1/campaigns/${id}`)
}

function change(api: Api, id: string, body: object, ifMatch?: string | null): Promise<Answer<Campaign>> {
  return api.call<Campaign>('PATCH', path`/v1/campaigns/${id}`, {
    body,
    headers: { 'if-match': ifMatch ?? undefined },
  })
}

/** A shell takes quotes away, and `show` shows none. @throws when it could not even be sent */
function quoted(etag: string | undefined): string | undefined {
  if (etag !== undefined && /[^ -~]/.test(etag)) throw new Error('--if-match: must be the etag that `show` shows')
  return etag === undefined || /["*]/.test(etag) ? etag : `"${etag}"`
}
