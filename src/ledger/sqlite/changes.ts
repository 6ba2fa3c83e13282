// Changes as rows, on one connection: the reader's own for everybody, the writer's inside a lock.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Change, ChangeAction, ChangePage, NewChange, Noted } from '../changes.ts'

const columns = `id, at AS atMs, client, key_id AS keyId, operator, action, campaign_id AS campaignId, before, after,
  request_id AS requestId`
const filter = '(:client IS NULL OR client = :client) AND (:action IS NULL OR action = :action)'

/** Seen by a test that asks SQLite for the plan of each. */
export const changesSql = {
  newest: `SELECT ${columns} FROM changes WHERE id < :beforeId AND ${filter} ORDER BY id DESC LIMIT :limit`,
  ofCampaign: `
    SELECT ${columns} FROM changes WHERE campaign_id = :campaignId AND id < :beforeId AND ${filter}
    ORDER BY id DESC LIMIT :limit`,
}

const insert = `
  INSERT INTO changes (at, client, key_id, operator, action, campaign_id, before, after, request_id)
  VALUES (:at, :client, :keyId, :operator, :action, :campaignId, :before, :after, :requestId)`

interface ChangeRow {
  readonly id: number
  readonly atMs: number
  readonly client: string | null
  readonly keyId: string | null
  readonly operator: string | null
  readonly action: string
  readonly campaignId: string | null
  readonly before: string | null
  readonly after: string | null
  readonly requestId: string | null
}

export class SqliteChanges {
  readonly #database: DatabaseSync
  readonly #newest: StatementSync
  readonly #ofCampaign: StatementSync

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#newest = database.prepare(changesSql.newest)
    this.#ofCampaign = database.prepare(changesSql.ofCampaign)
  }

  /** In whatever transaction the connection is. */
  note({ by, action, campaignId, before, after }: NewChange, nowMs: number): void {
    this.#database.prepare(insert).run({
      ...by,
      at: nowMs,
      action,
      campaignId,
      before: before === null ? null : JSON.stringify(before),
      after: after === null ? null : JSON.stringify(after),
    })
  }

  list({ limit, beforeId, campaignId, client, action }: ChangePage): Change[] {
    const given = { limit, beforeId: beforeId ?? Number.MAX_SAFE_INTEGER, client, action }
    const rows = campaignId === null ? this.#newest.all(given) : this.#ofCampaign.all({ ...given, campaignId })
    return (rows as unknown as ChangeRow[]).map(toChange)
  }
}

function toChange({ id, atMs, action, campaignId, before, after, ...by }: ChangeRow): Change {
  // A newer release may have noted what this one does not know: it is passed on as it is.
  return { id, atMs, by, action: action as ChangeAction, campaignId, before: noted(before), after: noted(after) }
}

function noted(json: string | null): Noted | null {
  return json === null ? null : (JSON.parse(json) as Noted)
}
