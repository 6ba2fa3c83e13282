// docs/settings.md and the table in src/config.ts are the same table; docs/operating.md knows every setting of a database
// that is warned about.

import { readFileSync } from 'node:fs'
import { join } from 'node:path/posix'
import { expect, test } from 'vitest'
import { SECRET_SETTINGS, SETTINGS } from '../../src/config.ts'
import { codeWords, readDocument, ROOT, section, tableRows } from './documents.ts'

const document = readDocument('docs/settings.md')

test('every setting has its row, in the order of the code, with its flag, default and meaning', () => {
  const rows = SETTINGS.map(({ env, flag, placeholder, default: standard, meaning }) => [
    `\`${env}\``,
    flag === null ? '–' : `\`--${flag} ${placeholder}\``,
    standard === null ? '–' : `\`${standard}\``,
    meaning.replaceAll('|', '\\|'),
  ])
  expect(tableRows(section(document, 'All of them'))).toEqual(rows)
})

test('the settings that may come from a file are those that may hold a password', () => {
  const named = codeWords(document).flatMap(({ text }) => (/^[A-Z]\w*_FILE$/.test(text) ? [text] : []))
  expect(new Set(named)).toEqual(new Set(['NAME_FILE', ...SECRET_SETTINGS.map((env) => `${env}_FILE`)]))
})

test('every warning about the database is explained', () => {
  const warnedIn = (path: string) =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(/\bsetting: (['`])([^'`]+)\1/g)].flatMap(([, , name = '']) =>
      name.includes('${role}') ? ['master', 'source'].map((role) => name.replace('${role}', role)) : [name],
    )
  const warnings = section(readDocument('docs/operating.md'), 'What each database warning means')
  const explained = tableRows(warnings).map(([name = '']) => name.replaceAll('`', ''))
  expect(new Set(explained)).toEqual(new Set(warnedIn('src/ledger/mysql/settings.ts')))
  // `path` is about a ledger in memory, which only tests open.
  for (const name of warnedIn('src/ledger/sqlite.ts').filter((name) => name !== 'path'))
    expect(warnings).toContain(`\`${name}\``)
})
