// A private MySQL-protocol server: mariadbd, else mysqld. Durable as in production, only smaller.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findProgram, findServer } from './find.ts'
import { type Guardian, openGuardian } from './guarded.ts'
import { startServer, type TestServer } from './server.ts'

export interface MariadbOptions {
  /** An own data folder: initialised if it is empty, and never removed. Default: a temporary one. */
  readonly dataDir?: string
  readonly port?: number
  /** More options of the server, which win over those here: `['--innodb-flush-log-at-trx-commit=0']`. */
  readonly options?: readonly string[]
}

/** Its URL is root's, without a password and without a database: see freshDatabase(). */
export async function startMariadb(options: MariadbOptions = {}): Promise<TestServer> {
  const program = findServer('mysql')
  if (program === null) throw new Error('no mariadbd and no mysqld on this machine: npm run servers')
  const guardian = await openGuardian()
  try {
    const dataDir = options.dataDir ?? join(guardian.folder, 'data')
    const common = ['--no-defaults', `--datadir=${dataDir}`, ...asRoot()]
    if (!existsSync(join(dataDir, 'mysql'))) await initialise(guardian, program, dataDir, common)
    const socket = join(guardian.folder, 's.sock')
    return await startServer({
      guardian,
      port: options.port,
      command: (port) => {
        // After kill -9 the old lock names a pid that somebody else may have by now.
        for (const left of [socket, `${socket}.lock`]) rmSync(left, { force: true })
        return [
          program,
          ...common,
          `--port=${port}`,
          '--bind-address=127.0.0.1',
          `--socket=${socket}`,
          `--pid-file=${join(guardian.folder, 'server.pid')}`,
          `--tmpdir=${guardian.folder}`,
          '--innodb-flush-log-at-trx-commit=1',
          '--innodb-autoinc-lock-mode=2', // cannot be set later
          '--innodb-buffer-pool-size=256M',
          '--max-connections=500',
          '--skip-log-bin',
          ...(isMariadb(program) ? [] : ['--mysqlx=OFF']),
          ...(options.options ?? []),
        ]
      },
      ready: (port) => new RegExp(`ready for connections[^]*?port: ${port}\\b`),
      url: (port) => `mysql://root@127.0.0.1:${port}/`,
    })
  } catch (error) {
    await guardian.close()
    throw error
  }
}

async function initialise(
  guardian: Guardian,
  program: string,
  dataDir: string,
  common: readonly string[],
): Promise<void> {
  mkdirSync(dataDir, { recursive: true })
  const [command, args] = isMariadb(program)
    ? [
        findProgram(['mariadb-install-db', 'mysql_install_db'], { PATH: `${dirname(program)}:${process.env['PATH']}` }),
        // In the system's folder two that are made at once remove each other's temporary tables.
        [...common, `--tmpdir=${dirname(dataDir)}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
      ]
    : [program, [...common, '--initialize-insecure']]
  if (command === null) throw new Error(`no mariadb-install-db beside ${program}`)
  const initialiser = await guardian.run(command, args)
  const { code } = await initialiser.exited
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${initialiser.output}`)
}

/** Debian has a mysqld that is MariaDB. */
function isMariadb(program: string): boolean {
  return /mariadb/i.test(execFileSync(program, ['--version'], { encoding: 'utf8' }))
}

/** Both refuse to run as root unless they are told to. */
function asRoot(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}
