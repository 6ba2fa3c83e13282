// What continuous integration asks of the simulator: the same two thousand seeds each time, some that nobody has run before,
// and that every fault and every rare branch really happened in them.

import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runSeeds } from './seeds.ts'

const workers = availableParallelism()

test('2,000 seeds keep every promise, and nothing is left out', async () => {
  const { done, broken, counts } = await runSeeds({ from: 1, count: 2_000, workers })
  expect({ done, broken }).toEqual({ done: 2_000, broken: null })
  const never = MUST_HAPPEN.filter((what) => (counts.get(what) ?? 0) === 0)
  expect(never).toEqual([])
})

test('so do 1,000 that nobody has run before', async () => {
  const { broken } = await runSeeds({ from: randomInt(1, 2 ** 31), count: 1_000, workers })
  expect(broken).toBeNull()
})

describe('npm run simulate', () => {
  const run = (...args: string[]) => {
    const program = fileURLToPath(new URL('simulate.ts', import.meta.url))
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' })
    return { status, stdout, stderr }
  }

  test('one seed, told step by step', () => {
    const { status, stdout } = run('--seed', '7', '--trace')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^ +0\.00 ms {2}mix: .*\n[^]* asks server [^]*seed 7 .*every promise was kept\n$/)
  })

  test('what it does not know', () => {
    expect(run('--sed', '7')).toMatchObject({ status: 3, stderr: expect.stringContaining('--help') })
    expect(run('--seeds', 'many')).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('--seeds: a whole number'),
    })
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('Examples:') })
  })
})

const MUST_HAPPEN = [
  'a caller hangs up',
  'a server freezes',
  'a server is killed',
  'change: ready',
  'change: total_below_issued',
  'counter: done after the connection was lost',
  'counter: reply lost',
  'counter: request lost',
  'deleted and made anew',
  'ledger: a reply on its way when the connection broke',
  'ledger: blocked',
  'ledger: done after the connection was lost',
  'ledger: refused',
  'ledger: reply lost',
  'ledger: request lost',
  'locked: all rows',
  'locked: duplicate',
  'locked: gaps are filled',
  'locked: invalid',
  'locked: the second look-up finds a coupon',
  'pause and resume',
  'record: all rows',
  'record: duplicate',
  'record: invalid',
  'record: rows are passed over',
  'Redis holds nonsense',
  'Redis is away',
  'Redis is away to a server',
  'Redis is flushed',
  'Redis is restored to an older state',
  'Redis is slow to a server',
  'Redis is split',
  'Redis loses a key',
  'Redis runs ahead',
  'reserve: cold',
  'reserve: fewer than asked for',
  'somebody holds the row',
  'the database fails over and loses commits',
  'the database fails over behind a proxy',
  'the database is away',
  'the database restarts',
  'the database seems away to a server',
  'the end comes and goes',
  'the total is lowered',
  'the total is raised',
  'told campaign_ended',
  'told campaign_not_found',
  'told campaign_not_started',
  'told campaign_paused',
  'told idempotency_key_reused',
  'told internal',
  'told issued',
  'told recipient_required',
  'told replayed by recipient',
  'told replayed by request',
  'told sold_out',
  'told unavailable',
  'told unavailable at once',
]
