// The audit's reading of MySQL or MariaDB.

import { inject } from 'vitest'
import { mysqlAuditSource } from '../../src/audit/mysql.ts'
import { sqlTime } from '../../src/ledger/mysql/rows.ts'
import { openMysqlUnderTest } from '../ledger/mysql-database.ts'
import { auditSuite, type AuditedDatabase, type UniqueColumn } from './audit-suite.ts'

const INDEXES: Readonly<Record<UniqueColumn, string>> = {
  coupon_code: 'coupons_code',
  slot: 'coupons_slot',
  request_key: 'coupons_request',
  recipient_key: 'coupons_recipient',
}

async function open(): Promise<AuditedDatabase> {
  const { serverUrl, operator, foreign, close } = await openMysqlUnderTest(inject('mysqlUrl'))
  return {
    source: mysqlAuditSource({ url: serverUrl }),
    async putCampaign({ id, createdAtMs, startTimeMs, totalCoupons, recipientRequired }) {
      const createdAt = sqlTime(createdAtMs)
      await foreign.query(
        `INSERT INTO campaigns (id, name, start_time, total_coupons, recipient_required, code_format, metadata, created_at, updated_at)
         VALUES (?, 'Audited', ?, ?, ?, '{}', '{}', ?, ?)`,
        [id, sqlTime(startTimeMs), totalCoupons, Number(recipientRequired), createdAt, createdAt],
      )
    },
    async putCoupons(coupons) {
      if (coupons.length === 0) return
      const rows = coupons.map((coupon) => [
        coupon.campaignId,
        coupon.couponCode,
        sqlTime(coupon.issuedAtMs),
        coupon.slot,
        Buffer.from(coupon.requestKey, 'hex'),
        coupon.recipient,
        coupon.recipientKey === null ? null : Buffer.from(coupon.recipientKey, 'hex'),
      ])
      await foreign.query(
        'INSERT INTO coupons (campaign_id, coupon_code, issued_at, slot, request_key, recipient, recipient_key) VALUES ?',
        [rows],
      )
    },
    async setTotal(campaignId, total) {
      await foreign.query('UPDATE campaigns SET total_coupons = ? WHERE id = ?', [total, campaignId])
    },
    async dropUnique(column) {
      await foreign.query(`ALTER TABLE coupons DROP INDEX ${INDEXES[column]}`)
    },
    async indexPlainly(column) {
      await foreign.query(`CREATE INDEX plain_${column} ON coupons (campaign_id, ${column})`)
    },
    async dropChecks() {
      await foreign.query(
        'ALTER TABLE coupons DROP CONSTRAINT coupons_slot_from_1, DROP CONSTRAINT coupons_recipient_has_key',
      )
    },
    keyStore: operator.keyStore,
    async dropKeys() {
      await foreign.query('DROP TABLE api_keys')
    },
    close,
  }
}

auditSuite('MySQL', open, 500)
