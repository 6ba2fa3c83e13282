// What all private servers of the tests have in common: a port of their own, ready when they say so, and an end.

import { createServer } from 'node:net'
import type { Guarded, Guardian } from './guarded.ts'

export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Of the server itself; another one after restart(). */
  readonly pid: number
  /** Temporary, with its data unless those were given. */
  readonly folder: string
  /** What it has said since its last start. */
  readonly output: string
  /** SIGTERM: it ends in order. Its data stay until close(). */
  stop(): Promise<void>
  /** SIGKILL. Its data stay until close(). */
  kill(): Promise<void>
  /** SIGSTOP: it hangs, with all its connections open. */
  pause(): void
  /** SIGCONT. */
  resume(): void
  /** Starts it again on the same port and data; one that still runs is stopped before. Resolves when it is ready. */
  restart(): Promise<void>
  /** Kills it and removes its folder. Idempotent; whatever happens to the tests, this happens. */
  close(): Promise<void>
}

export interface ServerPlan {
  readonly guardian: Guardian
  /** undefined: a free one. */
  readonly port: number | undefined
  command(port: number): readonly [program: string, ...args: string[]]
  /** In its output, when it takes connections. */
  ready(port: number): RegExp
  url(port: number): string
}

/** Another process may take a free port before the server does: then the next one. */
const PORTS_TRIED_MAX = 5

export async function startServer(plan: ServerPlan): Promise<TestServer> {
  const { guardian } = plan
  const first = await startSomewhere(plan)
  const { port } = first
  let { server } = first
  const stop = async () => {
    server.resume() // a paused one would not hear SIGTERM
    await server.stop()
  }
  return {
    url: plan.url(port),
    port,
    get pid() {
      return server.pid
    },
    get output() {
      return server.output
    },
    folder: guardian.folder,
    stop,
    async kill() {
      await server.kill()
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    async restart() {
      if (server.running) await stop()
      server = await startAt(plan, port)
    },
    close: () => guardian.close(),
    [Symbol.asyncDispose]: () => guardian.close(),
  }
}

async function startSomewhere(plan: ServerPlan): Promise<{ port: number; server: Guarded }> {
  for (let tried = 1; ; tried++) {
    const port = plan.port ?? (await freePort())
    try {
      return { port, server: await startAt(plan, port) }
    } catch (error) {
      const taken = error instanceof Error && /address already in use/i.test(error.message)
      if (plan.port === undefined && taken && tried < PORTS_TRIED_MAX) continue
      await plan.guardian.close()
      throw error
    }
  }
}

async function startAt(plan: ServerPlan, port: number): Promise<Guarded> {
  const [program, ...args] = plan.command(port)
  const server = await plan.guardian.run(program, args)
  await server.waitForOutput(plan.ready(port))
  return server
}

/**
 * Below the range from which the system gives ports to clients: while a server is down, a client that tries to reach it
 * would now and then be given its very port, connect to itself, and keep the server from coming back.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000)
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer()
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
}
