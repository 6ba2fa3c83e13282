// The program as a process: what it says, and its exit code. On a terminal, too.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { findProgram } from '../servers/find.ts'

export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Of both streams: what it said so far, and what it will say. Rejects when it ends before. */
  said(pattern: RegExp): Promise<void>
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** @param url of the server */
export function start(url: string, args: readonly string[], options: RunOptions = {}): Running {
  return startProgram(process.execPath, [MAIN, ...args], { ...options, env: { FIRSTCOME_URL: url, ...options.env } })
}

export function run(url: string, args: readonly string[], options?: RunOptions): Promise<Ended> {
  return start(url, args, options).ended
}

/** With a terminal of its own, which is where all it says goes. */
export function startOnTerminal(url: string, args: readonly string[]): Running {
  const words = [process.execPath, MAIN, ...args]
  const env = { FIRSTCOME_URL: url, TERM: 'xterm' }
  return startProgram('script', scriptArgs(words), { env })
}

/** The `script` of util-linux, which every Linux has, and that of BSD and macOS. */
export function scriptArgs(words: readonly string[]): string[] {
  if (process.platform !== 'linux') return ['-q', '/dev/null', ...words]
  return ['-qec', words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' '), '/dev/null']
}

export function startProgram(program: string, args: readonly string[], { env, cwd }: RunOptions): Running {
  const path = findProgram([program]) ?? program
  const child = spawn(path, args, {
    env: { PATH: process.env['PATH'], TZ: 'UTC', ...env },
    ...(cwd !== undefined && { cwd }),
  })
  const texts = { out: '', err: '' }
  let isOver = false
  const listeners = new Set<() => void>()
  const hear = (name: 'out' | 'err') => (text: string) => {
    texts[name] += text
    for (const listener of listeners) listener()
  }
  child.stdout.setEncoding('utf8').on('data', hear('out'))
  child.stderr.setEncoding('utf8').on('data', hear('err'))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal: NodeJS.Signals | null) => {
      isOver = true
      for (const listener of listeners) listener()
      resolve({ code, signal, ...texts })
    })
  })
  return {
    child,
    ended,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(texts.out + texts.err)) resolve()
          else if (isOver) reject(new Error(`it ended before it said ${pattern.source}:\n${texts.out}${texts.err}`))
          else return
          listeners.delete(look)
        }
        listeners.add(look)
        look()
      }),
  }
}

/** A server that fails in ways of its own. */
export async function openServer(
  listener: RequestListener,
): Promise<{ readonly url: string; readonly server: Server } & AsyncDisposable> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
