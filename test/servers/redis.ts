// A private redis-server, else valkey-server. It keeps nothing on disk, unless `options` say so.

import { findServer } from './find.ts'
import { openGuardian } from './guarded.ts'
import { startServer, type TestServer } from './server.ts'

export interface RedisOptions {
  readonly port?: number
  /** More options of the server, which win over those here: `['--appendonly', 'yes']`. */
  readonly options?: readonly string[]
}

export async function startRedis(options: RedisOptions = {}): Promise<TestServer> {
  const program = findServer('redis')
  if (program === null) throw new Error('no redis-server and no valkey-server on this machine: npm run servers')
  const guardian = await openGuardian()
  return startServer({
    guardian,
    port: options.port,
    command: (port) => {
      const address = ['--port', String(port), '--bind', '127.0.0.1']
      const storage = ['--dir', guardian.folder, '--save', '', '--appendonly', 'no']
      return [program, ...address, ...storage, '--daemonize', 'no', ...(options.options ?? [])]
    },
    ready: () => /ready to accept connections/i,
    url: (port) => `redis://127.0.0.1:${port}/`,
  })
}
