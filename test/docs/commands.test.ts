// Every command that a document shows is run (commands.long.test.ts, commands.server.test.ts), or says why not.

import { readFileSync } from 'node:fs'
import { join } from 'node:path/posix'
import { describe, expect, test } from 'vitest'
import { codeWords, documents, readDocument, ROOT } from './documents.ts'
import { commandBlocks, SHOWN_MYSQL_URL, SHOWN_REDIS_URL, stepsOf, TEST_COMMAND } from './commands.ts'

const all = documents()
const scripts = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts

test('a block that is not run says why', () => {
  const silent = all
    .flatMap(commandBlocks)
    .filter(({ info }) => info !== '' && !/^no-run: .{4,}/.test(info))
    .map(({ path, line, info }) => `${path}:${line}: ${info}`)
  expect(silent).toEqual([])
})

test('every npm script that is named exists', () => {
  const texts = all.flatMap((document) => [
    ...commandBlocks(document).map(({ text }) => text),
    ...codeWords(document).map(({ text }) => text),
  ])
  const named = texts.flatMap((text) =>
    [...text.matchAll(/\bnpm (?:run )?(?:-s )?([\w:-]+)/g)].map(([, name = '']) => name),
  )
  expect(named.filter((name) => !['ci', 'run', 'install', 'audit'].includes(name) && !(name in scripts))).toEqual([])
})

test('continuous integration runs the test command of the README, and nothing else', () => {
  const lines = readFileSync(join(ROOT, '.ci/run'), 'utf8').split('\n')
  expect(lines.filter((line) => line !== '' && !/^(#|set |cd )/.test(line))).toEqual([TEST_COMMAND])
  expect(commandBlocks(readDocument('README.md')).map(({ text }) => text.trim())).toContain(TEST_COMMAND)
  for (const part of ['npm run lint', 'npm run format:check', 'npm run types', 'vitest run'])
    expect(scripts['test']).toContain(part)
})

test('compose.yaml starts what the documents connect to', () => {
  const compose = readFileSync(join(ROOT, 'compose.yaml'), 'utf8')
  const mysql = new URL(SHOWN_MYSQL_URL)
  const redis = new URL(SHOWN_REDIS_URL)
  for (const { host, port } of [mysql, redis]) expect(compose).toContain(`'${host}:${port}'`)
  expect(compose).toContain(`MYSQL_ROOT_PASSWORD: ${mysql.password}\n`)
  const urls = all.flatMap(commandBlocks).flatMap(({ text }) => text.match(/\b(?:mysql|redis):\/\/\S+/g) ?? [])
  expect(new Set(urls)).toEqual(new Set([SHOWN_MYSQL_URL, SHOWN_REDIS_URL]))
})

describe('a block is read as steps', () => {
  const block = (language: string, text: string) => ({ path: '', line: 1, language, info: '', text })

  test('sh: comments below a command are its output, others are comments', () => {
    const text = '# first\na=1\n\n# then\ncurl \\\n  -s\n# one\n# two\n\n# last\necho\n'
    expect(stepsOf(block('sh', text))).toEqual([
      { command: 'a=1', output: null },
      { command: 'curl \\\n  -s', output: 'one\ntwo' },
      { command: 'echo', output: null },
    ])
  })

  test('console: what stands below a command is its output', () => {
    expect(stepsOf(block('console', '$ a\none\n\ntwo\n$ b\n'))).toEqual([
      { command: 'a', output: 'one\n\ntwo' },
      { command: 'b', output: null },
    ])
  })
})
