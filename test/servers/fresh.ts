// A place of its own for each test on servers that all share.

import { randomBytes } from 'node:crypto'
import { createConnection } from 'mysql2/promise'

export interface FreshDatabase {
  readonly url: string
  drop(): Promise<void>
}

/** An empty database with the server's own defaults: what the program needs otherwise, it must say. */
export async function freshDatabase(mysqlUrl: string): Promise<FreshDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  const run = async (sql: string) => {
    const connection = await createConnection(mysqlUrl)
    try {
      await connection.query('SET SESSION lock_wait_timeout = 20') // default: a day, for a test that left a transaction
      await connection.query(sql)
    } finally {
      await connection.end()
    }
  }
  await run(`CREATE DATABASE ${name}`)
  const url = new URL(mysqlUrl)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => run(`DROP DATABASE IF EXISTS ${name}`) }
}

/** For Redis keys; without braces, so that the caller's hash tags stand. */
export function uniquePrefix(): string {
  return `test:${randomBytes(6).toString('hex')}:`
}
