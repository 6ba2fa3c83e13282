// How the ledger holds its connections to MySQL, and what it says when it loses them.

import { createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Campaign } from '../../src/campaign/campaign.ts'
import { systemClock, type Clock } from '../../src/host.ts'
import { type Ledger, LedgerUnavailable } from '../../src/ledger/ledger.ts'
import { openConnection } from '../../src/ledger/mysql/connection.ts'
import { mysqlLimits } from '../../src/ledger/mysql/limits.ts'
import { parseMysqlUrl } from '../../src/ledger/mysql/url.ts'
import { openMysqlLedger } from '../../src/ledger/mysql.ts'
import { aCampaign, aCoupon } from '../contract/ledger-samples.ts'
import { startMariadb } from '../servers/mariadb.ts'
import { type MysqlUnderTest, openMysqlUnderTest, rowsOf, until, untilWaiting } from './mysql-database.ts'
import { openTcpProxy } from './tcp-proxy.ts'

const nothing = { campaignIds: [], requestKeys: [], recipientKeys: [], slots: [] }

async function failure(call: Promise<unknown>): Promise<LedgerUnavailable> {
  const error: unknown = await call.then(
    () => 'it was answered',
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(LedgerUnavailable)
  return error as LedgerUnavailable
}

/** As a caller does: again and again. */
async function answered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

describe('the connections to MySQL', () => {
  let under: MysqlUnderTest
  let ledger: Ledger
  let campaign: Campaign
  let slot = 0
  const cleanup: (() => unknown)[] = []

  beforeAll(async () => {
    under = await openMysqlUnderTest()
    ledger = under.ledger
    const { nowMs } = await ledger.ping()
    campaign = (await ledger.createCampaign(aCampaign(nowMs, { totalCoupons: 1_000 }))).campaign
  })
  afterEach(async () => {
    for (const clean of cleanup.splice(0).reverse()) await clean()
  })
  afterAll(() => under.close())

  const nextCoupon = () => aCoupon(campaign, (slot += 1))

  /** Somebody else is writing a coupon with this slot, until `connection.rollback()` or the end of the test. */
  async function holdSlot(held: number) {
    const connection = await createConnection(under.url)
    cleanup.push(() => connection.destroy())
    await connection.beginTransaction()
    await connection.query(
      `INSERT INTO coupons (campaign_id, coupon_code, issued_at, slot, request_key) VALUES (?, 'HELD', NOW(3), ?, REPEAT('x', 16))`,
      [campaign.id, held],
    )
    return connection
  }

  /** The ids of all connections to our database that are not ours. */
  async function connectionIds(): Promise<number[]> {
    const rows = await rowsOf(under.foreign, 'SHOW PROCESSLIST')
    const ours = under.foreign.threadId
    const database = new URL(under.url).pathname.slice(1)
    return rows.filter((row) => row['db'] === database && row['Id'] !== ours).map((row) => Number(row['Id']))
  }

  async function kill(id: number): Promise<void> {
    await under.foreign.query(`KILL ${id}`)
  }

  async function throughProxy() {
    const proxy = await openTcpProxy(under.url)
    const limits = { statementMsMax: 300, connectMsMax: 300, acquireMsMax: 600 }
    const ledger = openMysqlLedger({ url: proxy.url, limits })
    cleanup.push(
      () => proxy.close(),
      () => ledger.close(),
    )
    return { proxy, ledger }
  }

  it('are told by pool: who works, who waits, and how many broke', async () => {
    const own = openMysqlLedger({ url: under.url, limits: { lockConnectionsMax: 2 } })
    cleanup.push(() => own.close())
    const lockPool = () => own.connections().find(({ pool }) => pool === 'lock')
    const none = { pool: 'lock', max: 2, busy: 0, idle: 0, opening: 0, waiting: 0, lost: 0 }
    expect(own.connections().map(({ pool }) => pool)).toEqual(['path', 'lock', 'side', 'list', 'export'])
    expect(lockPool()).toEqual(none)
    const gate = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    const first = own.lock([campaign.id], () => {
      reached.resolve()
      return gate.promise
    })
    await reached.promise
    expect(lockPool()).toEqual({ ...none, busy: 1 })
    const others = Array.from({ length: 3 }, () => own.lock([campaign.id], async () => {}))
    await until(async () => lockPool()?.busy === 2)
    expect(lockPool()).toEqual({ ...none, busy: 2, waiting: 2 })
    gate.resolve()
    await Promise.all([first, ...others])
    expect(lockPool()).toMatchObject({ busy: 0, idle: 2, lost: 0 })

    await own.ping()
    const lostIn = (name: string) => own.connections().find(({ pool }) => pool === name)?.lost
    const before = new Set(await connectionIds())
    const broken = openMysqlLedger({ url: under.url })
    cleanup.push(() => broken.close())
    await broken.ping()
    for (const id of (await connectionIds()).filter((one) => !before.has(one))) await kill(id)
    await until(async () => broken.connections().some(({ lost }) => lost === 1))
    expect(broken.generation).toBe(1)
    expect(lostIn('side')).toBe(0)
  })

  describe('a session', () => {
    const settings = `SELECT @@autocommit AS autocommit, @@time_zone AS time_zone, @@sql_mode AS sql_mode,
      @@innodb_lock_wait_timeout AS lock_wait, @@lock_wait_timeout AS table_wait, @@wait_timeout AS idle,
      @@character_set_client AS client, @@character_set_connection AS connection, @@character_set_results AS results,
      @@collation_connection AS collation`
    const common = {
      time_zone: '+00:00',
      sql_mode: expect.stringMatching(/STRICT_ALL_TABLES/) as unknown,
      lock_wait: 2,
      table_wait: 2,
      client: 'utf8mb4',
      connection: 'utf8mb4',
      results: 'utf8mb4',
      collation: 'utf8mb4_bin',
    }

    it.each([
      ['commits by itself', null, { autocommit: 1 }],
      ['for transactions does not, and is closed when it is idle', { idleSMax: 3 }, { autocommit: 0, idle: 3 }],
    ])('%s', async (_, transactions, own) => {
      const address = parseMysqlUrl(under.url)
      const options = { ...mysqlLimits, address, clock: systemClock, transactions }
      const connection = await openConnection(options, () => {})
      cleanup.push(() => connection.end())
      expect(await connection.selectText(settings, [])).toEqual([expect.objectContaining({ ...common, ...own })])
      const [isolation] = await connection.selectText(
        "SHOW SESSION VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation')",
        [],
      )
      expect(isolation).toMatchObject({ Value: 'REPEATABLE-READ' })
    })
  })

  describe('killed', () => {
    it('while idle, makes all of them be replaced, and counts', async () => {
      const { generation } = ledger
      await Promise.all([ledger.read(nothing), ledger.read(nothing), ledger.read(nothing), ledger.ping()])
      const before = await connectionIds()
      expect(before.length).toBeGreaterThan(2)
      await kill(before[0]!)
      await until(async () => ledger.generation > generation)
      await answered(() => ledger.read(nothing))
      await until(async () => (await connectionIds()).every((id) => !before.includes(id)))
    })

    it('while recording, leaves open whether it is written', async () => {
      const { generation } = ledger
      const coupon = nextCoupon()
      const holder = await holdSlot(slot)
      const failed = failure(ledger.record([coupon]))
      await untilWaiting(under.foreign)
      const [waiting] = await rowsOf(
        under.foreign,
        "SELECT trx_mysql_thread_id AS id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
      )
      await kill(Number(waiting?.['id']))
      expect(await failed).toMatchObject({ mayBeWritten: true })
      expect(ledger.generation).toBeGreaterThan(generation)
      await holder.rollback()
      expect(await ledger.record([coupon])).toEqual({ status: 'recorded', count: 1 })
    })
  })

  describe('a statement that takes too long', () => {
    it('is given up with its connection; the server may go on with it', async () => {
      const hasty = under.another({ limits: { statementMsMax: 300, lockWaitSMax: 50 } })
      await hasty.ping()
      const coupon = nextCoupon()
      const holder = await holdSlot(slot)
      expect(await failure(hasty.record([coupon]))).toMatchObject({ mayBeWritten: true })
      expect(hasty.generation).toBe(1)
      await holder.rollback()
      expect(['recorded', 'duplicate']).toContain((await answered(() => hasty.record([coupon]))).status)
    })

    it('waits no longer for a connection than it may, and wants nothing when one comes late', async () => {
      const narrow = under.another({ limits: { pathConnectionsMax: 1, acquireMsMax: 50 } })
      await narrow.read(nothing)
      const coupon = nextCoupon()
      const holder = await holdSlot(slot)
      const recorded = narrow.record([coupon])
      await untilWaiting(under.foreign)
      expect(await failure(narrow.read(nothing))).toMatchObject({ mayBeWritten: false })
      await holder.rollback()
      expect(await recorded).toEqual({ status: 'recorded', count: 1 })
      await narrow.read(nothing)
      expect(narrow.generation).toBe(0)
    })
  })

  describe('a network that falls silent', () => {
    it('ends every call, and the ledger works again when it comes back', async () => {
      const { proxy, ledger } = await throughProxy()
      await Promise.all([ledger.read(nothing), ledger.ping()])
      proxy.freeze()
      expect(await failure(ledger.read(nothing))).toMatchObject({ mayBeWritten: false })
      expect(ledger.generation).toBe(1)
      // Now with connections that are not let in any more.
      expect(await failure(ledger.record([nextCoupon()]))).toMatchObject({ mayBeWritten: false })
      expect(await failure(ledger.ping())).toMatchObject({ mayBeWritten: false })
      expect(await failure(ledger.lock([campaign.id], async () => {}))).toMatchObject({ mayBeWritten: false })
      proxy.thaw()
      await answered(() => ledger.read(nothing))
    })

    it('while recording, leaves open whether it is written', async () => {
      const { proxy, ledger } = await throughProxy()
      await ledger.read(nothing)
      proxy.freeze()
      expect(await failure(ledger.record([nextCoupon()]))).toMatchObject({ mayBeWritten: true })
    })

    it('inside a lock leaves nothing written', async () => {
      const { proxy, ledger } = await throughProxy()
      const inside = ledger.lock([campaign.id], async (locked) => {
        proxy.freeze()
        await locked.record([nextCoupon()])
      })
      expect(await failure(inside)).toMatchObject({ mayBeWritten: false })
    })

    it('at the COMMIT of a lock leaves open whether it is written', async () => {
      const { proxy, ledger } = await throughProxy()
      const committing = ledger.lock([campaign.id], async (locked) => {
        await locked.record([nextCoupon()])
        proxy.freeze()
      })
      expect(await failure(committing)).toMatchObject({ mayBeWritten: true })
    })

    it('does not keep close() waiting', async () => {
      const { proxy, ledger } = await throughProxy()
      await ledger.read(nothing)
      proxy.freeze()
      const unanswered = failure(ledger.read(nothing))
      await ledger.close()
      await unanswered
    })
  })

  describe('a lock', () => {
    it('is lost by a process that is frozen with it', async () => {
      const { generation } = ledger
      const frozen = Promise.withResolvers<void>()
      const started = Promise.withResolvers<void>()
      const locked = failure(
        ledger.lock([campaign.id], async (lock) => {
          started.resolve()
          await frozen.promise
          await lock.maxSlots([campaign.id])
        }),
      )
      await started.promise
      const other = await createConnection(under.url)
      cleanup.push(() => other.destroy())
      await other.query('SET SESSION innodb_lock_wait_timeout = 8')
      // Granted when the server has closed the idle connection.
      const granted = other.query('UPDATE campaigns SET sold_out_total = NULL WHERE id = ?', [campaign.id])
      await granted.finally(() => frozen.resolve())
      expect(await locked).toMatchObject({ mayBeWritten: false })
      expect(ledger.generation).toBeGreaterThan(generation)
    })

    it('gives an idle connection back to the server, which is no loss', async () => {
      const timers: { ms: number; work: () => void }[] = []
      const clock: Clock = {
        ...systemClock,
        after(ms, work) {
          const timer = { ms, work }
          timers.push(timer)
          return () => void timers.splice(timers.indexOf(timer), 1)
        },
      }
      const own = under.another({ clock })
      const before = await connectionIds()
      await own.lock([campaign.id], async () => {})
      const opened = (await connectionIds()).filter((id) => !before.includes(id))
      expect(opened).toHaveLength(1)
      // All that is still to come is that it has been idle for too long.
      expect(timers).toEqual([{ ms: 2_000, work: expect.any(Function) as unknown }])
      timers[0]!.work()
      await until(async () => !(await connectionIds()).includes(opened[0]!))
      expect(own.generation).toBe(0)
      await own.lock([campaign.id], async () => {})
      expect(own.generation).toBe(0)
    })
  })

  it('that cannot be had say where they led, and no password', async () => {
    const url = new URL(under.url)
    url.username = 'nobody-we-know'
    url.password = 'secret-word'
    const stranger = openMysqlLedger({ url: url.href })
    cleanup.push(() => stranger.close())
    const error = await failure(stranger.ping())
    expect(error.message).toContain(`${url.host}${url.pathname}`)
    expect(error.message).toContain('access denied')
    expect(JSON.stringify([error.message, error.cause, error.stack])).not.toContain('secret-word')
    expect(error.mayBeWritten).toBe(false)
  })
})

describe('a MySQL server of its own', () => {
  it('killed and started again, has every row that was acknowledged; until then nothing is answered', async () => {
    await using server = await startMariadb()
    const under = await openMysqlUnderTest(server.url)
    const { ledger } = under
    const { nowMs } = await ledger.ping()
    const { campaign } = await ledger.createCampaign(aCampaign(nowMs))
    expect(await ledger.record([aCoupon(campaign, 1), aCoupon(campaign, 2)])).toEqual({ status: 'recorded', count: 2 })
    const { generation } = ledger
    await server.kill()
    expect(await failure(ledger.read(nothing))).toMatchObject({ mayBeWritten: false })
    expect(await failure(ledger.record([aCoupon(campaign, 3)]))).toMatchObject({ mayBeWritten: false })
    await server.restart()
    expect(await answered(() => ledger.takenSlots(campaign.id, { from: 1, to: 100 }))).toEqual([1, 2])
    expect(ledger.generation).toBeGreaterThan(generation)
    await ledger.close()
  })

  it('that is away refuses at once, and is found again although nobody asks', async () => {
    await using server = await startMariadb()
    const under = await openMysqlUnderTest(server.url)
    const { ledger } = under
    await ledger.ping()
    await server.kill()
    await failure(ledger.ping())
    await until(async () => ledger.isAway)
    // Nothing waits for a connection: one after the other, more than a pool has, in the time of a few turns.
    for (let calls = 0; calls < 100; calls++) {
      expect((await failure(ledger.read(nothing))).message).toMatch(/^MySQL is away: .*ECONNREFUSED/)
    }
    await server.restart()
    await until(async () => !ledger.isAway)
    await ledger.ping()
    await ledger.close()
  })

  it('that was made read-only takes no coupon and answers no question, until it is not', async () => {
    await using server = await startMariadb()
    const under = await openMysqlUnderTest(server.url)
    const database = new URL(under.url).pathname.slice(1)
    await under.foreign.query("CREATE USER app IDENTIFIED BY 'word'")
    await under.foreign.query(`GRANT ALL ON ${database}.* TO app`)
    const url = new URL(under.url)
    url.username = 'app'
    url.password = 'word'
    const ledger = openMysqlLedger({ url: url.href })
    const { nowMs } = await ledger.ping()
    const { campaign } = await ledger.createCampaign(aCampaign(nowMs))
    await ledger.record([aCoupon(campaign, 1)])
    await under.foreign.query('SET GLOBAL read_only = 1')
    expect(await failure(ledger.record([aCoupon(campaign, 2)]))).toMatchObject({ mayBeWritten: false })
    expect(ledger.generation).toBeGreaterThan(0)
    expect((await failure(ledger.read(nothing))).message).toMatch(/read-only/)
    await under.foreign.query('SET GLOBAL read_only = 0')
    expect(await ledger.record([aCoupon(campaign, 2)])).toEqual({ status: 'recorded', count: 1 })
    await ledger.close()
    await under.close()
  })
})
