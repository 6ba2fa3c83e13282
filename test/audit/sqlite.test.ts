// The audit's reading of SQLite; and what only a file in another process's hands can show.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteAuditSource } from '../../src/audit/sqlite.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { openSqliteKeyStore } from '../../src/ledger/sqlite/keys.ts'
import { auditSuite, type AuditedDatabase } from './audit-suite.ts'

async function open(): Promise<AuditedDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'firstcome-audit-'))
  const path = join(folder, 'coupons.db')
  await (await openSqliteLedger({ path })).close()
  const keyStore = await openSqliteKeyStore({ path })
  const database = new DatabaseSync(path)
  database.exec('PRAGMA synchronous = OFF')
  const rebuildWithout = (constraint: RegExp) => {
    const { sql } = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'coupons'").get() as { sql: string }
    const lines = sql.split('\n').filter((line) => !constraint.test(line))
    database.exec(
      `DROP TABLE coupons; ${lines
        .join('\n')
        .replace(/,(\s*\))/, '$1')
        .replace(/,(\s*\n\) STRICT)/, '$1')}`,
    )
  }
  return {
    source: sqliteAuditSource({ path }),
    async putCampaign({ id, createdAtMs, startTimeMs, totalCoupons, recipientRequired }) {
      database
        .prepare(
          `INSERT INTO campaigns (id, name, start_time, total_coupons, recipient_required, code_format, metadata, created_at, updated_at)
           VALUES (?, 'Audited', ?, ?, ?, '{}', '{}', ?, ?)`,
        )
        .run(id, startTimeMs, totalCoupons, Number(recipientRequired), createdAtMs, createdAtMs)
    },
    async putCoupons(coupons) {
      const insert = database.prepare(
        `INSERT INTO coupons (campaign_id, coupon_code, issued_at, slot, request_key, recipient, recipient_key)
         VALUES (?, ?, ?, ?, unhex(?), ?, unhex(?))`,
      )
      database.exec('BEGIN')
      for (const { campaignId, couponCode, issuedAtMs, slot, requestKey, recipient, recipientKey } of coupons)
        insert.run(campaignId, couponCode, issuedAtMs, slot, requestKey, recipient, recipientKey)
      database.exec('COMMIT')
    },
    async setTotal(campaignId, total) {
      database.prepare('UPDATE campaigns SET total_coupons = ? WHERE id = ?').run(total, campaignId)
    },
    async dropUnique(column) {
      rebuildWithout(new RegExp(`UNIQUE \\(campaign_id, ${column}\\)`))
    },
    async indexPlainly(column) {
      database.exec(`CREATE INDEX plain_${column} ON coupons (campaign_id, ${column})`)
    },
    async dropChecks() {
      rebuildWithout(/CHECK \(/)
    },
    keyStore,
    async dropKeys() {
      database.exec('DROP TABLE api_keys')
    },
    async close() {
      await keyStore.close()
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
}

auditSuite('SQLite', open, 1_000)
