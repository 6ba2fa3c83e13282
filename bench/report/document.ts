// The tables of docs/performance.md, made of the results: between two comments of the document stands what is written here, and a
// test compares them.

import type { Results } from './results.ts'
import { count, markdown, rowsTable, waysTable } from './table.ts'

type Tables = Readonly<Record<string, (results: Results) => string>>

const SERVERS_FOR = 100_000
/** The longest WAIT_MS_MAX there is; one campaign may fill half of the queue. */
const QUEUE_S = 7 / 2

export const TABLES: Tables = {
  rows: rowsTable,
  ways: waysTable,
  run: ({ at, command, commit, machine, again = [] }) =>
    [
      `Measured ${at.slice(0, 10)} with \`${command}\`, commit ${commit}: ${machine['cores']} cores of ${machine['processor']},`,
      `${machine['memory_gib']} GiB of memory, Linux ${machine['kernel']}, Node ${machine['node']}, ${machine['mysql']}, ${machine['redis']}.`,
      ...again.map(
        (part) =>
          `Measured again by itself, ${part.at.slice(0, 16)}, \`${part.command}\`, commit ${part.commit}: ${part.rows.join(', ')}.`,
      ),
    ].join('\n'),
  open: ({ series }) =>
    markdown(
      ['', 'doing nothing: p50', 'p99', 'Firstcome: p50', 'p99'],
      ['open loop 1000/s', 'open loop 5000/s', 'burst of 5000'].map((load) => [
        load,
        ...['nothing', 'MySQL and Redis'].flatMap((way) => [
          ms(series[`${way}, ${load}: p50`]?.median),
          ms(series[`${way}, ${load}: p99`]?.median),
        ]),
      ]),
    ),
  growth: ({ series }) => {
    const base = series['MySQL and Redis, 256']?.median ?? NaN
    const line = (what: string, id: string, beside: string) => {
      const rate = series[id]?.median ?? NaN
      const other = series[beside]?.median ?? base
      return [what, `${count(rate)}/s`, (rate / other).toFixed(2)]
    }
    return markdown(
      ['', 'issues', 'against'],
      [
        line('64 connections, against 256', 'MySQL and Redis, 64', ''),
        line('1,000 connections, against 256', 'MySQL and Redis, 1000', ''),
        line('1,000 campaigns, against one', '1000 campaigns', 'one campaign'),
        line('10 million rows, against none', 'ten million: issuing', 'ten million: empty table'),
        line(
          'two servers on the same two cores, against one',
          'two servers, 256 connections',
          '0 ms away, 256 connections',
        ),
      ],
    )
  },
  batch: ({ series }) =>
    markdown(
      ['', '256 connections', '1,000 connections'],
      (
        [
          ['requests of a batch', 'batch', 'requests', 1],
          ['statements of a batch', 'batch', 'Questions', 2],
          ['syncs of a batch', 'batch', 'Innodb_data_fsyncs', 2],
          ['bytes to the database, a coupon', 'coupon', 'Bytes_received', 0],
          ['bytes from the database, a coupon', 'coupon', 'Bytes_sent', 0],
          ['bytes of its redo log, a coupon', 'coupon', 'Innodb_os_log_written', 0],
        ] as const
      ).map(([what, of, counted, digits]) => [
        what,
        ...[256, 1_000].map((connections) => {
          const value = series[`${of}, 0 ms away, ${connections} connections: ${counted}`]?.median ?? NaN
          return value.toFixed(digits)
        }),
      ]),
    ),
  far: ({ series }) =>
    markdown(
      ['the database is away', '256 connections', 'of near', '1,000 connections', 'of near'],
      [0, 1, 5, 20].map((away) => [
        `${away} ms`,
        ...[256, 1_000].flatMap((connections) => {
          const rate = series[`${away} ms away, ${connections} connections`]?.median ?? NaN
          const near = series[`0 ms away, ${connections} connections`]?.median ?? NaN
          return [`${count(rate)}/s`, (rate / near).toFixed(2)]
        }),
      ]),
    ),
  sizing: ({ series }) => {
    const rate = series['MySQL and Redis, 1000']?.median ?? NaN
    const needed = SERVERS_FOR / QUEUE_S
    return [
      `A server as the one measured issues ${count(rate)} a second and so takes in some ${count(rate * QUEUE_S)} people in one instant.`,
      `For ${count(SERVERS_FOR)} the servers together must do ${count(needed)} a second: ${Math.ceil(needed / rate)} such servers, as long as the database keeps up.`,
    ].join('\n')
  },
}

function ms(value: number | undefined): string {
  return value === undefined ? '' : `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`
}

/** @throws when a table has no place, or a place no table */
export function filled(document: string, results: Results): string {
  const placed = new Set<string>()
  const text = document.replace(
    /(<!-- bench: (\w+) -->\n)[^]*?(<!-- end -->)/g,
    (_all, begin: string, name: string, end: string) => {
      const table = TABLES[name]
      if (table === undefined) throw new Error(`no such table: ${name}`)
      placed.add(name)
      return `${begin}\n${table(results)}\n\n${end}`
    },
  )
  const missing = Object.keys(TABLES).filter((name) => !placed.has(name))
  if (missing.length > 0) throw new Error(`the document has no place for ${missing.join(', ')}`)
  return text
}
