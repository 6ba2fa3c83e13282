// The keys of a row, made anew from what they are said to be made of. Written a second time on purpose: an audit that asked
// the code it audits would learn only that the code agrees with itself.

import { createHash } from 'node:crypto'

/** @param recipient as it is stored */
export function recipientKey(recipient: string): string {
  return digest(`${recipient.length}:${recipient}`)
}

/** @param client whose request it is; '': of nobody in particular */
export function requestKey(client: string, idempotencyKey: string): string {
  return digest(`${client.length}:${client}${idempotencyKey.length}:${idempotencyKey}`)
}

/** The first half of SHA-256, as hex. */
function digest(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest().toString('hex', 0, 16)
}
