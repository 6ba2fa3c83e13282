// docs/api.md against the program: its tables, its routes, and its samples run in order on a fresh server.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SCOPES } from '../../src/access/caller.ts'
import { FAULTS, OUTCOMES, type Answer } from '../../src/answers.ts'
import { readDocument, section, tableRows } from '../docs/documents.ts'
import { DOCUMENT, callerOf, type Call, type Reply } from './documented.ts'
import { openServer } from './open-server.ts'

const SAMPLE_CODE = 'AEG76X18AKX72AQB'
const text = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')

test('its tables are the tables of the program, in their order', () => {
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\d+) \| (.+) \|$/gm)].map(([, code, status, meaning]) => ({
    code,
    status: Number(status),
    meaning,
  }))
  const wanted = Object.entries<Answer>({ ...OUTCOMES, ...FAULTS })
  expect(rows).toEqual(wanted.map(([code, { status, meaning }]) => ({ code, status, meaning })))
})

test('its scopes are those of the program', () => {
  const rows = tableRows(section(readDocument('docs/api.md'), 'Keys'))
  const scopes = Object.entries(SCOPES).map(([scope, meaning]) => [`\`${scope}\``, meaning])
  expect(rows.slice(0, scopes.length)).toEqual(scopes)
})

test('it has every route, and no other', () => {
  const told = [...text.matchAll(/^### ([A-Z]+ \/\S*)$/gm)].map(([, route]) => route)
  const routes = Object.entries(DOCUMENT.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(new Set(told)).toEqual(new Set(routes))
})

test('its samples do what it says', async () => {
  const { app } = await openServer()
  const call = callerOf(app)
  const blocks = [...text.matchAll(/^```(sh|json|text)\n([^]*?)^```$/gm)].map(([, language, block = '']) => ({
    language,
    block,
  }))
  let code = ''
  for (const [i, { language, block }] of blocks.entries()) {
    if (language !== 'sh') continue
    let reply: Reply | undefined
    for (const command of block.trim().split(/(?<!\\)\n/)) {
      reply = await runCurl(call, command.replaceAll(SAMPLE_CODE, code))
    }
    const { json = {}, text: got = '' } = reply ?? {}
    if (typeof json['coupon_code'] === 'string') code = json['coupon_code']
    const next = blocks[i + 1]
    if (next?.language === 'json') expect(steady(json), block).toEqual(steady(JSON.parse(next.block) as object))
    if (next?.language === 'text')
      expect(steadyText(got), block).toBe(steadyText(next.block.replaceAll(SAMPLE_CODE, code)))
  }
})

/** Of a file: the mark in front and the ends of lines do not show in the document. */
function steadyText(text: string): string {
  return text
    .replace(/^\ufeff/, '')
    .replaceAll('\r\n', '\n')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'a time')
}

/** What differs from run to run is replaced by what kind of thing it is. */
function steady(json: object): unknown {
  return JSON.parse(JSON.stringify(json), (name: string, value: unknown) => {
    if (value === null || !/(_(time|at|code|id)|^at)$/.test(name) || name === 'campaign_id') return value
    return `a ${name}`
  })
}

/** Enough of curl for the samples. */
function runCurl(call: Call, command: string): ReturnType<Call> {
  const words = (command.match(/'[^']*'|[^\s\\]+/g) ?? []).map((word) => word.replace(/^'([^]*)'$/, '$1'))
  expect(words.shift()).toBe('curl')
  let method: string | undefined
  let body: string | undefined
  let path = ''
  const headers: Record<string, string> = {}
  while (words.length > 0) {
    const word = words.shift() as string
    if (word === '-X') method = words.shift()
    else if (word === '-d') body = words.shift()
    else if (word === '-H') {
      const [name = '', value = ''] = (words.shift() as string).split(': ')
      headers[name.toLowerCase()] = value
    } else {
      expect(word).toMatch(/^localhost:8080\//)
      path = word.slice('localhost:8080'.length)
    }
  }
  return call(method ?? (body === undefined ? 'GET' : 'POST'), path, body, { headers })
}
