// The whole path on real servers: three of ours, each with connections of its own, on one database.

import { inject } from 'vitest'
import { openRedisCounter } from '../../src/counter/redis.ts'
import { systemClock } from '../../src/host.ts'
import { openMysqlLedger } from '../../src/ledger/mysql.ts'
import { migrateMysql } from '../../src/ledger/mysql/migrate.ts'
import { freshDatabase, uniquePrefix } from '../servers/fresh.ts'
import { pathSuite } from './path-suite.ts'

async function openServers(redisUrl: string | null) {
  const database = await freshDatabase(inject('mysqlUrl'))
  await migrateMysql({ url: database.url })
  const prefix = uniquePrefix()
  const servers = Array.from({ length: 3 }, () => ({
    ledger: openMysqlLedger({ url: database.url }),
    counter: redisUrl === null ? null : openRedisCounter({ url: redisUrl, prefix, clock: systemClock }),
  }))
  const close = async () => {
    for (const { ledger, counter } of servers) {
      await ledger.close()
      await counter?.close()
    }
    await database.drop()
  }
  return { servers, close }
}

pathSuite('MySQL and Redis, three servers', () => openServers(inject('redisUrl')), 50)
pathSuite('MySQL alone, three servers', () => openServers(null), 50)
