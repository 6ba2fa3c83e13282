// The rights that docs/operating.md tells are those that the files in deploy/ give.

import { expect, test } from 'vitest'
import { readUsers } from '../servers/redis-users.ts'
import { grantStatements } from '../servers/granted.ts'
import { readDocument, section, tableRows } from './documents.ts'

const told = tableRows(section(readDocument('docs/operating.md'), 'Users and rights'))
const words = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word.replace('\\|', '|'))

/** Of the columns that a server may not change, the rights name all others. */
const CAMPAIGN_COLUMNS = (
  'id name start_time end_time total_coupons paused recipient_required test code_format metadata version sold_out_total ' +
  'created_at updated_at'
).split(' ')

test('of MySQL', () => {
  const given = grantStatements()
    .filter((statement) => statement.startsWith('GRANT '))
    .map((statement) => {
      const [, rights = '', table = '', user = ''] =
        /^GRANT (.*) ON `firstcome`\.(\S+) TO '(\w+)'@'%'$/s.exec(statement) ?? []
      const columns = /UPDATE \(([^)]*)\)/s.exec(rights)?.[1]?.split(/,\s*/)
      return { user, table: table === '*' ? 'all tables' : table, rights: rights.replace(/ ?\([^)]*\)/s, ''), columns }
    })
  const documented = told
    .filter(([user = '']) => user.startsWith('`firstcome_'))
    .map(([user, table = '', may = '']) => {
      const [, rights = may, except, columns] = /^(.*UPDATE) of (all but )?(`.*)$/.exec(may) ?? []
      const named = words(columns)
      return {
        user: words(user)[0],
        table: table.replaceAll('`', ''),
        rights,
        columns:
          columns === undefined
            ? undefined
            : except === undefined
              ? named
              : CAMPAIGN_COLUMNS.filter((column) => !named.includes(column)),
      }
    })
  const sorted = (rows: typeof documented) => rows.map((row) => ({ ...row, columns: row.columns?.toSorted() }))
  expect(sorted(documented)).toEqual(sorted(given))
})

test('of Redis', () => {
  const [first, user = '', ...others] = readUsers().trim().split('\n')
  expect([first, others]).toEqual(['user default off', []])
  const rules = user.replace(/#<[^>]*>/, '').split(/\s+/)
  expect(rules.slice(0, 4)).toEqual(['user', 'firstcome', 'on', 'resetchannels'])
  const given = rules.slice(4).filter((rule) => rule !== '-@all')
  const documented = told.map(([right]) => words(right)).filter(([right = '']) => /^[~+]/.test(right))
  expect(new Set(documented.flat())).toEqual(new Set(given))
})
