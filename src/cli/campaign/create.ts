// firstcome campaign create

import type { Command } from 'commander'
import { addCaller, asCaller, wholeNumber, type CallerOptions } from '../caller.ts'
import { addCodeFormatFlags, codeFormatOf, fieldsOf, jsonObject, type FieldOptions } from './fields.ts'
import { printCampaign, type Campaign } from './shown.ts'

interface Options extends CallerOptions, FieldOptions {
  readonly id?: string
  readonly test?: true
}

export function addCreate(campaign: Command): void {
  addCaller(
    campaign,
    'create',
    'Create a campaign. With an --id of your own the command can be repeated: the same again changes nothing.',
    `  firstcome campaign create --id spring --name "봄맞이 쿠폰" --start 2027-03-02T10:00:00+09:00 --total 10000
  firstcome campaign create --name Rehearsal --start now --total 100 --test`,
    addFlags,
  ).action((options: Options) => {
    const { id } = options
    const again = id === undefined ? 'look with `firstcome campaign list` first' : 'the same command again finds out'
    return asCaller(options, { again, ...(id !== undefined && { id }) }, async (api) => {
      const format = codeFormatOf(options)
      const body = {
        ...(id !== undefined && { id }),
        ...fieldsOf(options),
        ...(options.test === true && { test: true }),
        ...(format !== undefined && { code_format: format }),
      }
      const answer = await api.call<Campaign>('POST', '/v1/campaigns', { body })
      printCampaign(answer, options)
      if (answer.status === 200 && options.json !== true)
        process.stderr.write('It was there already, with the same fields.\n')
    })
  })
}

function addFlags(command: Command): Command {
  command
    .requiredOption('--name <TEXT>', 'what people call it')
    .requiredOption('--start <TIME>', 'with an offset, such as 2027-03-02T10:00:00+09:00; or now')
    .requiredOption('--total <N>', 'how many coupons there are', wholeNumber)
    .option('--end <TIME>', 'from then on nothing is issued [none]')
    .option('--id <ID>', 'of your choice [the server makes one]')
    .option('--recipient-required', 'one coupon for each recipient, none for nobody')
    .option('--paused', 'issue nothing until it is resumed')
    .option('--test', 'for trying things out: its codes begin with TEST, and it can be deleted with its coupons')
  return addCodeFormatFlags(command).option('--metadata <JSON>', 'notes of yours, an object', jsonObject)
}
