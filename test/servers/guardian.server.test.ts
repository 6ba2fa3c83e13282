// Whatever ends the tests, their servers end with them.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { findServer } from './find.ts'
import type { Orphan } from './orphans.ts'
import { isAlive, until } from './processes.ts'

const ORPHANS = fileURLToPath(new URL('orphans.ts', import.meta.url))

const noServers = findServer('mysql') === null || findServer('redis') === null

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  test.skipIf(noServers)(`servers and folders are gone after their process ended by ${signal}`, async () => {
    // A group of its own, as a terminal gives it: the signal goes to all of it, as Ctrl-C does.
    const parent = spawn(process.execPath, [ORPHANS], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(parent, 'exit')
    const [line] = (await once(createInterface(parent.stdout), 'line')) as [string]
    const orphans = JSON.parse(line) as Orphan[]
    expect(orphans).toHaveLength(2)
    for (const { pid, folder } of orphans) expect([isAlive(pid), existsSync(folder)]).toEqual([true, true])

    process.kill(-(parent.pid ?? 0), signal)
    expect(await ended).toEqual([null, signal])
    for (const { pid, folder } of orphans) await until(() => !isAlive(pid) && !existsSync(folder))
  })
}
