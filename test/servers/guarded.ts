// Processes that cannot outlive the tests, however those end: each is the child of a guardian (guardian.ts), which also
// owns a temporary folder for it.
//
//   await using server = await spawnGuarded(process.execPath, ['src/main.ts', 'serve'], { env: { … } })
//   const [, url] = await server.waitForOutput(/listening on (\S+)/)

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { logKeeper } from '../secrets/notes.ts'
import type { Report, RunOrder } from './guardian.ts'

/** What is kept of a process's output, in characters: enough for any error, bounded for a server that talks all day. */
const OUTPUT_MAX = 256 * 1024

/** No test asserts a time; this only turns a hang into a message. */
const WAIT_MS_MAX = 60_000

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface RunOptions {
  readonly cwd?: string
  /** The whole environment; default: that of the tests. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Hears all of the output, as it comes: more than `output` keeps. */
  readonly onOutput?: (text: string) => void
  /** It is a server of ours: what it says is kept, and searched for secrets at the end of the run. */
  readonly isServer?: true
}

export interface Guarded {
  readonly pid: number
  readonly running: boolean
  /** Standard output and standard error as they came, the last 256 Ki characters. */
  readonly output: string
  /** Resolves when it has ended, whoever ended it. */
  readonly exited: Promise<Exit>
  /** Looks at all output, past and to come. Rejects, with the output, when it ends before or after `withinMs`. */
  waitForOutput(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>
  /** Does nothing when it has ended. */
  signal(signal: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL if that takes over a minute. */
  stop(): Promise<Exit>
  /** SIGKILL. */
  kill(): Promise<Exit>
  /** SIGSTOP: it hangs, with all its connections open. */
  pause(): void
  /** SIGCONT. */
  resume(): void
}

export interface Guardian extends AsyncDisposable {
  readonly pid: number
  /** Empty at first, removed at the end. */
  readonly folder: string
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Guarded>
  /** Kills what still runs, removes the folder; resolves when all is gone. Idempotent. */
  close(): Promise<void>
}

/** One process with a guardian of its own. */
export type SpawnedGuarded = Guarded & Pick<Guardian, 'folder' | 'close'> & AsyncDisposable

export async function spawnGuarded(
  command: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<SpawnedGuarded> {
  const guardian = await openGuardian()
  try {
    const guarded = await guardian.run(command, args, options)
    return Object.assign(guarded, {
      folder: guardian.folder,
      close: () => guardian.close(),
      [Symbol.asyncDispose]: () => guardian.close(),
    })
  } catch (error) {
    await guardian.close()
    throw error
  }
}

export async function openGuardian(): Promise<Guardian> {
  // Detached: out of reach of the terminal's Ctrl-C and of whoever kills the tests' process group.
  const child = fork(fileURLToPath(new URL('guardian.ts', import.meta.url)), [], {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const processes = new Map<number, GuardedProcess>()
  const opened = Promise.withResolvers<string>()
  child.once('error', opened.reject)
  child.on('message', (report: Report) => {
    if (report.is === 'open') opened.resolve(report.folder)
    else processes.get(report.id)?.hear(report)
  })
  void gone.then(() => {
    const error = new Error('the guardian has ended')
    opened.reject(error)
    for (const one of processes.values()) one.lose(error)
  })
  const folder = await opened.promise
  let lastId = 0
  const close = async () => {
    if (child.connected) child.disconnect()
    await gone
  }
  return {
    pid: child.pid ?? 0,
    folder,
    run(command, args, options = {}) {
      const order: RunOrder = { id: ++lastId, command, args, cwd: options.cwd, env: options.env }
      const keep = options.isServer === true ? logKeeper() : () => {}
      const one = new GuardedProcess([command, ...args].join(' '), (text) => {
        keep(text)
        options.onOutput?.(text)
      })
      processes.set(order.id, one)
      child.send(order)
      return one.started
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

class GuardedProcess implements Guarded {
  pid = 0
  running = false
  output = ''
  readonly started: Promise<Guarded>
  readonly exited: Promise<Exit>
  readonly #command: string
  readonly #onOutput: (text: string) => void
  readonly #started = Promise.withResolvers<Guarded>()
  readonly #exited = Promise.withResolvers<Exit>()
  readonly #listeners = new Set<() => void>()

  constructor(command: string, onOutput: (text: string) => void) {
    this.#command = command
    this.#onOutput = onOutput
    this.started = this.#started.promise
    this.exited = this.#exited.promise
  }

  hear(report: Exclude<Report, { is: 'open' }>): void {
    switch (report.is) {
      case 'started':
        this.pid = report.pid
        this.running = true
        this.#started.resolve(this)
        break
      case 'failed':
        this.lose(new Error(`${this.#command}: ${report.message}`))
        break
      case 'output':
        this.output = (this.output + report.text).slice(-OUTPUT_MAX)
        this.#onOutput(report.text)
        break
      case 'exited':
        this.running = false
        this.#exited.resolve({ code: report.code, signal: report.signal })
        break
    }
    for (const listener of this.#listeners) listener()
  }

  /** It never started, or its guardian has ended and killed it. */
  lose(error: Error): void {
    this.running = false
    this.#started.reject(error)
    this.#exited.resolve({ code: null, signal: 'SIGKILL' })
    for (const listener of this.#listeners) listener()
  }

  async waitForOutput(pattern: RegExp, withinMs = WAIT_MS_MAX): Promise<RegExpExecArray> {
    const found = Promise.withResolvers<RegExpExecArray>()
    const wasRunning = () => new Error(`${this.#command}\nended before it said ${pattern.source}:\n${this.output}`)
    const look = () => {
      const match = pattern.exec(this.output)
      if (match) found.resolve(match)
      else if (!this.running) found.reject(wasRunning())
    }
    const timer = setTimeout(() => {
      found.reject(new Error(`${this.#command}\ndid not say ${pattern.source} within ${withinMs} ms:\n${this.output}`))
    }, withinMs)
    this.#listeners.add(look)
    look()
    try {
      return await found.promise
    } finally {
      clearTimeout(timer)
      this.#listeners.delete(look)
    }
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.running) return
    try {
      process.kill(this.pid, signal)
    } catch (error) {
      // It has just ended, and the report is under way.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }

  async stop(): Promise<Exit> {
    this.signal('SIGTERM')
    const timer = setTimeout(() => this.signal('SIGKILL'), WAIT_MS_MAX)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }

  kill(): Promise<Exit> {
    this.signal('SIGKILL')
    return this.exited
  }

  pause(): void {
    this.signal('SIGSTOP')
  }

  resume(): void {
    this.signal('SIGCONT')
  }
}
