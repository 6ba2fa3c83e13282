// HAProxy and nginx, each with the file of deploy/ that operators are given: only addresses are put in.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findServer } from './find.ts'
import { openGuardian } from './guarded.ts'
import { startServer, type TestServer } from './server.ts'

export type ProxyKind = 'haproxy' | 'nginx'

interface Kind {
  readonly file: string
  /** A line for a server; its address is the only one of the line. */
  readonly server: RegExp
  readonly listens: string
  readonly ready: RegExp
  /** @returns the arguments to start it with */
  configure(folder: string, text: string): string[]
}

const KINDS: Readonly<Record<ProxyKind, Kind>> = {
  haproxy: {
    file: 'haproxy/firstcome.cfg',
    server: /^ {2}server (?<name>\w+) (?<address>10\.\S+)$/gm,
    listens: 'bind :80',
    ready: /Loading success/,
    configure(folder, text) {
      const file = join(folder, 'haproxy.cfg')
      writeFileSync(file, text)
      return ['-W', '-db', '-f', file]
    },
  },
  nginx: {
    file: 'nginx/firstcome.conf',
    server: /^ {2}server (?<address>10\.[^ ;]+).*$/gm,
    listens: 'listen 80',
    ready: /start worker process/,
    configure(folder, text) {
      const file = join(folder, 'nginx.conf')
      const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${folder}/${of};`)
      const http = ['access_log off;', ...paths, text].join('\n')
      const main = ['daemon off;', `pid ${folder}/nginx.pid;`, 'events { worker_connections 4096; }']
      writeFileSync(file, [...main, `http {\n${http}\n}\n`].join('\n'))
      return ['-p', folder, '-e', 'stderr', '-g', 'error_log stderr notice;', '-c', file]
    },
  },
}

/** @param urls of the servers behind it, as many as the file has or fewer */
export async function startProxy(name: ProxyKind, urls: readonly string[]): Promise<TestServer> {
  const program = findServer(name)
  if (program === null) throw new Error(`no ${name} on this machine: npm run servers`)
  const kind = KINDS[name]
  const guardian = await openGuardian()
  return startServer({
    guardian,
    port: undefined,
    command: (port) => [program, ...kind.configure(guardian.folder, proxyFile(kind, urls, port))],
    ready: () => kind.ready,
    url: (port) => `http://127.0.0.1:${port}`,
  })
}

function proxyFile({ file, server, listens }: Kind, urls: readonly string[], port: number): string {
  const text = readFileSync(new URL(`../../deploy/${file}`, import.meta.url), 'utf8')
  let index = 0
  const addressed = text.replace(server, (line: string, ...rest: unknown[]) => {
    const { address = '' } = rest.at(-1) as Record<string, string>
    const url = urls[index++]
    return url === undefined ? '' : line.replace(address, new URL(url).host)
  })
  if (index < urls.length || !addressed.includes(listens))
    throw new Error(`${file} has not the lines that are looked for`)
  return addressed.replace(listens, listens.replace(/:?80/, `127.0.0.1:${port}`))
}
