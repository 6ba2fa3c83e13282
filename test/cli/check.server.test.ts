// firstcome check: green on every pair of stores, and red, with the step named, on builds that break one promise each.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { ROOT } from '../docs/documents.ts'
import { call, startServe } from '../serve/server-process.ts'
import { freshDatabase, uniquePrefix } from '../servers/fresh.ts'
import { spawnGuarded } from '../servers/guarded.ts'
import { startBroken, type Edit } from './broken-build.ts'

const MAIN = join(ROOT, 'src/main.ts')

interface Checked {
  readonly code: number | null
  readonly output: string
  /** name: result */
  readonly steps: Readonly<Record<string, string>>
}

const check = (...args: string[]) => checkWith({}, ...args)

async function checkWith(env: Record<string, string>, ...args: string[]): Promise<Checked> {
  await using checked = await spawnGuarded(process.execPath, [MAIN, 'check', ...args], { env })
  const { code } = await checked.exited
  const lines = checked.output.matchAll(/^(ok|FAIL|skip) +(.+?): /gm)
  return {
    code,
    output: checked.output,
    steps: Object.fromEntries([...lines].map(([, result, name]) => [name, result])),
  }
}

async function expectNothingLeft(url: string): Promise<void> {
  expect((await call(`${url}/v1/campaigns?test=all`))?.body['data']).toEqual([])
}

async function expectGreen(environment: Record<string, string>): Promise<void> {
  const server = await startServe(environment)
  try {
    const { code, output } = await check('--url', server.url)
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringMatching(/\nGood: all \d\d steps passed in .+ s\n$/),
    })
    await expectNothingLeft(server.url)
  } finally {
    await server.close()
  }
}

test('green on the embedded default', () => expectGreen({ SQLITE_PATH: ':memory:' }))

test('green on MySQL and Redis', async () => {
  const database = await freshDatabase(inject('mysqlUrl'))
  try {
    await expectGreen({ MYSQL_URL: database.url, REDIS_URL: inject('redisUrl'), REDIS_PREFIX: uniquePrefix() })
  } finally {
    await database.drop()
  }
})

describe('red, with the step named, when', () => {
  interface Broken extends Edit {
    /** Those that fail. */
    readonly steps: readonly string[]
  }
  const builds: Readonly<Record<string, Broken>> = {
    'the last coupon is kept back': {
      file: 'src/issue/segments.ts',
      line: 'for (let slot = maxSlot + 1; slot <= campaign.totalCoupons && slots.length < wanted; slot++) slots.push(slot)',
      instead:
        'for (let slot = maxSlot + 1; slot < campaign.totalCoupons && slots.length < wanted; slot++) slots.push(slot)',
      steps: ['delete', 'campaign status', 'sold out', 'a crowd'],
    },
    'a key is given a coupon of another recipient': {
      file: 'src/issue/look-up.ts',
      line: "if (ofRequest.recipientKey !== request.recipientKey) return { code: 'idempotency_key_reused' }",
      instead: '',
      steps: ['reused key'],
    },
    'If-Match is ignored': {
      file: 'src/campaign/campaigns.ts',
      line: 'if (campaign === undefined || seen === null) return true',
      instead: 'return true',
      steps: ['If-Match, stale', 'two people at once'],
    },
    'a spreadsheet would calculate with a recipient': {
      file: 'src/http/export-formats.ts',
      line: 'FORMULA.test(narrow) || ',
      instead: '',
      steps: ['export, CSV'],
    },
    'test campaigns are in the list': {
      file: 'src/http/campaign-handlers.ts',
      line: "{ false: 'none',",
      instead: "{ false: 'all',",
      steps: ['campaign list'],
    },
  }

  test.concurrent.each(Object.entries(builds))('%s', async (_name, { file, line, instead, steps }) => {
    await using server = await startBroken([{ file, line, instead }])
    const { url } = server
    const checked = await check('--url', url)
    expect(checked.code, checked.output).toBe(1)
    const failed = Object.entries(checked.steps).filter(([, result]) => result === 'FAIL')
    expect(
      failed.map(([name]) => name),
      checked.output,
    ).toEqual(steps)
    expect(checked.output).toMatch(/^Bad: \d failed, \d+ skipped, \d+ passed$/m)
    await expectNothingLeft(url)
  })
})

