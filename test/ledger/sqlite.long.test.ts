// What only SQLite promises: one process a file, nothing acknowledged lost when it is killed, and errors that say what to do.

import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Campaign } from '../../src/campaign/campaign.ts'
import { systemClock } from '../../src/host.ts'
import { LedgerUnavailable, SEGMENT_SLOTS } from '../../src/ledger/ledger.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { loadMigrations, statementsOf } from '../../src/ledger/migrations.ts'
import { changesSql } from '../../src/ledger/sqlite/changes.ts'
import { asFault } from '../../src/ledger/sqlite/errors.ts'
import { holdFile } from '../../src/ledger/sqlite/lock.ts'
import { readSql, SqliteReads } from '../../src/ledger/sqlite/reads.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import type { SqliteOptions } from '../../src/ledger/sqlite.ts'
import { aCampaign, aCoupon } from '../contract/ledger-samples.ts'

const root = mkdtempSync(join(tmpdir(), 'firstcome-sqlite-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let made = 0
function newFile(): string {
  made += 1
  return join(root, String(made), 'firstcome.db')
}

async function using<T>(options: SqliteOptions, work: (ledger: Ledger) => Promise<T>): Promise<T> {
  const ledger = await openSqliteLedger(options)
  try {
    return await work(ledger)
  } finally {
    await ledger.close()
  }
}

/** `open()` may be called in vain: what it rejects with, as `name: message`. */
async function refusal(path: string): Promise<string> {
  try {
    await (await openSqliteLedger({ path })).close()
  } catch (error) {
    return String(error)
  }
  return 'opened'
}

interface Child {
  readonly pid: number
  /** The next line it prints; null at the end. */
  line(): Promise<string | null>
  /** All lines that are still to come. */
  rest(): Promise<string[]>
  /** kill -9, and until it is gone. */
  kill(): Promise<void>
}

function child(mode: 'hold' | 'record' | 'transaction' | 'swallow', path: string, limit?: { fileKiB: number }): Child {
  const script = fileURLToPath(new URL('./sqlite-child.ts', import.meta.url))
  const command = [process.execPath, script, mode, path]
  const started =
    limit === undefined
      ? spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
      : // `ulimit -f` counts blocks of 512 bytes in a POSIX shell, of 1,024 in bash called by its own name.
        spawn('sh', ['-c', `ulimit -f ${limit.fileKiB * 2}; exec "$@"`, 'sh', ...command], {
          stdio: ['pipe', 'pipe', 'inherit'],
        })
  const gone = new Promise<void>((resolve) => started.on('exit', () => resolve()))
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]()
  const line = async () => {
    const next = await lines.next()
    return next.done === true ? null : next.value
  }
  return {
    pid: started.pid!,
    line,
    async rest() {
      const all: string[] = []
      for (let next = await line(); next !== null; next = await line()) all.push(next)
      return all
    },
    async kill() {
      started.kill('SIGKILL')
      await gone
    },
  }
}

describe('one process a file', () => {
  it('refuses a second one with the first’s pid, until the first is killed', async () => {
    const path = newFile()
    const first = child('hold', path)
    expect(await first.line()).toBe('open')
    const refused = await openSqliteLedger({ path }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ name: 'DatabaseInUse', pid: first.pid })
    expect(String(refused)).toBe(
      `DatabaseInUse: ${path} is in use by process ${first.pid}: stop that one first, or choose another file; several servers need MySQL`,
    )
    await first.kill()
    expect(await refusal(path)).toBe('opened')
  })

  it('is refused in another process while this one has it', async () => {
    const path = newFile()
    await using({ path }, async () => {
      const second = child('hold', path)
      expect(await second.line()).toContain(`is in use by process ${process.pid}:`)
      await second.kill()
    })
  })

  it('is refused to the same process, too, and by every name of the file', async () => {
    const path = newFile()
    const link = `${path}-link`
    await using({ path }, async (ledger) => {
      symlinkSync(path, link)
      expect(await refusal(path)).toContain(`is in use by this process already (${process.pid})`)
      expect(await refusal(link)).toContain(`is in use by this process already (${process.pid})`)
      expect(await refusal(join(path, '..', '.', 'firstcome.db'))).toContain('DatabaseInUse')
      // The refused ones took nothing away from the first.
      const { campaign } = await ledger.createCampaign(aCampaign((await ledger.ping()).nowMs))
      expect(await ledger.record([aCoupon(campaign, 1)])).toEqual({ status: 'recorded', count: 1 })
      const other = child('hold', link)
      expect(await other.line()).toContain('DatabaseInUse')
      await other.kill()
    })
    expect(await refusal(link)).toBe('opened')
  })

  it('goes to exactly one of several that start at once', async () => {
    const path = newFile()
    const all = [1, 2, 3, 4, 5].map(() => child('hold', path))
    const lines = await Promise.all(all.map((each) => each.line()))
    const owner = all[lines.indexOf('open')]
    expect(lines.filter((line) => line === 'open')).toHaveLength(1)
    for (const line of lines.filter((each) => each !== 'open'))
      expect(line).toContain(`is in use by process ${owner?.pid}:`)
    await Promise.all(all.map((each) => each.kill()))
  })
})

