// firstcome demo: good on what it makes itself and on servers that are given, and it leaves nothing behind.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { expect, inject, test } from 'vitest'
import { ROOT } from '../docs/documents.ts'
import { freshDatabase, uniquePrefix } from '../servers/fresh.ts'
import { openGuardian } from '../servers/guarded.ts'
import { run } from './run-firstcome.ts'

const ARGS = [join(ROOT, 'src/main.ts'), 'demo']

test('on an embedded store of its own, whatever key is meant for a server', async () => {
  await using guardian = await openGuardian()
  const env = { TMPDIR: guardian.folder, BOOTSTRAP_API_KEY: 'b'.repeat(32) }
  const demo = await guardian.run(process.execPath, ARGS, { env, isServer: true })
  expect((await demo.exited).code, demo.output).toBe(0)
  expect(demo.output).toMatch(/^ +500 {2}coupons, slots 1 to 500$/m)
  expect(demo.output).toContain('Good: exactly 500 coupons')
  expect(readdirSync(guardian.folder)).toEqual([])
})

test('Ctrl-C in between: nothing is left', async () => {
  await using guardian = await openGuardian()
  const demo = await guardian.run(process.execPath, ARGS, { env: { TMPDIR: guardian.folder }, isServer: true })
  await demo.waitForOutput(/opens in/)
  expect(readdirSync(guardian.folder)).toHaveLength(1)
  demo.signal('SIGINT')
  expect((await demo.exited).code, demo.output).toBe(3)
  expect(readdirSync(guardian.folder)).toEqual([])
})

test.each([false, true])('on a database and a counter that are given; with API keys: %s', async (hasKeys) => {
  const database = await freshDatabase(inject('mysqlUrl'))
  try {
    await using guardian = await openGuardian()
    const env = { MYSQL_URL: database.url, REDIS_URL: inject('redisUrl'), REDIS_PREFIX: uniquePrefix() }
    const makeKey = ['key', 'create', '--client', 'ops', '--scopes', 'admin']
    const key = hasKeys ? { FIRSTCOME_API_KEY: (await run('', makeKey, { env })).out.trim() } : {}
    const demo = await guardian.run(process.execPath, ARGS, { env: { ...env, ...key }, isServer: true })
    expect((await demo.exited).code, demo.output).toBe(0)
    const connection = await createConnection(database.url)
    const [rows] = await connection.query('SELECT id FROM campaigns')
    await connection.end()
    expect(rows).toEqual([])
  } finally {
    await database.drop()
  }
})
