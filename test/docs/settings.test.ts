// docs/settings.md and the tables in src/config.ts are the same tables; docs/operating.md knows every setting of a database
// that is warned about.

import { readFileSync } from 'node:fs'
import { join } from 'node:path/posix'
import { expect, test } from 'vitest'
import { CLIENT_SETTINGS, SECRET_SETTINGS, SETTINGS, type Setting } from '../../src/config.ts'
import { parseRedisUrls } from '../../src/counter/redis-url.ts'
import { parseMysqlUrl } from '../../src/ledger/mysql/url.ts'
import { codeWords, readDocument, ROOT, section, tableRows } from './documents.ts'

const document = readDocument('docs/settings.md')

test.each<[heading: string, settings: readonly Setting[]]>([
  ['Of the server', SETTINGS],
  ['Of the commands that call a server', CLIENT_SETTINGS],
])(
  '%s: every setting has its row, in the order of the code, with its flag, default and meaning',
  (heading, settings) => {
    const rows = settings.map(({ env, flag, placeholder, default: standard, meaning }) => [
      `\`${env}\``,
      flag === null ? '–' : `\`--${flag} ${placeholder}\``,
      standard === null ? '–' : `\`${standard}\``,
      meaning.replaceAll('|', '\\|'),
    ])
    expect(tableRows(section(document, heading))).toEqual(rows)
  },
)

test('the settings that may come from a file are those that may hold a password', () => {
  const named = codeWords(document).flatMap(({ text }) => (/^[A-Z]\w*_FILE$/.test(text) ? [text] : []))
  expect(new Set(named)).toEqual(new Set(['NAME_FILE', ...SECRET_SETTINGS.map((env) => `${env}_FILE`)]))
})

test.each<[heading: string, parse: () => unknown]>([
  ['The URL of MySQL', () => parseMysqlUrl('mysql://h/x?unknown=1')],
  ['The URL of Redis', () => parseRedisUrls('rediss://h?unknown=1')],
])('%s: every parameter has its row', (heading, parse) => {
  const names = tableRows(section(document, heading)).map(([name = '']) => name.replaceAll('`', ''))
  expect(parse).toThrow(`has an unknown parameter unknown: known are ${names.join(', ')}`)
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