it('a name that another process wrote in between is written over before the file is held', () => {
  const path = newFile()
  mkdirSync(join(path, '..'))
  let meddled = 0
  class Meddled extends DatabaseSync {
    override exec(sql: string): void {
      super.exec(sql)
      if (sql !== 'COMMIT' || meddled > 0) return
      meddled += 1
      const other = new DatabaseSync(`${path}.lock`)
      other.exec("UPDATE owner SET token = 'theirs', pid = 1")
      other.close()
    }
  }
  const hold = holdFile(path, (lockPath) => new Meddled(lockPath))
  expect(meddled).toBe(1)
  const reader = new DatabaseSync(`${path}.lock`)
  expect(reader.prepare('SELECT pid FROM owner').all()).toEqual([{ pid: process.pid }])
  reader.close()
  hold.release()
})

describe('a process that is killed', () => {
  it('loses no coupon that it had acknowledged', async () => {
    const path = newFile()
    const killed = child('record', path)
    expect(await killed.line()).toBe('open')
    let acknowledged = 0
    while (acknowledged < 300) acknowledged = Number(await killed.line())
    await killed.kill()
    // What it still printed before it died counts as well.
    acknowledged = Math.max(acknowledged, ...(await killed.rest()).map(Number))

    await using({ path }, async (ledger) => {
      const [max] = await ledger.maxSlots(['killed'])
      // The last row may have been written and not printed any more.
      expect([acknowledged, acknowledged + 1]).toContain(max)
      const counts = await ledger.countSegments('killed', [{ from: 1, to: 1_000_000 }])
      expect(counts.reduce((sum, each) => sum + each.count, 0)).toBe(max)
      const [campaign] = (await ledger.campaigns(['killed'])).campaigns
      expect(await ledger.record([aCoupon(campaign!, max! + 1)])).toEqual({ status: 'recorded', count: 1 })
    })
  })

  it('leaves nothing of a transaction that it had not committed', async () => {
    const path = newFile()
    const killed = child('transaction', path)
    expect([await killed.line(), await killed.line()]).toEqual(['open', 'written'])
    await killed.kill()
    await using({ path }, async (ledger) => {
      expect(await ledger.takenSlots('killed', { from: 1, to: 10 })).toEqual([1])
    })
  })
})

describe.runIf(process.platform !== 'win32')('a disk that refuses to write', () => {
  it('makes the ledger unavailable, with an unknown fate, and costs no acknowledged coupon', async () => {
    const path = newFile()
    const limited = child('record', path, { fileKiB: 400 })
    expect(await limited.line()).toBe('open')
    const lines = await limited.rest()
    expect(lines.pop()).toMatch(/^LedgerUnavailable true SQLite: /)
    expect(lines.length).toBeGreaterThan(1)
    const acknowledged = Number(lines.at(-1))
    await using({ path }, async (ledger) => {
      expect(await ledger.takenSlots('killed', { from: 1, to: acknowledged })).toHaveLength(acknowledged)
    })
  })

  it('never half-commits a lock whose work goes on after the error', async () => {
    const path = newFile()
    const limited = child('swallow', path, { fileKiB: 400 })
    expect(await limited.line()).toBe('open')
    expect(await limited.rest()).toEqual([expect.stringMatching(/^LedgerUnavailable /)])
    await using({ path }, async (ledger) => {
      expect(await ledger.maxSlots(['killed'])).toEqual([0])
    })
  })
})

