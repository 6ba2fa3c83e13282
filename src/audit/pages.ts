// All rows in the order of a value, page after page, where nobody warrants that a value has one row only: each page begins
// with the value that the last one ended with, and what was seen of it is left out.

export interface PageOf<Row, Value> {
  /** Ascending; null: from the beginning. `isBeyond`: without that value itself. */
  read(from: Value | null, isBeyond: boolean): Promise<readonly Row[]>
  valueOf(row: Row): Value
  idOf(row: Row): number
  /** Fewer rows are the last. */
  readonly rows: number
}

export async function* pagesOf<Row, Value>(page: PageOf<Row, Value>): AsyncGenerator<readonly Row[]> {
  let from: Value | null = null
  let isBeyond = false
  let seen = new Set<number>()
  for (;;) {
    const rows = await page.read(from, isBeyond)
    const fresh = rows.filter((row) => page.valueOf(row) !== from || !seen.has(page.idOf(row)))
    if (fresh.length > 0) yield fresh
    const last = rows.at(-1)
    if (last === undefined || rows.length < page.rows) return
    const value = page.valueOf(last)
    // A page of one value: what else has it is not counted, for what is wrong is plain by now.
    isBeyond = value === from
    from = value
    seen = new Set(rows.filter((row) => page.valueOf(row) === value).map((row) => page.idOf(row)))
  }
}
