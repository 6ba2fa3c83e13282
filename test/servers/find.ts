// Where the database servers' programs are on this machine.
//
//   TEST_MYSQLD, TEST_REDIS_SERVER   a program to use instead: another version, or a wrapper script around it

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export type ServerKind = 'mysql' | 'redis'

const PROGRAMS = { mysql: ['mariadbd', 'mysqld'], redis: ['redis-server', 'valkey-server'] } as const

/** Not on everybody's PATH, and where servers are. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin']

export function findServer(kind: ServerKind, env: NodeJS.ProcessEnv = process.env): string | null {
  const named = kind === 'mysql' ? env['TEST_MYSQLD'] : env['TEST_REDIS_SERVER']
  return named || findProgram(PROGRAMS[kind], env)
}

/** The first of the names that is somewhere, as a path. */
export function findProgram(names: readonly string[], env: NodeJS.ProcessEnv = process.env): string | null {
  const folders = [...(env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''), ...SYSTEM_FOLDERS]
  for (const name of names) {
    for (const folder of folders) {
      if (isExecutable(join(folder, name))) return join(folder, name)
    }
  }
  return null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
