import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isMistake, ServerLog } from './server-log.ts'

test('every line is kept, and what must not be said is found, however it comes in pieces', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firstcome-log-'))
  const log = new ServerLog(join(folder, 'log'))
  const first = log.listener()
  const second = log.listener()
  const text = '{"level":40,"msg":"a"}\n{"level":50,"msg":"b"}\nReady.\n'
  first(text.slice(0, 30))
  second('{"level":50,"m') // killed here
  first(text.slice(30))
  expect(log.mistakes).toEqual(['{"level":50,"msg":"b"}'])
  await log.close()
  expect(readFileSync(join(folder, 'log'), 'utf8')).toHaveLength(text.length + 14)
  rmSync(folder, { recursive: true })
})

test.each([
  ['{"level":50,"time":1,"code":"internal","msg":"a request failed"}', true],
  ['{"level":60,"time":1,"msg":"a mistake of ours: ending"}', true],
  ['{"level":40,"time":1,"msg":"a mistake on the path of an issue"}', true],
  ['    at Socket.<anonymous> (/app/src/http/server.ts:12:34)', true],
  ['Node.js v26.10.0', true],
  ['{"level":40,"time":1,"code":"unavailable","msg":"a request was not answered"}', false],
  ['{"level":30,"time":1,"msg":"ending"}', false],
  ['Firstcome 0.1.0 listens on http://127.0.0.1:8080', false],
  ['  docs   http://127.0.0.1:8080/docs', false],
  ['', false],
])('%s', (line, is) => {
  expect(isMistake(line)).toBe(is)
})
