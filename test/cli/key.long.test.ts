// firstcome key beside a server on the embedded file, and where a server listens without keys and with them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { idOfKey } from '../http/make-key.ts'
import { answered, call, startServe } from '../serve/server-process.ts'
import { MAIN, run, startOnTerminal } from './run-firstcome.ts'
import { spawnGuarded } from '../servers/guarded.ts'

const root = mkdtempSync(join(tmpdir(), 'firstcome-keys-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let made = 0
const newFile = () => join(root, String(++made), 'firstcome.db')
const key = (path: string, ...args: string[]) => run('', ['key', ...args], { env: { SQLITE_PATH: path } })
const BOOTSTRAP = 'b'.repeat(40)

test('the first key closes the door of a server that runs, and it works at once', async () => {
  const path = newFile()
  const server = await startServe({ SQLITE_PATH: path })
  try {
    expect(server.process.output).toMatch(/^ {2}keys {3}none: .*`firstcome key create`/m)
    const campaigns = `${server.url}/v1/campaigns`
    expect((await answered(call(campaigns))).status).toBe(200)
    const created = await key(path, 'create', '--client', 'shop-api', '--scopes', 'issue, read', '--expires', '90d')
    expect(created.code, created.err).toBe(0)
    expect(created.out).toMatch(/^fc_\w{12}_\w{32}\n$/)
    expect(created.err).toMatch(/^Key \w{12} of shop-api: issue, read; expires .* It is shown this once/)
    const token = created.out.trim()
    expect(created.err).not.toContain(token)
    const headers = { authorization: `Bearer ${token}` }
    expect((await answered(call(campaigns, { headers }))).status).toBe(200)
    await expect.poll(async () => (await answered(call(campaigns))).status).toBe(401)
    expect((await answered(call(campaigns, { method: 'POST', body: {}, headers }))).status).toBe(403)

    const id = idOfKey(token)
    expect((await key(path, 'list')).out).toMatch(new RegExp(`^ID .*\\n${id} +shop-api +issue,read .*live\\n$`))
    const revoked = await key(path, 'revoke', id, '--yes', '--json')
    expect(JSON.parse(revoked.out)).toMatchObject({
      id,
      client: 'shop-api',
      scopes: ['issue', 'read'],
      state: 'revoked',
    })
    expect((await key(path, 'revoke', id, '--yes')).out).toMatch(/was revoked before\.$/m)
    await expect.poll(async () => (await answered(call(campaigns, { headers }))).status).toBe(401)
    // For good: also without a key that is live.
    expect((await answered(call(campaigns))).status).toBe(401)
  } finally {
    await server.close()
  }
})

test('a server and commands that begin in the same moment make one file', async () => {
  const path = newFile()
  const making = Array.from({ length: 3 }, () => key(path, 'create', '--client', 'ops', '--scopes', 'admin'))
  const server = await startServe({ SQLITE_PATH: path })
  try {
    for (const { code, out, err } of await Promise.all(making)) {
      expect(code, err).toBe(0)
      const headers = { authorization: `Bearer ${out.trim()}` }
      expect((await answered(call(`${server.url}/v1/campaigns`, { headers }))).status).toBe(200)
    }
  } finally {
    await server.close()
  }
})

test('what cannot be done is said, with its exit code', async () => {
  const path = newFile()
  const cases: [args: string[], code: number, says: RegExp][] = [
    [['list'], 0, /No keys/],
    [['create', '--client', 'a b', '--scopes', 'issue'], 3, /1 to 64 of A–Z/],
    [['create', '--client', 'a', '--scopes', 'isue'], 3, /issue, read, codes, admin/],
    [['create', '--client', 'a', '--scopes', ''], 3, /issue, read, codes, admin/],
    [['create', '--client', 'a'], 3, /--scopes/],
    [['create', '--client', 'a', '--scopes', 'issue', '--expires', '90'], 3, /90d or 12h/],
    [['create', '--client', 'a', '--scopes', 'issue', '--expires', '0d'], 3, /90d or 12h/],
    [['revoke', '0'.repeat(12), '--yes'], 1, /there is no key 000000000000/],
    [['revoke', '0'.repeat(12)], 3, /give --yes/],
  ]
  for (const [args, code, says] of cases) {
    const { code: ended, out, err } = await key(path, ...args)
    expect([ended, out], `${args.join(' ')}: ${err}`).toEqual([code, ''])
    expect(err).toMatch(says)
  }
  expect((await key(':memory:', 'list')).err).toMatch(/in memory is of its own process only/)
})

test('at a terminal it asks', async () => {
  const path = newFile()
  const id = idOfKey((await key(path, 'create', '--client', 'shop', '--scopes', 'issue')).out)
  const asking = startOnTerminal('', ['key', 'revoke', id, '--sqlite-path', path])
  await asking.said(/Revoke \w+ of shop \(issue\)\?.*\[y\/N\]/)
  asking.child.stdin?.write('n\n')
  const { code, out } = await asking.ended
  expect(code, out).toBe(3)
  expect((await key(path, 'list')).out).toMatch(/live/)
})

describe('beyond this machine', () => {
  const serve = (env: Record<string, string>) =>
    spawnGuarded(process.execPath, [MAIN, 'serve'], {
      env: { PATH: process.env['PATH'], PORT: '0', HOST: '0.0.0.0', DRAIN_MS: '0', ...env },
    })

  test('a server without keys does not start, and says what to do', async () => {
    await using server = await serve({ SQLITE_PATH: newFile() })
    expect(await server.exited).toEqual({ code: 3, signal: null })
    expect(server.output).toMatch(
      /^firstcome: without an API key .*0\.0\.0\.0.*`firstcome key create .*BOOTSTRAP_API_KEY_FILE.*HOST=127\.0\.0\.1$/m,
    )
  })

  test('with a key, or a bootstrap key, it does', async () => {
    const path = newFile()
    const token = (await key(path, 'create', '--client', 'ops', '--scopes', 'admin')).out.trim()
    for (const [env, good] of [
      [{ SQLITE_PATH: path }, token],
      [{ SQLITE_PATH: newFile(), BOOTSTRAP_API_KEY: BOOTSTRAP }, BOOTSTRAP],
    ] as const) {
      await using server = await serve(env)
      const [, port] = await server.waitForOutput(/listens on http:\/\/0\.0\.0\.0:(\d+)/)
      await server.waitForOutput(/^ {2}keys {3}needed: /m)
      const campaigns = `http://127.0.0.1:${port}/v1/campaigns`
      expect((await answered(call(campaigns))).status).toBe(401)
      expect((await answered(call(campaigns, { headers: { authorization: `Bearer ${good}` } }))).status).toBe(200)
      expect(server.output).not.toContain(good)
    }
  })
})
