// The fault of a request that cannot be understood: which field, and what would be right.

import { Fault } from '../answers.ts'

export interface WrongField {
  readonly in: 'body' | 'query' | 'header'
  /** RFC 6901, within the body; '/name' for a query parameter or a header; '' for the body itself. */
  readonly pointer: string
  readonly detail: string
}

export class InvalidRequest extends Fault {
  readonly errors: readonly WrongField[]

  constructor(errors: readonly WrongField[]) {
    super('invalid_request', 'the request does not fit its schema')
    this.errors = errors
  }
}
