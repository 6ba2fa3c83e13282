// The short form of `npm run chaos`: one or two rounds with faults of many kinds, another seed each time. A seed that was
// bad is printed: `npm run chaos -- --seed …` draws the same plans.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { findServer } from '../servers/find.ts'
import { runChaos } from './run.ts'

// Where TEST_MYSQL_URL and TEST_REDIS_URL are all there is, nothing can be killed.
const noServers = findServer('mysql') === null || findServer('redis') === null

test.skipIf(noServers)('some seconds of chaos: every promise is kept', { timeout: 400_000 }, async () => {
  const seed = randomBytes(4).toString('hex')
  const folder = mkdtempSync(join(tmpdir(), 'firstcome-chaos-'))
  const lines: string[] = []
  const say = (line: string) => lines.push(line)
  const { campaigns, coupons, faults, findings, mistakes } = await runChaos({
    seed,
    servers: 3,
    minutes: 0.2,
    folder,
    say,
  })
  const about = `seed ${seed}, histories and logs in ${folder}\n${lines.join('\n')}`
  expect({ findings, mistakes }, about).toEqual({ findings: [], mistakes: [] })
  expect(campaigns, about).toBeGreaterThanOrEqual(1)
  expect(coupons, about).toBeGreaterThanOrEqual(50)
  // Which kinds come up in so short a time is chance; that nothing at all happens to most victims is none.
  const struck = new Set([...faults].filter(([, count]) => count > 0).map(([name]) => name.split(':')[0]))
  expect(struck.size, about).toBeGreaterThanOrEqual(3)
  rmSync(folder, { recursive: true })
})

test('what cannot be run is said, with exit code 3; help shows examples', async () => {
  const chaos = (...args: string[]) => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('chaos.ts', import.meta.url)), ...args])
    const code = new Promise<number | null>((resolve) => void child.once('close', resolve))
    return Promise.all([code, text(child.stdout), text(child.stderr)])
  }
  const [[helpCode, help], [flagCode, , flag], [minutesCode, , minutes]] = await Promise.all([
    chaos('--help'),
    chaos('--no-such-flag'),
    chaos('--minutes', 'many'),
  ])
  expect([helpCode, flagCode, minutesCode]).toEqual([0, 3, 3])
  expect(help).toContain('npm run chaos -- --minutes 60 --servers 5')
  expect(flag).toContain('--no-such-flag')
  expect(minutes).toContain('chaos: --minutes: a number')
})
