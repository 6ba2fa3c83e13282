/** Who changes something: a caller over HTTP, or an operator at the database. */
export interface Author {
  /** null: without a key, or an operator. */
  readonly client: string | null
  readonly keyId: string | null
  /** user@host; null: a caller. */
  readonly operator: string | null
  /** null: an operator. */
  readonly requestId: string | null
}
