// A campaign of ten million coupons, made as fast as the database can: the rows first, then their keys in one go. Not as full
// as a sorted build would pack them: pages as full as those that grew under a rush.

import { createConnection, type Connection } from 'mysql2/promise'

/** Of one statement. */
const CHUNK = 500_000
/** Pages of keys that grew by chance are some 70 % full. */
const FILL_FACTOR = 70

const KEYS = [
  'UNIQUE KEY coupons_code (campaign_id, coupon_code)',
  'UNIQUE KEY coupons_slot (campaign_id, slot)',
  'UNIQUE KEY coupons_request (campaign_id, request_key)',
  'UNIQUE KEY coupons_recipient (campaign_id, recipient_key)',
]

/** Slots 1 to `count`, a recipient each. @throws when the table is not the same afterwards */
export async function fillCampaign(
  url: string,
  campaignId: string,
  count: number,
  tell: (what: string) => void,
): Promise<void> {
  await using connection = await createConnection(url)
  const before = await shape(connection)
  await connection.query('SET GLOBAL innodb_fill_factor = ?', [FILL_FACTOR])
  const names = KEYS.map((key) => key.split(' ')[2] as string)
  await connection.query(`ALTER TABLE coupons ${names.map((name) => `DROP KEY ${name}`).join(', ')}`)
  await connection.query('CREATE TEMPORARY TABLE numbers (n INT PRIMARY KEY)')
  await numbers(connection)
  for (let from = 0; from < count; from += CHUNK) {
    tell(`rows: ${(from / 1e6).toFixed(1)} of ${count / 1e6} million`)
    await connection.query(
      `INSERT INTO coupons (campaign_id, coupon_code, issued_at, slot, request_key, recipient, recipient_key)
       SELECT ?, UPPER(HEX(RANDOM_BYTES(8))), UTC_TIMESTAMP(3), slot,
              CONCAT(UNHEX(LPAD(HEX(FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000)), 12, '0')), RANDOM_BYTES(10)),
              recipient, UNHEX(LEFT(SHA2(CONCAT(CHAR_LENGTH(recipient), ':', recipient), 256), 32))
         FROM (SELECT n + 1 + ? AS slot, CONCAT('user-', LPAD(n + 1 + ?, 8, '0')) AS recipient
                 FROM numbers WHERE n < LEAST(?, ? - ?)) AS made
        ORDER BY slot`,
      [campaignId, from, from, CHUNK, count, from],
    )
  }
  for (const key of KEYS) {
    tell(`key: ${key}`)
    await connection.query(`ALTER TABLE coupons ADD ${key}`)
  }
  await connection.query('ANALYZE TABLE coupons')
  const after = await shape(connection)
  if (after !== before) throw new Error(`the table has changed:\n${before}\n${after}`)
}

/** 0 to CHUNK − 1. */
async function numbers(connection: Connection): Promise<void> {
  await connection.query('INSERT INTO numbers VALUES (0)')
  for (let have = 1; have < CHUNK; have *= 2) {
    await connection.query('CREATE TEMPORARY TABLE more AS SELECT n + ? AS n FROM numbers WHERE n + ? < ?', [
      have,
      have,
      CHUNK,
    ])
    await connection.query('INSERT INTO numbers SELECT n FROM more')
    await connection.query('DROP TEMPORARY TABLE more')
  }
}

async function shape(connection: Connection): Promise<string> {
  const [rows] = await connection.query('SHOW CREATE TABLE coupons')
  const [{ 'Create Table': text }] = rows as [{ 'Create Table': string }]
  return text.replace(/ AUTO_INCREMENT=\d+/, '')
}

export interface Sizes {
  readonly dataMb: number
  readonly indexesMb: number
}

export async function sizesOf(url: string): Promise<Sizes> {
  await using connection = await createConnection(url)
  const [rows] = await connection.query(
    `SELECT data_length / 1048576 AS dataMb, index_length / 1048576 AS indexesMb
       FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'coupons'`,
  )
  const [{ dataMb, indexesMb }] = rows as [Record<keyof Sizes, string>]
  return { dataMb: Math.round(Number(dataMb)), indexesMb: Math.round(Number(indexesMb)) }
}

/** Reads every key once, as far as the buffer pool holds it. */
export async function readAllKeys(url: string): Promise<void> {
  await using connection = await createConnection(url)
  for (const name of ['PRIMARY', ...KEYS.map((key) => key.split(' ')[2] as string)])
    await connection.query(`SELECT COUNT(*) FROM coupons FORCE INDEX (\`${name}\`)`)
}

/** Of the campaign; other coupons stay. */
export async function deleteSlots(url: string, campaignId: string, slots: readonly number[]): Promise<void> {
  await using connection = await createConnection(url)
  await connection.query('DELETE FROM coupons WHERE campaign_id = ? AND slot IN (?)', [campaignId, slots])
}

export async function deleteBeyond(url: string, campaignId: string, slot: number): Promise<void> {
  await using connection = await createConnection(url)
  await connection.query('DELETE FROM coupons WHERE campaign_id = ? AND slot > ?', [campaignId, slot])
}

export async function countOf(url: string, campaignId: string): Promise<number> {
  await using connection = await createConnection(url)
  const [rows] = await connection.query('SELECT COUNT(*) AS counted FROM coupons WHERE campaign_id = ?', [campaignId])
  return (rows as [{ counted: number }])[0].counted
}
