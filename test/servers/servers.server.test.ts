// The ground that all server tests stand on: servers that answer, can be hurt, come back, and are gone afterwards.

import { existsSync } from 'node:fs'
import { createClient } from '@redis/client'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { describe, expect, inject, test } from 'vitest'
import { findServer } from './find.ts'
import { freshDatabase, uniquePrefix } from './fresh.ts'
import { spawnGuarded } from './guarded.ts'
import { startMariadb } from './mariadb.ts'
import { isAlive, isStopped, until } from './processes.ts'
import { startRedis } from './redis.ts'

async function rows(url: string, sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection(url)
  try {
    const [found] = await connection.query<RowDataPacket[]>(sql)
    return found
  } finally {
    await connection.end()
  }
}

// Where TEST_MYSQL_URL and TEST_REDIS_URL are all there is, no private server can be started.
const noMysql = findServer('mysql') === null
const noRedis = findServer('redis') === null

describe('the servers of the run', () => {
  test('a fresh database is empty, durable, and gone after drop()', async () => {
    const database = await freshDatabase(inject('mysqlUrl'))
    expect(await rows(database.url, 'SHOW TABLES')).toEqual([])
    const [settings] = await rows(
      database.url,
      'SELECT @@innodb_flush_log_at_trx_commit AS flush, @@innodb_autoinc_lock_mode AS autoinc',
    )
    expect(settings).toEqual({ flush: 1, autoinc: 2 })
    await database.drop()
    await expect(rows(database.url, 'SELECT 1')).rejects.toMatchObject({ errno: 1049 })
  })

  test('Redis answers', async () => {
    const client = createClient({ url: inject('redisUrl') })
    await client.connect()
    const key = `${uniquePrefix()}answer`
    await client.set(key, '42')
    expect(await client.get(key)).toBe('42')
    await client.del(key)
    await client.close()
  })
})

describe('a server of a test of its own', () => {
  test.skipIf(noMysql)('MySQL: killed and restarted on its data, gone after close()', async () => {
    const server = await startMariadb()
    await rows(server.url, 'CREATE DATABASE kept')
    const { pid } = server
    await server.kill()
    expect(isAlive(pid)).toBe(false)
    await expect(rows(server.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await server.restart()
    expect(await rows(server.url, "SHOW DATABASES LIKE 'kept'")).toHaveLength(1)
    await server.close()
    expect(isAlive(server.pid)).toBe(false)
    expect(existsSync(server.folder)).toBe(false)
  })

  test.skipIf(noRedis)('Redis: stopped in order, restarted, with the options given', async () => {
    await using server = await startRedis({ options: ['--appendonly', 'yes'] })
    const client = createClient({ url: server.url, disableOfflineQueue: true })
    client.on('error', () => undefined)
    await client.connect()
    await client.set('kept', '1')
    const { pid } = server
    await server.stop()
    expect(isAlive(pid)).toBe(false)
    client.destroy()
    await server.restart()
    await client.connect()
    expect(await client.get('kept')).toBe('1')
    client.destroy()
  })

  test.skipIf(noRedis)('one that is paused says nothing until it is resumed', async () => {
    await using server = await startRedis()
    const client = createClient({ url: server.url })
    await client.connect()
    server.pause()
    await until(() => isStopped(server.pid))
    let answered = false
    const answer = client.ping().then(() => (answered = true))
    await until(() => isStopped(server.pid))
    expect(answered).toBe(false)
    server.resume()
    expect(await answer).toBe(true)
    client.destroy()
  })

  test.skipIf(noMysql)('MySQL: an option that it does not know is told as it tells it', async () => {
    await expect(startMariadb({ options: ['--no-such-option'] })).rejects.toThrow(/no-such-option/)
  })

  test.skipIf(noRedis)('Redis: an option that it does not know is told as it tells it', async () => {
    await expect(startRedis({ options: ['--no-such-option', 'x'] })).rejects.toThrow(/no-such-option/)
  })
})

describe('a guarded process', () => {
  test('its output, its end and its folder', async () => {
    const one = await spawnGuarded('sh', ['-c', 'echo hello; exit 3'])
    expect((await one.waitForOutput(/hel+o/))[0]).toBe('hello')
    expect(await one.exited).toEqual({ code: 3, signal: null })
    await expect(one.waitForOutput(/never said/)).rejects.toThrow(/ended before it said never said/)
    expect(existsSync(one.folder)).toBe(true)
    await one.close()
    await one.close()
    expect(existsSync(one.folder)).toBe(false)
  })

  test('all of its output is heard, more than is kept', async () => {
    let heard = ''
    await using one = await spawnGuarded('sh', ['-c', 'yes | head -c 400000; echo done >&2'], {
      onOutput: (text) => (heard += text),
    })
    await one.exited
    expect(heard).toHaveLength(400_005)
    expect(one.output.length).toBeLessThan(400_000)
  })

  test('a program that does not exist', async () => {
    await expect(spawnGuarded('/no/such/program', [])).rejects.toThrow(/ENOENT/)
  })
})
