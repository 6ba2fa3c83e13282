// What is noted of a change, in the transaction that makes it: who did what, and how it was before and after. The other
// half of the port in ledger.ts.

import type { Author } from '../access/author.ts'
import type { StoredKey } from '../access/key-store.ts'

export const CHANGE_ACTIONS = [
  'campaign.created',
  'campaign.changed',
  'campaign.deleted',
  'campaign.purged',
  'recipient.erased',
  'key.created',
  'key.revoked',
] as const
export type ChangeAction = (typeof CHANGE_ACTIONS)[number]

/** As JSON has it, in the words of the API. Never a recipient, a code or a secret. */
export type Noted = Readonly<Record<string, unknown>>

export interface NewChange {
  readonly by: Author
  readonly action: ChangeAction
  /** null: it is not about one campaign. */
  readonly campaignId: string | null
  /** null: there was nothing. */
  readonly before: Noted | null
  /** null: there is nothing left. */
  readonly after: Noted | null
}

export interface Change extends NewChange {
  /** Ascending in the order in which changes were noted; of two at once, either may have the lower one. */
  readonly id: number
  /** By the ledger's clock. */
  readonly atMs: number
}

/** Newest first. null: whatever it is. */
export interface ChangePage {
  readonly limit: number
  /** Only those with a lower id. */
  readonly beforeId: number | null
  readonly campaignId: string | null
  readonly client: string | null
  readonly action: ChangeAction | null
}

/** Of a key that was made or revoked. Never its hash. */
export function keyChange(action: 'key.created' | 'key.revoked', key: StoredKey, by: Author): NewChange {
  const { id, client, scopes, expiresAtMs } = key
  const facts = { id, client, scopes, expires_at: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString() }
  const [before, after] = action === 'key.created' ? [null, facts] : [facts, null]
  return { by, action, campaignId: null, before, after }
}
