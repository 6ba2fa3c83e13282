// The tables of the peers: what each of them needs and no more, durable as ours. Made by the bench, which also makes campaigns.

import { createConnection } from 'mysql2/promise'
import type { PeerKind } from '../ways.ts'
import { newCode } from './peer.ts'

const TABLES = [
  `CREATE TABLE campaigns (
    id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    total INT NOT NULL,
    issued INT NOT NULL DEFAULT 0,
    start_time DATETIME(3) NOT NULL)`,
  `CREATE TABLE coupons (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaign_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    slot INT NOT NULL,
    recipient VARCHAR(255) NULL,
    issued_at DATETIME(3) NULL,
    UNIQUE KEY (campaign_id, code),
    UNIQUE KEY (campaign_id, recipient)) DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin`,
]
/** Of rows that are made in advance, in one statement. */
const ADVANCE_ROWS = 10_000

export async function createTables(url: string, kind: PeerKind): Promise<void> {
  await using connection = await createConnection(url)
  for (const table of TABLES) await connection.query(table)
  if (kind === 'rows-in-advance')
    await connection.query('ALTER TABLE coupons ADD UNIQUE KEY by_slot (campaign_id, slot)')
}

export async function createPeerCampaign(url: string, kind: PeerKind, id: string, total: number): Promise<void> {
  await using connection = await createConnection(url)
  await connection.query('INSERT INTO campaigns (id, total, start_time) VALUES (?, ?, UTC_TIMESTAMP(3))', [id, total])
  if (kind !== 'rows-in-advance') return
  for (let from = 1; from <= total; from += ADVANCE_ROWS) {
    const rows = Array.from({ length: Math.min(ADVANCE_ROWS, total - from + 1) }, (_, at) => [id, newCode(), from + at])
    await connection.query('INSERT INTO coupons (campaign_id, code, slot) VALUES ?', [rows])
  }
}
