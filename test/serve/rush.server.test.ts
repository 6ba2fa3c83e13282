import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { freshDatabase, uniquePrefix } from '../servers/fresh.ts'
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
  const environment = {
    MYSQL_URL: database.url,
    ...(redis ? { REDIS_URL: inject('redisUrl'), REDIS_PREFIX: uniquePrefix() } : {}),
  }
  return { environment, close: () => database.drop() }
}

rushSuite('one process on MySQL and Redis', 1, onMysql(true))
rushSuite('three processes on MySQL and Redis', 3, onMysql(true))
rushSuite('three processes on MySQL alone', 3, onMysql(false))
