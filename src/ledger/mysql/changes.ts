// Changes as rows.

import type { Change, ChangeAction, ChangePage, NewChange, Noted } from '../changes.ts'
import type { Row, Statements } from './connection.ts'
import { int, isId, nullable, text } from './rows.ts'
import * as sql from './statements.ts'

/** In whatever transaction the connection is. */
export async function insertChange(connection: Statements, change: NewChange): Promise<void> {
  const { by, action, campaignId, before, after } = change
  await connection.write(sql.INSERT_CHANGE, [
    by.client,
    by.keyId,
    by.operator,
    action,
    campaignId,
    before === null ? null : JSON.stringify(before),
    after === null ? null : JSON.stringify(after),
    by.requestId,
  ])
}

export async function listChanges(connection: Statements, page: ChangePage): Promise<Change[]> {
  if (page.campaignId !== null && !isId(page.campaignId)) return []
  const { text, values } = sql.changesPage(page)
  return (await connection.selectText(text, values)).map(toChange)
}

function toChange(row: Row): Change {
  return {
    id: int(row, 'id'),
    atMs: int(row, 'at_ms'),
    by: {
      client: nullable(row, 'client', text),
      keyId: nullable(row, 'key_id', text),
      operator: nullable(row, 'operator', text),
      requestId: nullable(row, 'request_id', text),
    },
    // A newer release may have noted what this one does not know: it is passed on as it is.
    action: text(row, 'action') as ChangeAction,
    campaignId: nullable(row, 'campaign_id', text),
    before: nullable(row, 'noted_before', noted),
    after: nullable(row, 'noted_after', noted),
  }
}

function noted(row: Row, column: string): Noted {
  return JSON.parse(text(row, column)) as Noted
}
