// Where the programs are on this machine that tests start: database servers, proxies and a browser.
//
//   TEST_MYSQLD, TEST_REDIS_SERVER, TEST_HAPROXY, TEST_NGINX, TEST_CHROMIUM   a program to use instead: another version,
//                                                                             or a wrapper script around it

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export type ServerKind = 'mysql' | 'redis' | 'haproxy' | 'nginx' | 'chromium'

const PROGRAMS = {
  mysql: { names: ['mariadbd', 'mysqld'], instead: 'TEST_MYSQLD' },
  redis: { names: ['redis-server', 'valkey-server'], instead: 'TEST_REDIS_SERVER' },
  haproxy: { names: ['haproxy'], instead: 'TEST_HAPROXY' },
  nginx: { names: ['nginx'], instead: 'TEST_NGINX' },
  chromium: {
    names: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'],
    instead: 'TEST_CHROMIUM',
  },
} as const

/** Not on everybody's PATH, and where servers are. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin']

export function findServer(kind: ServerKind, env: NodeJS.ProcessEnv = process.env): string | null {
  const { names, instead } = PROGRAMS[kind]
  return env[instead] || findProgram(names, env)
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
