// firstcome coupons: those of a campaign as a list, as a file, or the one that somebody asks about.

import { Option, type Command } from 'commander'
import { COUPON_PAGE_DEFAULT, COUPON_PAGE_MAX } from '../http/limits.ts'
import { path, type Api } from './api.ts'
import { addCaller, asCaller, print, wholeNumber, type CallerOptions } from './caller.ts'
import { exportCoupons } from './coupons/export.ts'
import { codeShower, printCoupon, type Coupon } from './coupons/shown.ts'
import { printList } from './lists.ts'
import { shownTime, Table } from './table.ts'

interface Options extends CallerOptions {
  readonly limit: number
  readonly all?: true
  readonly desc?: true
  readonly recipient?: string
  readonly code?: string
  readonly csv?: string
  readonly ndjson?: string
  readonly force?: true
}

const LIST_FLAGS = ['limit', 'all', 'desc']
const FIND_FLAGS = ['recipient', 'code']
/** A file has a form of its own. */
const OTHER_FLAGS = [...LIST_FLAGS, ...FIND_FLAGS, 'json']

export function addCoupons(program: Command): void {
  addCaller(
    program,
    'coupons <ID>',
    'List the coupons of a campaign by slot, find one, or write them all to a file.',
    `  firstcome coupons spring --desc --limit 10
  firstcome coupons spring --recipient user-20417
  firstcome coupons spring --code "aeg7 6x18 akx7 2aqb"
  firstcome coupons spring --csv spring.csv
  firstcome coupons spring --ndjson - | wc -l`,
    addFlags,
  ).action((id: string, options: Options) => asCaller(options, { id }, (api) => coupons(api, id, options)))
}

function addFlags(command: Command): Command {
  return command
    .addOption(new Option('--limit <N>', 'so many').argParser(wholeNumber).default(COUPON_PAGE_DEFAULT))
    .addOption(new Option('--all', 'all of them').conflicts('limit'))
    .option('--desc', 'the highest slot first')
    .addOption(new Option('--recipient <TEXT>', 'the one of this recipient').conflicts([...LIST_FLAGS, 'code']))
    .addOption(new Option('--code <CODE>', 'the one with this code, as somebody typed it').conflicts(LIST_FLAGS))
    .addOption(new Option('--csv <FILE>', 'all of them for a spreadsheet; -: standard output').conflicts(OTHER_FLAGS))
    .addOption(new Option('--ndjson <FILE>', 'all of them for a program').conflicts([...OTHER_FLAGS, 'csv']))
    .option('--force', 'replace the file if there is one')
}

async function coupons(api: Api, id: string, options: Options): Promise<number | void> {
  const { csv, ndjson, recipient, code, force = false } = options
  if (csv !== undefined) return exportCoupons(api, id, 'csv', csv, force)
  if (ndjson !== undefined) return exportCoupons(api, id, 'ndjson', ndjson, force)
  if (recipient !== undefined) return findByRecipient(api, id, recipient, options)
  if (code !== undefined) {
    const { json, text } = await api.get<Coupon>(path`/v1/campaigns/${id}/coupons/${code}`)
    return options.json === true ? print(text) : printCoupon(api, json)
  }
  return printList<Coupon>({
    api,
    path: path`/v1/campaigns/${id}/coupons`,
    query: { order: options.desc === true ? 'desc' : 'asc' },
    rowsMax: options.all === true ? Infinity : options.limit,
    pageMax: COUPON_PAGE_MAX,
    isJson: options.json === true,
    table: async () => couponTable(await codeShower(api, id)),
    none: 'No coupons',
  })
}

async function findByRecipient(api: Api, id: string, recipient: string, options: Options): Promise<number> {
  const { json, text } = await api.get<{ data: [] | [Coupon] }>(path`/v1/campaigns/${id}/coupons`, { recipient })
  const [coupon] = json.data
  if (options.json === true) print(text)
  else if (coupon !== undefined) await printCoupon(api, coupon)
  else process.stderr.write('This recipient has no coupon of this campaign.\n')
  return coupon === undefined ? 1 : 0
}

function couponTable(shownCode: (code: string) => string): Table<Coupon> {
  return new Table<Coupon>([
    { heading: 'SLOT', of: ({ slot }) => String(slot), isRight: true },
    { heading: 'CODE', of: (coupon) => shownCode(coupon.coupon_code) },
    { heading: 'RECIPIENT', of: ({ recipient }) => recipient ?? '', isCut: true },
    { heading: 'ISSUED', of: (coupon) => shownTime(coupon.issued_at) },
  ])
}
