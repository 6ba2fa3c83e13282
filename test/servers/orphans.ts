// For guardian.server.test.ts: a process that starts servers, says which, and is then killed by the test.

import { startMariadb } from './mariadb.ts'
import { startRedis } from './redis.ts'

export interface Orphan {
  readonly pid: number
  readonly folder: string
}

const servers = await Promise.all([startMariadb(), startRedis()])
const [, redis] = servers
redis.pause() // a hanging server must go as well
const orphans: Orphan[] = servers.map(({ pid, folder }) => ({ pid, folder }))
process.stdout.write(`${JSON.stringify(orphans)}\n`)
