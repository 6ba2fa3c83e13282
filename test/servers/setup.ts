// vitest's global setup of the server tests: one MySQL-protocol server and one Redis for all of them.
//
//   TEST_MYSQL_URL, TEST_REDIS_URL   servers to use instead: nothing is started for these

import type { TestProject } from 'vitest/node'
import { startMariadb } from './mariadb.ts'
import { startRedis } from './redis.ts'
import type { TestServer } from './server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** root's, or of somebody who may create databases; names no database. */
    mysqlUrl: string
    redisUrl: string
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started: TestServer[] = []
  const urlOf = async (given: string | undefined, start: () => Promise<TestServer>) => {
    if (given) return given
    const server = await start()
    started.push(server)
    return server.url
  }
  const close = async () => {
    await Promise.all(started.map((server) => server.close()))
  }
  const urls = await Promise.allSettled([
    urlOf(process.env['TEST_MYSQL_URL'], startMariadb),
    urlOf(process.env['TEST_REDIS_URL'], startRedis),
  ])
  const [mysql, redis] = urls
  if (mysql.status === 'rejected' || redis.status === 'rejected') {
    await close()
    throw new AggregateError(
      urls.flatMap((url): unknown[] => (url.status === 'rejected' ? [url.reason] : [])),
      'a test server did not start',
    )
  }
  project.provide('mysqlUrl', mysql.value)
  project.provide('redisUrl', redis.value)
  return close
}
