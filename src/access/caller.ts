// Who calls, and what they may do. A key belongs to a client; what a request is remembered by, and what is limited, is the
// client, so that a key can be changed for a new one in the middle of a sale.

/** What each scope allows, for people: docs/security.md and `firstcome key create --help` show this table. */
export const SCOPES = {
  issue: 'Issue coupons.',
  read: 'See campaigns, numbers and audits, and of coupons all but their codes, which show the last four characters.',
  codes: 'What `read` allows, with codes in full: lists, exports, look-ups by code.',
  admin: 'Everything: create, change and delete campaigns, and see who changed what.',
} as const

export type Scope = keyof typeof SCOPES

export interface Caller {
  /** Of the key; '' is nobody in particular: while there are no keys, everybody is the same client. */
  readonly client: string
  /** The public half of the key; null: without one. */
  readonly keyId: string | null
  readonly scopes: ReadonlySet<Scope>
}

/** Before it is known who calls, and where nobody asks. */
export const NOBODY: Caller = { client: '', keyId: null, scopes: new Set<Scope>() }

/** The client of a bootstrap key, and what stands for its id; no id of a key has an `o`. */
export const BOOTSTRAP = 'bootstrap'

/** While there are no keys. */
export const ANYBODY: Caller = { client: '', keyId: null, scopes: new Set<Scope>(['admin']) }

/** As they are stored, with commas between. What this program does not know, a newer one may have written. */
export function readScopes(text: string): Scope[] {
  return text.split(',').filter(isScope)
}

export function isScope(text: string): text is Scope {
  return Object.hasOwn(SCOPES, text)
}

export function may({ scopes }: Caller, scope: Scope): boolean {
  return scopes.has(scope) || scopes.has('admin') || (scope === 'read' && scopes.has('codes'))
}