describe('opening', () => {
  it('makes the folder, and finds everything again', async () => {
    const path = newFile()
    const campaign = await using({ path }, async (ledger) => {
      const made = await ledger.createCampaign(aCampaign((await ledger.ping()).nowMs, { metadata: { 키: '값' } }))
      await ledger.record([aCoupon(made.campaign, 3)])
      return made.campaign
    })
    await using({ path }, async (ledger) => {
      expect((await ledger.campaigns([campaign.id])).campaigns).toEqual([campaign])
      expect(await ledger.maxSlots([campaign.id])).toEqual([3])
    })
    const database = new DatabaseSync(path)
    expect(database.prepare('SELECT number, name, oldest_program FROM firstcome_migrations').all()).toEqual(
      loadMigrations('sqlite').map(({ number, name, oldestProgram }) => ({
        number,
        name,
        oldest_program: oldestProgram,
      })),
    )
    database.close()
  })

  it('closes only after the lock that is held, and with it what waits behind', async () => {
    const path = newFile()
    const ledger = await openSqliteLedger({ path })
    const { campaign } = await ledger.createCampaign(aCampaign((await ledger.ping()).nowMs))
    let closed: Promise<void> | undefined
    const lock = ledger.lock([campaign.id], async (locked) => {
      await locked.record([aCoupon(campaign, 1)])
      closed = ledger.close()
      await new Promise(setImmediate)
      await locked.record([aCoupon(campaign, 2)])
    })
    const behind = ledger.record([aCoupon(campaign, 3)])
    await lock
    expect(await behind).toEqual({ status: 'recorded', count: 1 })
    await closed
    await using({ path }, async (again) => {
      expect(await again.takenSlots(campaign.id, { from: 1, to: 10 })).toEqual([1, 2, 3])
    })
  })

  it('leaves neither log nor lock behind a close', async () => {
    const path = newFile()
    await using({ path }, async () => {})
    expect(existsSync(`${path}-wal`)).toBe(false)
    expect(await refusal(path)).toBe('opened')
  })

  it('refuses a schema that needs a newer program', async () => {
    const path = newFile()
    await using({ path }, async () => {})
    const database = new DatabaseSync(path)
    database.exec("INSERT INTO firstcome_migrations VALUES (99, '0099_later', 99, 0)")
    database.close()
    expect(await refusal(path)).toMatch(/^SchemaMismatch: the database needs program 99/)
  })

  it('goes on with a newer schema that still serves this program', async () => {
    const path = newFile()
    await using({ path }, async () => {})
    const database = new DatabaseSync(path)
    database.exec("INSERT INTO firstcome_migrations VALUES (99, '0099_later', 1, 0)")
    database.close()
    expect(await refusal(path)).toBe('opened')
  })

  describe('says in one line what is wrong with', () => {
    let path: string
    beforeEach(() => {
      path = newFile()
      mkdirSync(join(path, '..'))
    })

    async function says(what: string, file = path): Promise<void> {
      const text = await refusal(file)
      expect(text).toBe(`DatabaseUnusable: ${file} ${what}`)
      expect(text).not.toContain('\n')
    }

    it('a file that is no database', async () => {
      writeFileSync(path, 'to do: buy milk\n'.repeat(100))
      await says('is not an SQLite database: choose another file')
      expect(readFileSync(path, 'utf8')).toBe('to do: buy milk\n'.repeat(100))
    })

    it('a folder', async () => {
      mkdirSync(path)
      await says('is a folder: name a file in it')
    })

    it('a path through a file', async () => {
      writeFileSync(path, '')
      const file = join(path, 'firstcome.db')
      expect(await refusal(file)).toContain(`DatabaseUnusable: ${file} cannot be opened: `)
    })

    it('another program’s database', async () => {
      const database = new DatabaseSync(path)
      database.exec('CREATE TABLE notes (text)')
      database.close()
      await says('belongs to another program: choose another file')
    })

    it('a database that another program holds', async () => {
      await using({ path }, async () => {})
      const shell = new DatabaseSync(path)
      shell.exec('BEGIN IMMEDIATE')
      await says('is locked by another program: end its transaction (a backup? a database shell?) and start again')
      shell.close()
      // Nothing is left of the failed attempt.
      expect(await refusal(path)).toBe('opened')
    })

    /** Root may do everything: a test that runs as root becomes somebody else for a moment. */
    async function asNobody(work: () => Promise<void>): Promise<void> {
      if (process.getuid?.() !== 0) return work()
      chmodSync(root, 0o755)
      process.seteuid!(65_534)
      try {
        await work()
      } finally {
        process.seteuid!(0)
      }
    }

    it.runIf(process.getuid !== undefined)('a folder in which nothing may be written', async () => {
      chmodSync(join(path, '..'), 0o555)
      await asNobody(() => says('cannot be opened: this user must be able to read and write the file and its folder'))
    })

    it.runIf(process.getuid !== undefined)('a file that may only be read', async () => {
      await using({ path }, async () => {})
      chmodSync(path, 0o444)
      chmodSync(join(path, '..'), 0o777)
      chmodSync(`${path}.lock`, 0o666)
      await asNobody(() => says('cannot be written: give this user the right to write the file and its folder'))
    })
  })
})