describe('with a key', () => {
  const BOOTSTRAP_API_KEY = 'b'.repeat(32)
  const checkAt = (url: string) => checkWith({ FIRSTCOME_API_KEY: BOOTSTRAP_API_KEY }, '--url', url)

  test('green on a server that has it, and on one without any', async () => {
    for (const [environment, step] of [
      [{ BOOTSTRAP_API_KEY }, 'keys, wrong ones'],
      [{}, 'keys, without any'],
    ] as const) {
      const server = await startServe({ SQLITE_PATH: ':memory:', ...environment })
      try {
        const { code, output, steps } = await checkAt(server.url)
        expect(code, output).toBe(0)
        expect(steps[step]).toBe('ok')
        expect(output).not.toContain(BOOTSTRAP_API_KEY)
      } finally {
        await server.close()
      }
    }
  })

  test('red where a wrong one, or none, will do', async () => {
    const file = 'src/access/key-ring.ts'
    const builds: Record<string, Edit> = {
      'keys, without any': {
        file,
        line: 'if (authorization === undefined) return NONE_SENT',
        instead: 'if (authorization === undefined) return BOOTSTRAP_CALLER',
      },
      'keys, wrong ones': {
        file,
        line: 'if (key === null) return NO_KEY',
        instead: 'if (key === null) return BOOTSTRAP_CALLER',
      },
    }
    for (const [step, edit] of Object.entries(builds)) {
      await using server = await startBroken([edit], { BOOTSTRAP_API_KEY })
      const { code, output, steps } = await checkAt(server.url)
      expect([code, steps[step]], output).toEqual([1, 'FAIL'])
    }
  })
})

describe('could not be run:', () => {
  test('nobody is there, by flag or by variable', async () => {
    const said = 'firstcome: nothing answers at http://127.0.0.1:1 (ECONNREFUSED): start it with `firstcome serve`'
    const byFlag = await checkWith({ FIRSTCOME_URL: 'http://127.0.0.1:2' }, '--url', 'http://127.0.0.1:1')
    expect(byFlag).toMatchObject({ code: 3, output: expect.stringContaining(said) })
    const byVariable = await checkWith({ FIRSTCOME_URL: 'http://127.0.0.1:1' })
    expect(byVariable).toMatchObject({ code: 3, output: expect.stringContaining(said) })
  })

  test('somebody else is there', async () => {
    const other = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
    try {
      await new Promise((resolve) => other.once('listening', resolve))
      const host = `127.0.0.1:${(other.address() as AddressInfo).port}`
      const plain = await check('--url', `http://${host}`)
      expect(plain).toMatchObject({ code: 3, output: expect.stringContaining('is no Firstcome') })
      const tls = await check('--url', `https://${host}`)
      expect(tls).toMatchObject({ code: 3, output: expect.stringContaining('speaks no TLS: try http:// in --url') })
    } finally {
      other.close()
    }
  })

  test('Ctrl-C: what it had made is deleted', async () => {
    const server = await startServe({ SQLITE_PATH: ':memory:' })
    try {
      await using checked = await spawnGuarded(process.execPath, [MAIN, 'check', '--url', server.url], { env: {} })
      await checked.waitForOutput(/^ok +create for soon/m)
      checked.signal('SIGINT')
      expect((await checked.exited).code).toBe(3)
      expect(checked.output).toContain('No verdict')
      await expectNothingLeft(server.url)
    } finally {
      await server.close()
    }
  })
})

test('--json: one document', async () => {
  const server = await startServe({ SQLITE_PATH: ':memory:' })
  try {
    const { code, output } = await check('--url', server.url, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(output)).toMatchObject({ url: server.url, verdict: 'good', failed: 0, skipped: 0 })
  } finally {
    await server.close()
  }
})
