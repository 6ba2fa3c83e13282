// The command line as a person meets it: what it says, and its exit code, 0 good or 3 could not be run.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { SETTINGS } from '../../src/config.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'firstcome-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function start(args: readonly string[], environment: Record<string, string> = {}) {
  const env = { PATH: process.env['PATH'], PORT: '0', SQLITE_PATH: join(folder, 'coupons.db'), ...environment }
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  const ready = Promise.withResolvers<void>()
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
    if (out.includes('Ready.')) ready.resolve()
  })
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, out, err })))
  return { child, ready: ready.promise, ended }
}

const run = (args: readonly string[], environment?: Record<string, string>) => start(args, environment).ended

test('--help of serve shows every setting and examples', async () => {
  const { code, out } = await run(['serve', '--help'])
  expect(code).toBe(0)
  for (const { env, flag } of SETTINGS) expect(out).toContain(flag === null ? env : `--${flag}`)
  expect(out).toContain('Examples:')
})

test('without a command it shows what there is; an unknown one, or an unknown flag, could not be run', async () => {
  expect(await run([])).toMatchObject({ code: 0, err: expect.stringContaining('serve') })
  expect(await run(['sevre'])).toMatchObject({ code: 3, err: expect.stringContaining('Did you mean serve?') })
  expect(await run(['serve', '--prot', '1'])).toMatchObject({ code: 3, err: expect.stringContaining('--port') })
})

test('settings that are wrong are said all at once, without their values', async () => {
  const { code, err } = await run(['serve', '--port', '99999'], {
    REDIS_URL: 'redis://:secret@x',
    LOG_LEVEL: 'loud',
    WAIT_MS_MAX: '1',
  })
  expect(code).toBe(3)
  for (const name of ['PORT', 'REDIS_URL', 'LOG_LEVEL', 'WAIT_MS_MAX']) expect(err).toContain(name)
  expect(err).not.toContain('secret')
  expect(err).not.toContain('    at ')
})

test('a port that is in use: one line, and could not be run', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => other.once('listening', resolve))
  const port = String((other.address() as AddressInfo).port)
  const { code, err } = await run(['serve'], { PORT: port, SQLITE_PATH: ':memory:' })
  other.close()
  expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining(`port ${port} is in use`) })
})

test('a second process on the same file is told the first one’s pid; Ctrl-C ends the first, exit 0', async () => {
  const first = start(['serve'])
  await first.ready
  const { code, err } = await run(['serve'])
  expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining(`in use by process ${first.child.pid}`) })
  first.child.kill('SIGINT')
  expect((await first.ended).code).toBe(0)
})

test('migrate --print reaches no database', async () => {
  const { code, out } = await run(['migrate', '--print'], { MYSQL_URL: 'mysql://u:p@127.0.0.1:1/firstcome' })
  expect(code).toBe(0)
  expect(out).toContain('CREATE TABLE IF NOT EXISTS coupons')
})

test('migrate without a database that answers: one line, without the password', async () => {
  const { code, err } = await run(['migrate'], { MYSQL_URL: 'mysql://u:secret@127.0.0.1:1/firstcome', SQLITE_PATH: '' })
  expect(code).toBe(3)
  expect(err).toMatch(/^firstcome: MySQL at 127\.0\.0\.1:1\/firstcome cannot be reached: ECONNREFUSED\n$/)
})