describe('the clock that is handed in', () => {
  const stopped = { ...systemClock, wallMs: () => 1_800_000_000_123 }

  it('is the ledger’s', async () => {
    await using({ path: ':memory:', clock: stopped }, async (ledger) => {
      expect(await ledger.ping()).toEqual({ nowMs: 1_800_000_000_123 })
      const { campaign } = await ledger.createCampaign(aCampaign(0, { startTimeMs: null }))
      expect([campaign.startTimeMs, campaign.createdAtMs]).toEqual([1_800_000_000_123, 1_800_000_000_123])
    })
  })

  it('decides start and end to the millisecond: the start belongs to it, the end does not', async () => {
    let nowMs = 1_800_000_000_000
    await using({ path: ':memory:', clock: { ...stopped, wallMs: () => nowMs } }, async (ledger) => {
      const times = { startTimeMs: nowMs + 10, endTimeMs: nowMs + 20 }
      const { campaign } = await ledger.createCampaign(aCampaign(nowMs, times))
      const recorded: number[] = []
      for (const [slot, ms] of [9, 10, 19, 20].entries()) {
        nowMs = 1_800_000_000_000 + ms
        const answer = await ledger.record([aCoupon(campaign, slot + 1, { issuedAtMs: nowMs })])
        if (answer.status === 'recorded' && answer.count === 1) recorded.push(ms)
      }
      expect(recorded).toEqual([10, 19])
      // Neither clock alone opens or keeps open what the other finds closed.
      nowMs = 1_800_000_000_015
      expect(await ledger.record([aCoupon(campaign, 5, { issuedAtMs: nowMs + 5 })])).toEqual({
        status: 'recorded',
        count: 0,
      })
    })
  })

  it('may stand still: campaigns of one millisecond are listed by id, without repetition or loss', async () => {
    await using({ path: ':memory:', clock: stopped }, async (ledger) => {
      const ids: string[] = []
      for (let n = 0; n < 30; n += 1) {
        const { campaign } = await ledger.createCampaign(aCampaign(0, { id: `c${(n * 7) % 30}`, test: n % 3 === 0 }))
        ids.push(campaign.id)
      }
      for (const limit of [1, 4, 30]) {
        const seen: string[] = []
        let after: { createdAtMs: number; id: string } | null = null
        for (;;) {
          const page: Campaign[] = (await ledger.listCampaigns({ limit, after, test: 'all', status: null, text: null }))
            .campaigns
          const last = page.at(-1)
          if (last === undefined) break
          expect(last.id).not.toBe(after?.id)
          seen.push(...page.map((campaign) => campaign.id))
          after = { createdAtMs: last.createdAtMs, id: last.id }
        }
        expect(seen).toEqual([...ids].sort().reverse())
      }
    })
  })

  it('may stand still: a campaign made after a deletion is another one', async () => {
    await using({ path: ':memory:', clock: stopped }, async (ledger) => {
      const times: number[] = []
      for (let n = 0; n < 3; n += 1) {
        const { created, campaign } = await ledger.createCampaign(aCampaign(0, { id: 'again' }))
        expect(created).toBe(true)
        times.push(campaign.createdAtMs)
        await ledger.lock(['again'], (locked) => locked.deleteCampaign('again'))
      }
      expect(new Set(times).size).toBe(3)
    })
  })
})

