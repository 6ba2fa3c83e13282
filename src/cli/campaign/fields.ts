// The flags that say what a campaign is: for `create` and `change`.

import { InvalidArgumentError, Option, type Command } from 'commander'
import { ALPHABETS } from '../../campaign/code-format.ts'
import { wholeNumber } from '../caller.ts'

export interface FieldOptions {
  readonly name?: string
  readonly start?: string
  /** false: --no-end. */
  readonly end?: string | false
  readonly total?: number
  readonly recipientRequired?: boolean
  readonly paused?: boolean
  readonly alphabet?: string
  readonly length?: number
  readonly prefix?: string
  readonly metadata?: object
}

export function addCodeFormatFlags(command: Command): Command {
  return command
    .addOption(new Option('--alphabet <ALPHABET>', 'what codes are made of [base32]').choices(Object.keys(ALPHABETS)))
    .option('--length <N>', 'random characters of a code [16, 12, 10 by alphabet]', wholeNumber)
    .option('--prefix <TEXT>', 'what stands in front of every code')
}

export function jsonObject(text: string): object {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new InvalidArgumentError(`A JSON object, please, such as '{"owner": "growth"}'.`)
}

/** As the API names them; only what was given. */
export function fieldsOf(options: FieldOptions) {
  return {
    ...(options.name !== undefined && { name: options.name }),
    ...(options.start !== undefined && { start_time: options.start }),
    ...(options.end !== undefined && { end_time: options.end === false ? null : options.end }),
    ...(options.total !== undefined && { total_coupons: options.total }),
    ...(options.recipientRequired !== undefined && { recipient_required: options.recipientRequired }),
    ...(options.paused !== undefined && { paused: options.paused }),
    ...(options.metadata !== undefined && { metadata: options.metadata }),
  }
}

/** undefined: nothing of it was given. */
export function codeFormatOf({ alphabet, length, prefix }: FieldOptions) {
  const given = {
    ...(alphabet !== undefined && { alphabet }),
    ...(length !== undefined && { length }),
    ...(prefix !== undefined && { prefix }),
  }
  return Object.keys(given).length === 0 ? undefined : given
}
