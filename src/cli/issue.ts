// firstcome issue: a coupon, and the same one again however often the command is repeated.

import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { readIdempotencyKey } from '../http/texts.ts'
import { path, patiently } from './api.ts'
import { addCaller, asCaller, print, type CallerOptions } from './caller.ts'
import { printCoupon, type Coupon } from './coupons/shown.ts'

interface Options extends CallerOptions {
  readonly recipient?: string
  readonly key?: string
}

interface IssuedCoupon extends Coupon {
  readonly replayed: 'request' | 'recipient' | null
}

export function addIssue(program: Command): void {
  addCaller(
    program,
    'issue <ID>',
    'Issue a coupon of a campaign. On 503, or without an answer, it asks again for the same coupon, for up to a minute.',
    `  firstcome issue spring --recipient user-20417
  firstcome issue spring --key order-7781
  firstcome issue spring --json`,
    (command) =>
      command
        .option('--recipient <TEXT>', 'whom it is for: has one already, and is given it again')
        .option(
          '--key <KEY>',
          'names the wish: the same key gives the same coupon [with no recipient, one is made up]',
        ),
  ).action((id: string, options: Options) => {
    const { recipient } = options
    // Here, because most of what is wrong could not even be sent.
    const read = readIdempotencyKey(options.key)
    if ('wrong' in read) throw new Error(`--key: ${read.wrong}`)
    const key = options.key ?? (recipient === undefined ? randomUUID() : undefined)
    // Said before it is used: whoever loses the answer needs it.
    if (options.key === undefined && key !== undefined)
      process.stderr.write(`With --key ${key} it is the same coupon again.\n`)
    const sameAgain = `the same coupon${key === undefined ? '' : ` with --key ${key}`}`
    return asCaller(options, { id, sameAgain, again: `ask for ${sameAgain}` }, async (api) => {
      const { json, text } = await patiently(() =>
        api.call<IssuedCoupon>('POST', path`/v1/campaigns/${id}/coupons`, {
          body: recipient === undefined ? {} : { recipient },
          headers: { 'idempotency-key': key },
        }),
      )
      if (options.json === true) return print(text)
      await printCoupon(api, json, [['replayed', REPLAYED[json.replayed ?? 'no']]])
    })
  })
}

const REPLAYED = {
  no: 'no',
  request: 'yes, this key had it already',
  recipient: 'yes, this recipient had it already',
}
