// What a peer is: another way to give coupons away, behind the same HTTP framework, with the same drivers, and with as many
// connections to the database as ours has for the same work. A peer checks no keys, knows no limits and counts nothing.

import { randomInt } from 'node:crypto'
import { createPool, type Pool } from 'mysql2/promise'
import { mysqlLimits } from '../../src/ledger/mysql/limits.ts'

export interface PeerCoupon {
  readonly slot: number
  readonly code: string
  readonly issuedAt: Date
  /** The recipient had it already. */
  readonly isReplayed: boolean
}

/** null: sold out. Rejects when it could not be decided. */
export type GiveCoupon = (campaignId: string, recipient: string) => Promise<PeerCoupon | null>

/** As many as ours has for batches: measured, more made no peer faster. */
export const POOL_CONNECTIONS = mysqlLimits.pathConnectionsMax
const DUPLICATE = 1062
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE_LENGTH = 16

export function openPool(url: string): Pool {
  return createPool({ uri: url, connectionLimit: POOL_CONNECTIONS, maxPreparedStatements: 100, timezone: 'Z' })
}

export function newCode(): string {
  let code = ''
  for (let index = 0; index < CODE_LENGTH; index++) code += ALPHABET[randomInt(ALPHABET.length)]
  return code
}

/** A coupon with that code or, far more likely, for that recipient is there. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && error.errno === DUPLICATE
}

/** What the recipient has already. */
export async function couponOf(pool: Pool, campaignId: string, recipient: string): Promise<PeerCoupon> {
  const [rows] = await pool.execute(
    'SELECT slot, code, issued_at AS issuedAt FROM coupons WHERE campaign_id = ? AND recipient = ?',
    [campaignId, recipient],
  )
  const [found] = rows as Omit<PeerCoupon, 'isReplayed'>[]
  if (found === undefined) throw new Error('refused as a duplicate, and there is none')
  return { ...found, isReplayed: true }
}

/** @throws what `work` throws, with nothing written */
export async function inTransaction<T>(pool: Pool, work: (run: Run) => Promise<T>): Promise<T> {
  const connection = await pool.getConnection()
  try {
    await connection.beginTransaction()
    const result = await work(async (sql, values) => (await connection.execute(sql, values))[0] as never)
    await connection.commit()
    connection.release()
    return result
  } catch (error) {
    await connection.rollback().then(
      () => connection.release(),
      () => connection.destroy(),
    )
    throw error
  }
}

export type Run = <R>(sql: string, values: (string | number | Date)[]) => Promise<R>
