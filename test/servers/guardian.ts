// A process of its own that is the parent of test servers. It owns one temporary folder, and starts what it is told to
// start. When the channel to its own parent closes — the tests ended, were interrupted, or were killed with -9 — it kills
// what it started, removes its folder, and ends. Only builtins in here: it must start at once.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RunOrder {
  readonly id: number
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string | undefined
  /** Replaces the whole environment; undefined: as the tests have it. */
  readonly env: Readonly<Record<string, string | undefined>> | undefined
}

export type Report =
  | { readonly is: 'open'; readonly folder: string }
  | { readonly is: 'started'; readonly id: number; readonly pid: number }
  | { readonly is: 'failed'; readonly id: number; readonly message: string }
  | { readonly is: 'output'; readonly id: number; readonly text: string }
  | { readonly is: 'exited'; readonly id: number; readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** Nobody notices that output comes so much later. */
const TELL_MS = 5

const running = new Set<ChildProcess>()

// Ctrl-C is for the tests; how they end is heard on the channel.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
const folder = mkdtempSync(join(tmpdir(), 'firstcome-test-'))
process.on('message', (order: RunOrder) => run(order))
process.once('disconnect', close)
report({ is: 'open', folder })

function run({ id, command, args, cwd, env }: RunOrder): void {
  // A process group of its own, so that what it starts in turn is killed with it.
  const child = spawn(command, args, {
    cwd,
    env: env ?? process.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  child.once('spawn', () => report({ is: 'started', id, pid: child.pid ?? 0 }))
  child.once('error', (error) => {
    running.delete(child)
    report({ is: 'failed', id, message: error.message })
  })
  // A server may write a line for every request: what comes within a moment is one message to the tests.
  let said = ''
  let timer: NodeJS.Timeout | undefined
  const tell = () => {
    clearTimeout(timer)
    timer = undefined
    if (said !== '') report({ is: 'output', id, text: said })
    said = ''
  }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
      timer ??= setTimeout(tell, TELL_MS)
    })
  }
  child.once('exit', () => killGroup(child))
  // 'close' and not 'exit': all output has been reported before.
  child.once('close', (code, signal) => {
    running.delete(child)
    tell()
    report({ is: 'exited', id, code, signal })
  })
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL') // stops a stopped process, too
  } catch {
    // the group is gone
  }
}

function close(): void {
  const gone = [...running].map((child) => {
    const ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve))
    killGroup(child)
    return ended
  })
  void Promise.all(gone).then(() => {
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    process.exit(0)
  })
}

function report(message: Report): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}
