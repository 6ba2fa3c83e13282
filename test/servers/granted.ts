// Users of a test's own with the rights that deploy/mysql/grants.sql gives, and no others.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createConnection } from 'mysql2/promise'

export const GRANTS = new URL('../../deploy/mysql/grants.sql', import.meta.url)
export const USERS = ['firstcome_server', 'firstcome_operator', 'firstcome_migrator'] as const

export type GrantedUser = (typeof USERS)[number]

export interface Granted {
  urlOf(user: GrantedUser): string
  /** Of the database's owner. */
  revoke(what: string, user: GrantedUser): Promise<void>
  drop(): Promise<void>
}

/** One a line of the file, or over several; without comments. */
export function grantStatements(): string[] {
  const text = readFileSync(GRANTS, 'utf8').replace(/^--.*\n/gm, '')
  return text
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}

/** @param url the owner's, of a database that was migrated */
export async function grant(url: string): Promise<Granted> {
  const suffix = randomBytes(6).toString('hex')
  const password = randomBytes(12).toString('base64')
  const database = new URL(url).pathname.slice(1)
  // Names may have 32 characters.
  const nameOf = (user: string) => `${user.replace('firstcome_', 't_')}_${suffix}`
  const owner = async (statements: readonly string[]) => {
    const connection = await createConnection(url)
    try {
      for (const statement of statements) await connection.query(statement)
    } finally {
      await connection.end()
    }
  }
  await owner(
    grantStatements().map((statement) =>
      statement
        .replace(/<PASSWORD OF \w+>/, `'${password}'`)
        .replaceAll('`firstcome`', `\`${database}\``)
        .replaceAll(/'(firstcome_\w+)'/g, (_, user: string) => `'${nameOf(user)}'`),
    ),
  )
  return {
    urlOf(user) {
      const granted = new URL(url)
      granted.username = nameOf(user)
      granted.password = encodeURIComponent(password)
      return granted.href
    },
    revoke: (what, user) => owner([`REVOKE ${what} FROM '${nameOf(user)}'@'%'`]),
    drop: () => owner(USERS.map((user) => `DROP USER IF EXISTS '${nameOf(user)}'@'%'`)),
  }
}
