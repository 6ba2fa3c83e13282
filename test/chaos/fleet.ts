// The servers of a run: real processes, each on a port of its own that it comes back to.

import { join } from 'node:path'
import { call, startServe, type ServerProcess } from '../serve/server-process.ts'
import { freePort } from '../servers/server.ts'
import { childrenOf, isStopped, until } from '../servers/processes.ts'
import { ServerLog } from './server-log.ts'

/** Of the first server of a run: what happens to one process of several is a matter of its own. */
const WORKERS = 2

/** A port may be taken in the moment in which its server is away. */
const STARTS_MAX = 5

export class Fleet {
  readonly members: readonly Member[]

  private constructor(members: readonly Member[]) {
    this.members = members
  }

  /** @param folder for their logs */
  static async start(count: number, environment: Record<string, string>, folder: string): Promise<Fleet> {
    const members = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const log = new ServerLog(join(folder, `server-${index + 1}.log`))
        const port = await freePort()
        const own = { PORT: String(port), WORKERS: String(index === 0 ? WORKERS : 1) }
        return new Member({ ...environment, ...own }, `http://127.0.0.1:${port}`, log)
      }),
    )
    const fleet = new Fleet(members)
    try {
      await Promise.all(members.map((member) => member.start(true)))
    } catch (error) {
      await fleet.close()
      throw error
    }
    return fleet
  }

  get urls(): string[] {
    return this.members.map(({ url }) => url)
  }

  /** What servers did that they must not: lines of their logs, and ends that nobody asked for. */
  get mistakes(): string[] {
    return this.members.flatMap(({ mistakes }) => mistakes)
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()))
  }
}

export class Member {
  readonly url: string
  readonly #environment: Record<string, string>
  readonly #log: ServerLog
  readonly #ends: string[] = []
  #process: ServerProcess | null = null

  constructor(environment: Record<string, string>, url: string, log: ServerLog) {
    this.#environment = environment
    this.url = url
    this.#log = log
  }

  get mistakes(): string[] {
    return [...this.#log.mistakes, ...this.#ends]
  }

  async start(isReadyAwaited: boolean): Promise<void> {
    const options = { isReadyAwaited, onOutput: this.#log.listener() }
    for (let starts = 1; ; starts++) {
      try {
        const started = await startServe(this.#environment, [], options)
        this.#process = started
        void started.process.exited.then(({ code, signal }) => {
          if (this.#process === started) this.#ends.push(`${this.url} ended by itself: ${signal ?? code}`)
        })
        return
      } catch (error) {
        const isTaken = error instanceof Error && error.message.includes('is in use')
        if (!isTaken || starts === STARTS_MAX) throw error
      }
    }
  }

  /** Gone when it resolves. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const ending = this.#process
    this.#process = null
    if (ending === null) return
    if (signal === 'SIGKILL') await ending.process.kill()
    else await ending.process.stop()
    await ending.close()
  }

  async pause(): Promise<void> {
    const pid = this.#process?.process.pid
    this.#process?.process.pause()
    if (pid !== undefined) await until(() => isStopped(pid))
  }

  resume(): void {
    this.#process?.process.resume()
  }

  /** Empty when it has none, or is away. */
  get workers(): number[] {
    const pid = this.#process?.process.pid
    return pid === undefined ? [] : childrenOf(pid)
  }

  /** Those that it has are followed by new ones. @returns was there anybody to do so? */
  replaceWorkers(): boolean {
    if (this.workers.length === 0) return false
    this.#process?.process.signal('SIGHUP')
    return true
  }

  /** What it says of itself when both its stores answer; else null. */
  async isWhole(): Promise<boolean> {
    const reply = await call(`${this.url}/readyz`)
    return reply?.status === 200 && reply.body['database'] === 'up' && reply.body['counter'] === 'up'
  }

  async close(): Promise<void> {
    await this.end('SIGKILL')
    await this.#log.close()
  }
}
