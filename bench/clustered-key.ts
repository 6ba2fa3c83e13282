// Which key of `coupons` should be the clustered one? Loads the same rush into tables that differ only in that, in turn,
// and prints what writing and reading cost. Median of the rounds; a private server, durable settings.
//
//   node bench/clustered-key.ts [--rows 200000] [--rounds 3] [--buffer-pool 256M]
//   TEST_MYSQLD=/path/to/mysqld node bench/clustered-key.ts     another server than the first one found

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createConnection, type Connection } from 'mysql2/promise'
import { recordStatement } from '../src/ledger/mysql/statements.ts'
import { statementsOf } from '../src/ledger/migrations.ts'
import { startMariadb } from '../test/servers/mariadb.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '3' },
    'buffer-pool': { type: 'string', default: '256M' },
  },
})
const ROWS = Number(values.rows)
const BATCH_ROWS = 500
const WRITERS = 3

const schema = readFileSync(new URL('../src/ledger/migrations/mysql/0001_first_tables.sql', import.meta.url), 'utf8')

interface Form {
  readonly name: string
  /** The index that holds (campaign_id, slot). */
  readonly slotIndex: string
  readonly schema: string
}

const forms: Form[] = [
  { name: '(id)', slotIndex: 'coupons_slot', schema },
  {
    name: '(id, campaign_id)',
    slotIndex: 'coupons_slot',
    schema: schema.replace(
      '  PRIMARY KEY (id),\n  UNIQUE KEY coupons_code',
      '  PRIMARY KEY (id, campaign_id),\n  UNIQUE KEY coupons_code',
    ),
  },
  {
    name: '(campaign_id, slot)',
    slotIndex: 'PRIMARY',
    schema: schema
      .replace(
        '  PRIMARY KEY (id),\n  UNIQUE KEY coupons_code',
        '  PRIMARY KEY (campaign_id, slot),\n  KEY coupons_id (id),\n  UNIQUE KEY coupons_code',
      )
      .replace('  UNIQUE KEY coupons_slot (campaign_id, slot),\n', ''),
  },
]

type Figures = Record<string, number>

const server = await startMariadb({ options: [`--innodb-buffer-pool-size=${values['buffer-pool']}`] })
try {
  const figures = new Map<string, Figures[]>(forms.map(({ name }) => [name, []]))
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const form of forms) {
      process.stderr.write(`round ${round} of ${values.rounds}: PRIMARY KEY ${form.name}\n`)
      figures.get(form.name)?.push(await measure(form))
    }
  }
  const rows = forms.map(({ name }) => {
    const all = figures.get(name) as Figures[]
    const medians = Object.keys(all[0] as Figures).map((key) => [key, median(all.map((each) => each[key] as number))])
    return { 'PRIMARY KEY': name, ...(Object.fromEntries(medians) as Figures) }
  })
  console.table(rows)
} finally {
  await server.close()
}

async function measure(form: Form): Promise<Figures> {
  const admin = await createConnection(server.url)
  await admin.query('DROP DATABASE IF EXISTS clustered')
  await admin.query('CREATE DATABASE clustered')
  await admin.query('USE clustered')
  for (const statement of statementsOf(form.schema)) await admin.query(statement)
  await admin.query(`INSERT INTO campaigns (id, name, start_time, total_coupons, code_format, metadata, created_at, updated_at)
    VALUES ('rush-campaign', 'rush', '2026-01-01', ${ROWS}, '{}', '{}', '2026-01-01', '2026-01-01')`)

  const url = new URL(server.url)
  url.pathname = '/clustered'
  const writers = await Promise.all(Array.from({ length: WRITERS }, () => createConnection(url.href)))
  await Promise.all(
    writers.map((writer) =>
      writer
        .query("SET time_zone = '+00:00', transaction_isolation = 'REPEATABLE-READ'")
        .catch(() => writer.query("SET time_zone = '+00:00', tx_isolation = 'REPEATABLE-READ'")),
    ),
  )
  const [[{ version }]] = (await admin.query('SELECT VERSION() AS version')) as unknown as [[{ version: string }]]
  const dialect = /mariadb/i.test(version) ? 'mariadb' : 'mysql'
  const beganAt = performance.now()
  let nextSlot = 1
  await Promise.all(
    writers.map(async (writer) => {
      while (nextSlot <= ROWS) {
        const from = nextSlot
        nextSlot += BATCH_ROWS
        await writer.execute(recordStatement(dialect), [JSON.stringify(batch(from))])
      }
    }),
  )
  const writeMs = performance.now() - beganAt

  await admin.query('ANALYZE TABLE coupons')
  const [[size]] =
    (await admin.query(`SELECT (data_length + index_length) / 1048576 AS mib FROM information_schema.tables
    WHERE table_schema = 'clustered' AND table_name = 'coupons'`)) as unknown as [[{ mib: number | string }]]
  const ask = (sql: string) => timed(admin, sql.replace('SLOT_INDEX', form.slotIndex))
  const middle = ROWS / 2
  const result = {
    'rows/s written': Math.round((ROWS / writeMs) * 1_000),
    'ms to count all': await ask(`SELECT (slot - 1) DIV 4096 AS segment, COUNT(*) FROM coupons FORCE INDEX (SLOT_INDEX)
      WHERE campaign_id = 'rush-campaign' AND slot BETWEEN 1 AND ${ROWS} GROUP BY segment`),
    'ms for the slots of a segment': await ask(`SELECT slot FROM coupons FORCE INDEX (SLOT_INDEX)
      WHERE campaign_id = 'rush-campaign' AND slot BETWEEN ${middle} AND ${middle + 4_095} ORDER BY slot`),
    'ms to list 1,000': await ask(`SELECT * FROM coupons FORCE INDEX (SLOT_INDEX)
      WHERE campaign_id = 'rush-campaign' AND slot > ${middle} ORDER BY slot LIMIT 1000`),
    MiB: Math.round(Number(size.mib)),
  }
  await Promise.all([...writers, admin].map((connection) => connection.end()))
  return result
}

/** As the path writes them: codes and recipients at random places of their indexes, request keys at the right edge. */
function batch(from: number): unknown[][] {
  const rows = []
  for (let slot = from; slot < Math.min(from + BATCH_ROWS, ROWS + 1); slot++) {
    const random = randomBytes(34).toString('hex')
    const requestKey = Date.now().toString(16).padStart(12, '0') + random.slice(0, 20)
    rows.push([
      'rush-campaign',
      '2026-01-01 00:00:00.000',
      '2026-01-02 00:00:00.000',
      slot,
      random.slice(20, 36).toUpperCase(),
      requestKey,
      `member-${random.slice(20, 32)}`,
      random.slice(36, 68),
      1,
    ])
  }
  return rows.sort((a, b) => (String(a[7]) < String(b[7]) ? -1 : 1))
}

async function timed(connection: Connection, sql: string): Promise<number> {
  const times = []
  for (let time = 0; time < 5; time++) {
    const beganAt = performance.now()
    await connection.query(sql)
    times.push(performance.now() - beganAt)
  }
  return Math.round(median(times) * 10) / 10
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number
}