describe('reads', () => {
  it('are answered while a lock is held, without what it wrote', async () => {
    await using({ path: newFile() }, async (ledger) => {
      const { campaign } = await ledger.createCampaign(aCampaign((await ledger.ping()).nowMs))
      await ledger.lock([campaign.id], async (locked) => {
        await locked.record([aCoupon(campaign, 1)])
        await locked.updateCampaign({ ...campaign, name: 'changed', version: 2 })
        expect(await ledger.maxSlots([campaign.id])).toEqual([0])
        expect((await ledger.campaigns([campaign.id])).campaigns).toEqual([campaign])
      })
      expect(await ledger.maxSlots([campaign.id])).toEqual([1])
    })
  })

  it('of many segments give everybody else a turn in between', async () => {
    let turns = 0
    const soon = (work: () => void) => {
      turns += 1
      setImmediate(work)
    }
    await using({ path: ':memory:', clock: { ...systemClock, soon } }, async (ledger) => {
      const total = 1_000 * SEGMENT_SLOTS
      const { campaign } = await ledger.createCampaign(aCampaign((await ledger.ping()).nowMs, { totalCoupons: total }))
      await ledger.record([aCoupon(campaign, 1), aCoupon(campaign, total)])
      const ranges = [{ from: 1, to: total }]
      expect(await ledger.countSegments(campaign.id, ranges)).toEqual([
        { segment: 0, count: 1 },
        { segment: 999, count: 1 },
      ])
      expect(turns).toBeGreaterThanOrEqual(10)
    })
  })

  it('that a close cuts short are unavailable', async () => {
    let closed: Promise<void> | undefined
    const soon = (work: () => void) => {
      closed = ledger.close()
      void closed.then(work)
    }
    const ledger = await openSqliteLedger({ path: newFile(), clock: { ...systemClock, soon } })
    const total = 1_000 * SEGMENT_SLOTS
    const { campaign } = await ledger.createCampaign(aCampaign((await ledger.ping()).nowMs, { totalCoupons: total }))
    await ledger.record([aCoupon(campaign, total)])
    await expect(ledger.countSegments(campaign.id, [{ from: 1, to: total }])).rejects.toThrow(LedgerUnavailable)
    await closed
  })

  describe('go by an index:', () => {
    let database: DatabaseSync
    beforeAll(() => {
      database = new DatabaseSync(':memory:')
      for (const { sql } of loadMigrations('sqlite')) database.exec(sql)
      // Brings its own function.
      void new SqliteReads(database, systemClock)
    })
    afterAll(() => database.close())

    const plan = (text: string) =>
      database
        .prepare(`EXPLAIN QUERY PLAN ${text}`)
        .all()
        .map((row) => String(row.detail))

    for (const [name, text] of Object.entries(readSql).filter(([, sql]) => sql.includes('SELECT'))) {
      it(name, () => {
        const steps = plan(text)
        expect(steps.some((step) => /^SEARCH c\b/.test(step))).toBe(true)
        // Only the list that was handed in is read from end to end, and nothing but it is sorted.
        expect(steps.filter((step) => /^SCAN (?!l )/.test(step))).toEqual([])
        if (!text.includes('json_each')) expect(steps.filter((step) => step.includes('TEMP B-TREE'))).toEqual([])
      })
    }

    it.each(Object.entries(changesSql))('changes, %s', (_name, text) => {
      const steps = plan(text)
      expect(steps).toEqual([expect.stringMatching(/^SEARCH changes /)])
      expect(steps.join()).toMatch(text.includes('campaign_id =') ? /\(campaign_id=\? AND id<\?\)/ : /\(rowid<\?\)/)
    })

    it('each key by both of its columns', () => {
      expect(plan(readSql.byCode).join()).toContain('(campaign_id=? AND coupon_code=?)')
      expect(plan(readSql.byRequest).join()).toContain('(campaign_id=? AND request_key=?)')
      expect(plan(readSql.byRecipient).join()).toContain('(campaign_id=? AND recipient_key=?)')
      expect(plan(readSql.bySlot).join()).toContain('(campaign_id=? AND slot=?)')
      expect(plan(readSql.counts).join()).toContain('COVERING INDEX')
      expect(plan(readSql.takenSlots).join()).toContain('COVERING INDEX')
    })
  })
})

