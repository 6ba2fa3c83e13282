import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { migrateMysql } from '../../src/ledger/mysql/migrate.ts'
import { freshDatabase, uniquePrefix } from '../servers/fresh.ts'
import { grant } from '../servers/granted.ts'
import { rushSuite } from './rush-suite.ts'

rushSuite('one process on SQLite', 1, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firstcome-'))
  return {
    environment: { SQLITE_PATH: join(folder, 'coupons.db') },
    close: async () => rmSync(folder, { recursive: true }),
  }
})

const onMysql = (redis: boolean) => async () => {
  const database = await freshDatabase(inject('mysqlUrl'))
  await migrateMysql({ url: database.url })
  const granted = await grant(database.url)
  const environment = {
    MYSQL_URL: granted.urlOf('firstcome_server'),
    ...(redis ? { REDIS_URL: inject('redisUrl'), REDIS_PREFIX: uniquePrefix() } : {}),
  }
  const close = async () => {
    await granted.drop()
    await database.drop()
  }
  return { environment, close }
}

rushSuite('one process on MySQL and Redis', 1, onMysql(true))
rushSuite('three processes on MySQL and Redis', 3, onMysql(true))
rushSuite('three processes on MySQL alone', 3, onMysql(false))
