// Lists, page after page: as a table that grows, or as one JSON document.

import { patiently, type Answer, type Api, type CallOptions } from './api.ts'
import { print } from './caller.ts'
import type { Table } from './table.ts'

interface Page<Row> {
  readonly data: readonly Row[]
  readonly next_cursor: string | null
}

export interface List<Row> {
  readonly api: Api
  readonly path: string
  readonly query: CallOptions['query']
  /** Infinity: all that there are. */
  readonly rowsMax: number
  /** What the server gives at once. */
  readonly pageMax: number
  readonly isJson: boolean
  /** Asked for when there is something to draw. */
  readonly table: () => Promise<Table<Row>>
  /** What is said of an empty list. */
  readonly none: string
}

export async function printList<Row>(list: List<Row>): Promise<void> {
  const rows: Row[] = []
  let count = 0
  let cursor: string | null = null
  let table: Table<Row> | null = null
  // A page may have fewer rows than were asked for, even none, and still not be the last one.
  do {
    const limit: number = Math.min(list.pageMax, list.rowsMax - count)
    const query: CallOptions['query'] = { ...list.query, limit, cursor: cursor ?? undefined }
    const answer: Answer<Page<Row>> = await patiently(() => list.api.get(list.path, query))
    const page = answer.json
    count += page.data.length
    cursor = page.next_cursor
    if (list.isJson) rows.push(...page.data)
    else if (page.data.length > 0) {
      table ??= await list.table()
      print(table.draw(page.data))
    }
  } while (cursor !== null && count < list.rowsMax)

  if (list.isJson)
    print(JSON.stringify(list.rowsMax === Infinity ? { data: rows } : { data: rows, next_cursor: cursor }))
  else if (count === 0) process.stderr.write(`${list.none}.\n`)
  else if (cursor !== null) process.stderr.write('There are more: --limit N or --all shows them.\n')
}