describe('faults', () => {
  it('a writer that another program keeps waiting is unavailable, and works again afterwards', async () => {
    const path = newFile()
    await using({ path }, async (ledger) => {
      const { campaign } = await ledger.createCampaign(aCampaign((await ledger.ping()).nowMs))
      const shell = new DatabaseSync(path)
      shell.exec('BEGIN IMMEDIATE')
      for (const call of [
        () => ledger.record([aCoupon(campaign, 1)]),
        () => ledger.lock([campaign.id], async () => {}),
        () => ledger.createCampaign(aCampaign(0)),
      ]) {
        const error: unknown = await call().catch((reason: unknown) => reason)
        expect(error).toBeInstanceOf(LedgerUnavailable)
        expect((error as LedgerUnavailable).mayBeWritten).toBe(false)
      }
      expect(await ledger.maxSlots([campaign.id])).toEqual([0])
      shell.close()
      expect(await ledger.record([aCoupon(campaign, 1)])).toEqual({ status: 'recorded', count: 1 })
    })
  })

  it('by result code: may what was being written be written?', () => {
    const fault = (errcode: number, committing: boolean) => {
      const error = asFault(Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode }), { committing })
      return error instanceof LedgerUnavailable ? error.mayBeWritten : 'not a fault'
    }
    // BUSY, BUSY_SNAPSHOT, LOCKED, READONLY, INTERRUPT, FULL, CANTOPEN
    for (const code of [5, 517, 6, 8, 9, 13, 14]) expect(fault(code, true)).toBe(false)
    // NOMEM, IOERR_FSYNC, CORRUPT, PROTOCOL, NOTADB
    for (const code of [7, 1_034, 11, 15, 26]) {
      expect(fault(code, true)).toBe(true)
      expect(fault(code, false)).toBe(false)
    }
    // ERROR, CONSTRAINT, MISUSE
    for (const code of [1, 19, 21]) expect(fault(code, true)).toBe('not a fault')
    expect(asFault('text', { committing: true })).toBe('text')
  })

  it('a mistake of ours is told by its number: what SQLite says of it may quote a row', async () => {
    await using({ path: ':memory:' }, async (ledger) => {
      await expect(ledger.createCampaign(aCampaign(0, { totalCoupons: 0 }))).rejects.toThrow(
        /^SQLite refused a statement: error 275$/,
      )
      const escaped = await ledger.lock([], async (locked) => locked)
      await expect(escaped.markSoldOut({ id: 'x', createdAtMs: 0 }, 1)).rejects.toThrow('the lock has ended')
    })
  })
})

describe('settings', () => {
  it('of a file are all well', async () => {
    await using({ path: newFile() }, async (ledger) => {
      expect(await ledger.checkSettings()).toEqual([])
    })
  })

  it('of memory warn', async () => {
    await using({ path: ':memory:' }, async (ledger) => {
      expect((await ledger.checkSettings()).map((warning) => warning.setting)).toEqual(['path'])
    })
  })
})

