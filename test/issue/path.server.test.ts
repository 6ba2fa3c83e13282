// The whole path on real servers: three of ours, each with connections of its own, on one database, as a user with no more
// rights than a server needs.

import { inject } from 'vitest'
import { openRedisCounter } from '../../src/counter/redis.ts'
import { systemClock } from '../../src/host.ts'
import { openMysqlLedger } from '../../src/ledger/mysql.ts'
import { migrateMysql } from '../../src/ledger/mysql/migrate.ts'
import { freshDatabase, uniquePrefix } from '../servers/fresh.ts'
import { grant } from '../servers/granted.ts'
import { pathSuite } from './path-suite.ts'

async function openServers(redisUrl: string | null) {
  const database = await freshDatabase(inject('mysqlUrl'))
  await migrateMysql({ url: database.url })
  const granted = await grant(database.url)
  const url = granted.urlOf('firstcome_server')
  const prefix = uniquePrefix()
  const servers = Array.from({ length: 3 }, () => ({
    ledger: openMysqlLedger({ url }),
    counter: redisUrl === null ? null : openRedisCounter({ url: redisUrl, prefix, clock: systemClock }),
  }))
  const close = async () => {
    for (const { ledger, counter } of servers) {
      await ledger.close()
      await counter?.close()
    }
    await granted.drop()
    await database.drop()
  }
  return { servers, close }
}

pathSuite('MySQL and Redis, three servers', () => openServers(inject('redisUrl')), 50)
pathSuite('MySQL alone, three servers', () => openServers(null), 50)
