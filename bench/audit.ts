// What an audit of a big campaign costs: time, and memory at its peak. On MySQL by its own source; and the same rows as a
// caller over HTTP reads them, which need more memory, for they come without an order of codes and recipients.
//
//   node bench/audit.ts [--coupons 10000000] [--http]
//
// On a private durable MariaDB or MySQL. Filling takes some minutes. Auditor, server and database share this machine.

import { parseArgs } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { auditCampaign } from '../src/audit/audit.ts'
import { httpAuditSource } from '../src/audit/http.ts'
import { mysqlAuditSource } from '../src/audit/mysql.ts'
import { migrateMysql } from '../src/ledger/mysql/migrate.ts'
import { openMysqlLedger } from '../src/ledger/mysql.ts'
import { openCampaign } from '../test/issue/open-path.ts'
import { startServe } from '../test/serve/server-process.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { startMariadb } from '../test/servers/mariadb.ts'

const { values } = parseArgs({
  options: { coupons: { type: 'string', default: '10000000' }, http: { type: 'boolean', default: false } },
})
const COUPONS = Number(values.coupons)
/** Rows of one INSERT … SELECT. */
const FILL_ROWS = 500_000

const say = (what: string) => process.stderr.write(`${what}\n`)

await using servers = new AsyncDisposableStack()
const mysql = servers.use(
  await startMariadb({
    options: ['--innodb-buffer-pool-size=4G', '--loose-innodb-log-file-size=2G'],
  }),
)
const { url } = await freshDatabase(mysql.url)
await migrateMysql({ url })
const ledger = openMysqlLedger({ url })
const { id } = await openCampaign(ledger, COUPONS)
await ledger.close()
await fill()

const source = values.http ? httpAuditSource({ url: await serve() }) : mysqlAuditSource({ url })
say('auditing')
let toldAt = 0
const report = await auditCampaign(source, id, {
  graceMs: 30_000,
  onProgress({ step, done, expected }) {
    if (performance.now() - toldAt < 5_000) return
    toldAt = performance.now()
    say(`${step}: ${done} of ${expected}`)
  },
})
console.log(JSON.stringify(report, null, 2))
const peakMb = Math.round(process.resourceUsage().maxRSS / 1_024)
console.log(
  `${COUPONS} coupons: ${((report?.took_ms ?? 0) / 1_000).toFixed(1)} s, ${peakMb} MB at the peak; ` +
    `again: node bench/audit.ts ${process.argv.slice(2).join(' ')}`,
)

async function serve(): Promise<string> {
  const server = await startServe({ MYSQL_URL: url })
  servers.defer(() => server.close())
  return server.url
}

/** Without any code of the project, and with numbers that the database makes: a thousand times a thousand. */
async function fill(): Promise<void> {
  const connection = await createConnection(url)
  await connection.query('CREATE TABLE numbers (n INT NOT NULL PRIMARY KEY)')
  await connection.query('INSERT INTO numbers VALUES ?', [Array.from({ length: 1_000 }, (_, n) => [n])])
  for (let from = 0; from < COUPONS; from += FILL_ROWS) {
    const to = Math.min(COUPONS, from + FILL_ROWS)
    say(`filling: ${to} of ${COUPONS}`)
    await connection.query(
      `INSERT INTO coupons (campaign_id, coupon_code, issued_at, slot, request_key, recipient, recipient_key)
       SELECT ?, UPPER(LEFT(SHA2(CONCAT('c', slot), 256), 16)), UTC_TIMESTAMP(3), slot,
              UNHEX(CONCAT(LPAD(HEX(slot), 12, '0'), LEFT(SHA2(CONCAT('q', slot), 256), 20))), recipient,
              UNHEX(LEFT(SHA2(CONCAT(CHAR_LENGTH(recipient), ':', recipient), 256), 32))
         FROM (SELECT slot, CONCAT('user-', slot) AS recipient FROM (
           SELECT ? + m.n * 1000 + k.n + 1 AS slot FROM numbers m CROSS JOIN numbers k) numbered WHERE slot <= ?) people`,
      [id, from, to],
    )
  }
  await connection.end()
}