describe('the tables', () => {
  it('refuse by themselves what must not be, whoever writes', () => {
    const database = new DatabaseSync(':memory:')
    const text = loadMigrations('sqlite')
      .map(({ sql }) => sql)
      .join('\n')
    database.exec(text)
    const good = {
      campaigns: { id: 'c', name: 'n', start_time: 0, total_coupons: 1, code_format: '{}', metadata: '{}' },
      coupons: { campaign_id: 'c', coupon_code: 'C', issued_at: 0, slot: 1, request_key: Buffer.alloc(16) },
      api_keys: { id: '0'.repeat(12), client: 'c', secret_hash: Buffer.alloc(32), scopes: 'issue', created_at: 0 },
      changes: { at: 0, action: 'campaign.changed' },
    }
    type Table = keyof typeof good
    const insert = (table: Table, change: Record<string, string | number | Buffer | null>) => {
      const times = table === 'campaigns' ? { created_at: 0, updated_at: 0 } : {}
      const row: Record<string, string | number | Buffer | null> = { ...good[table], ...times, ...change }
      const names = Object.keys(row)
      const values = names.map(() => '?').join(', ')
      database.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${values})`).run(...Object.values(row))
    }
    const key = Buffer.alloc(16)
    const refused = {
      campaigns_id_letters: [{ id: '' }, { id: 'x'.repeat(65) }, { id: 'a b' }, { id: '가' }],
      campaigns_name_length: [{ name: '' }, { name: 'x'.repeat(256) }, { name: `\0${'x'.repeat(1_020)}` }],
      campaigns_total: [{ total_coupons: 0 }, { total_coupons: 2_147_483_648 }],
      campaigns_flags: [{ paused: 2 }, { recipient_required: 2 }, { test: -1 }],
      campaigns_json: [{ code_format: 'x' }, { metadata: '{' }],
      coupons_code_length: [
        { coupon_code: '' },
        { coupon_code: 'x'.repeat(65) },
        { coupon_code: `x\0${'x'.repeat(256)}` },
      ],
      coupons_slot_from_1: [{ slot: 0 }],
      coupons_request_key_length: [{ request_key: Buffer.alloc(15) }],
      coupons_recipient_length: [
        { recipient: 'x'.repeat(256), recipient_key: key },
        { recipient: `\0${'x'.repeat(1_020)}`, recipient_key: key },
      ],
      coupons_recipient_key_length: [{ recipient_key: Buffer.alloc(17) }],
      coupons_recipient_has_key: [{ recipient: 'x' }],
      api_keys_id_letters: [{ id: '' }, { id: '0'.repeat(13) }, { id: 'A'.repeat(12) }],
      api_keys_client_letters: [{ client: '' }, { client: 'a b' }, { client: 'x'.repeat(65) }],
      api_keys_hash_length: [{ secret_hash: Buffer.alloc(31) }],
      changes_json: [{ before: 'x' }, { after: '{' }],
    }
    expect(Object.keys(refused)).toEqual([...text.matchAll(/CONSTRAINT (\w+) CHECK/g)].map((match) => match[1]))
    for (const [constraint, changes] of Object.entries(refused)) {
      const table = Object.keys(good).find((name) => constraint.startsWith(name)) as Table
      for (const change of changes)
        expect(() => insert(table, change)).toThrow(`CHECK constraint failed: ${constraint}`)
    }
    for (const table of Object.keys(good) as Table[]) insert(table, {})
    database.close()
  })

  it('have the columns of the MySQL ones', () => {
    const columns = (dialect: 'mysql' | 'sqlite') =>
      loadMigrations(dialect)
        .flatMap((migration) => statementsOf(migration.sql))
        .flatMap((statement) => {
          const table = /^CREATE TABLE (?:IF NOT EXISTS )?(\w+) \(/.exec(statement)?.[1]
          const names = [...statement.matchAll(/^ {2}`?([a-z_]+)`? [A-Z]/gm)].map((match) => match[1])
          return table === undefined ? [] : names.map((name) => `${table}.${name}`)
        })
    expect(columns('sqlite')).toEqual(columns('mysql'))
    expect(columns('sqlite')).toContain('coupons.recipient_key')
  })
})
