// What people see: tables whose columns stand below each other also where characters are wide, times, numbers. Nothing that
// somebody once sent as a name reaches the terminal as a command.

import { styleText } from 'node:util'
import stringWidth from 'string-width'

/** Of a column that is cut where the terminal is narrow. */
const COLUMN_WIDTH_MIN = 8
const GAP = '  '

/** Controls of terminals and of writing direction, line and paragraph separators. */
const DANGEROUS = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** As text that does nothing but stand there. */
export function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(DANGEROUS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

export interface Column<Row> {
  readonly heading: string
  readonly of: (row: Row) => string
  readonly isRight?: true
  /** On a terminal that is too narrow, this one is cut. */
  readonly isCut?: true
  /** Of its cells on a terminal. */
  readonly style?: (row: Row) => Parameters<typeof styleText>[0]
}

/** Drawn piece by piece: what came is shown while more is fetched. Columns grow with it and do not shrink. */
export class Table<Row> {
  readonly #columns: readonly Column<Row>[]
  readonly #widthMax: number
  readonly #widths: number[]
  #isBegun = false

  /** @param widthMax of a line; Infinity where there is no terminal */
  constructor(columns: readonly Column<Row>[], widthMax = process.stdout.columns || Infinity) {
    this.#columns = columns
    this.#widthMax = widthMax
    this.#widths = columns.map(({ heading }) => stringWidth(heading))
  }

  /** @returns lines; with the headings above the first ones */
  draw(rows: readonly Row[]): string {
    const cells = rows.map((row) => this.#columns.map(({ of }) => printable(of(row))))
    for (const line of cells) {
      line.forEach((cell, index) => (this.#widths[index] = Math.max(this.#widths[index] as number, stringWidth(cell))))
    }
    this.#cut()
    const lines = rows.map((row, at) =>
      this.#line(cells[at] as string[], (cell, { style }) =>
        style === undefined ? cell : styleText(style(row), cell),
      ),
    )
    if (!this.#isBegun) {
      const headings = this.#columns.map(({ heading }) => heading)
      lines.unshift(this.#line(headings, (heading) => styleText('bold', heading)))
    }
    this.#isBegun = true
    return lines.map((line) => `${line}\n`).join('')
  }

  #line(cells: readonly string[], styled: (cell: string, column: Column<Row>) => string): string {
    const padded = this.#columns.map((column, index) => {
      const width = this.#widths[index] as number
      const cell = cut(cells[index] as string, width)
      const room = ' '.repeat(width - stringWidth(cell))
      return column.isRight === true ? room + styled(cell, column) : styled(cell, column) + room
    })
    return padded.join(GAP).trimEnd()
  }

  #cut(): void {
    const index = this.#columns.findIndex(({ isCut }) => isCut === true)
    const width = this.#widths[index]
    if (width === undefined) return
    const total = this.#widths.reduce((sum, one) => sum + one, GAP.length * (this.#widths.length - 1))
    if (total > this.#widthMax)
      this.#widths[index] = Math.min(width, Math.max(COLUMN_WIDTH_MIN, width - total + this.#widthMax))
  }
}

/** One thing, a line for each of its properties. */
export function facts(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows
    .map(([name, value]) => `${styleText('bold', name)}${' '.repeat(width - name.length)}${GAP}${printable(value)}\n`)
    .join('')
}

/** As much of it as fits, by what a reader takes for characters. */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let kept = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(kept + segment) >= width) break
    kept += segment
  }
  return `${kept}…`
}

/** RFC 3339 in the time zone of whoever reads it: as people think of it, and as a flag takes it. */
export function shownTime(time: string): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return time
  const offsetMinutes = -date.getTimezoneOffset()
  const local = new Date(date.getTime() + offsetMinutes * 60_000).toISOString().slice(0, -1)
  return local.replace('.000', '') + shownOffset(offsetMinutes)
}

function shownOffset(minutes: number): string {
  if (minutes === 0) return 'Z'
  const two = (number: number) => String(number).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`
}

/** The two biggest units of it. */
export function shownDuration(ms: number): string {
  if (ms < 10_000) return `${(Math.ceil(ms / 100) / 10).toFixed(1)} s`
  const seconds = Math.ceil(ms / 1_000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ')
}

export function shownCount(count: number): string {
  return count.toLocaleString('en-US')
}
