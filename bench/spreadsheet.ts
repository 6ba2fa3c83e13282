// Does a CSV come through LibreOffice as it was meant? All of it is opened and written again, and each cell compared.

import { open, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { findProgram } from '../test/servers/find.ts'
import type { Guardian } from '../test/servers/guarded.ts'

/** Comma, double quote, UTF-8, from the first line on: as its dialog is filled in for a file that begins with a BOM. */
const READING = 'CSV:44,34,76,1'
/** The same, and every cell as it is shown. */
const WRITING = 'csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false'
/** Enough to see what kind of cell each kind of text becomes; as XML a million are a gigabyte. */
const TYPED_ROWS = 1_000

/** It may be some minutes for a million rows. */
const OPEN_MS_MAX = 1_800_000

interface Row {
  readonly slot: number
  readonly coupon_code: string
  readonly recipient: string | null
  readonly issued_at: string
}

/** @throws at the first cell that is not as in `rows`, but for an apostrophe in front of text */
export async function openInSpreadsheet(
  guardian: Guardian,
  csv: string,
  rows: AsyncIterable<Row>,
  tell: (what: string) => void,
): Promise<void> {
  const program = findProgram(['soffice', 'libreoffice'])
  if (program === null) throw new Error('no LibreOffice on this machine')
  const folder = join(guardian.folder, 'opened')
  const convert = async (to: string, from: string) => {
    const profile = `-env:UserInstallation=file://${join(guardian.folder, 'profile')}`
    const args = [profile, '--headless', `--infilter=${READING}`, '--convert-to', to, '--outdir', folder, from]
    const office = await guardian.run(program, args)
    const timer = setTimeout(() => office.signal('SIGKILL'), OPEN_MS_MAX)
    const { code } = await office.exited
    clearTimeout(timer)
    if (code !== 0) throw new Error(`LibreOffice ended with ${code}:\n${office.output}`)
  }

  const beganAt = performance.now()
  await convert(WRITING, csv)
  const seconds = ((performance.now() - beganAt) / 1_000).toFixed(0)
  const { counted, apostrophes } = await compare(join(folder, basename(csv)), rows)
  tell(
    `CSV: opened in LibreOffice and saved in ${seconds} s: ${counted} rows, each cell as in the database; ` +
      `${apostrophes} texts that it would have changed kept an apostrophe in front`,
  )

  const head = join(guardian.folder, 'head.csv')
  await writeFile(head, (await firstLines(csv, TYPED_ROWS + 1)).map((line) => `${line}\r\n`).join(''))
  await convert('fods', head)
  const sheet = await readFile(join(folder, 'head.fods'), 'utf8')
  const kinds: Record<string, number> = {}
  for (const [, kind] of sheet.matchAll(/<table:table-cell[^>]* office:value-type="([a-z]+)"/g)) {
    kinds[kind as string] = (kinds[kind as string] ?? 0) + 1
  }
  if (/table:formula=/.test(sheet)) throw new Error('a cell became a formula')
  const { float: numbers, string: texts, ...others } = kinds
  if (numbers !== Math.min(TYPED_ROWS, counted) || Object.keys(others).length > 0)
    throw new Error(`cells that became something else than text: ${JSON.stringify(kinds)}`)
  tell(
    `CSV: of the first ${numbers} rows only the slots became numbers, ${texts} cells are text, none a formula or a date`,
  )
}

async function compare(path: string, rows: AsyncIterable<Row>): Promise<{ counted: number; apostrophes: number }> {
  await using handle = await open(path)
  const lines = handle.readLines()[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    return done === true ? null : cellsOf(value)
  }
  const same = (found: readonly string[] | null, wanted: readonly string[]) => {
    if (JSON.stringify(found) !== JSON.stringify(wanted))
      throw new Error(`LibreOffice has ${JSON.stringify(found)}, the database ${JSON.stringify(wanted)}`)
  }
  same(await next(), ['slot', 'coupon_code', 'recipient', 'issued_at'])
  let counted = 0
  let apostrophes = 0
  for await (const { slot, coupon_code, recipient, issued_at } of rows) {
    const found = (await next())?.map((cell) => {
      if (!cell.startsWith("'")) return cell
      apostrophes++
      return cell.slice(1)
    })
    same(found ?? null, [String(slot), coupon_code, recipient ?? '', issued_at])
    counted++
  }
  same(await next(), null as never)
  return { counted, apostrophes }
}

/** No cell of ours has a line break. */
function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain as string) : quoted.replaceAll('""', '"'),
  )
}

async function firstLines(path: string, count: number): Promise<string[]> {
  await using handle = await open(path)
  const lines: string[] = []
  for await (const line of handle.readLines()) {
    lines.push(line)
    if (lines.length === count) break
  }
  return lines
}
