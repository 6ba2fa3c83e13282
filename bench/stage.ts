// What the parts of the bench share: the servers they stand on, where they write down what they saw, and a line of progress.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { freshDatabase } from '../test/servers/fresh.ts'
import { openGuardian } from '../test/servers/guarded.ts'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startRedis } from '../test/servers/redis.ts'
import { freePort, type TestServer } from '../test/servers/server.ts'
import { createTables } from './peers/tables.ts'
import type { Exactness } from './report/results.ts'
import { measured, type Measured, type RowId } from './report/rows.ts'
import { startOurs, startPeer, type Subject } from './subjects.ts'
import { isPeer, type OursKind, type PeerKind, type Way } from './ways.ts'
import { issueLoad, type IssueLoadOptions, type Load } from './wrk.ts'

/** Holds the rows that a run writes; that of the 10 million is chosen by its part. */
const BUFFER_POOL = '2G'

export interface StageOptions {
  /** 0 is not measured: until code is compiled and pools are full. A rehearsal has none. */
  readonly firstRound: 0 | 1
  readonly rounds: number
  readonly seconds: number
  /** A rehearsal: fewer rounds, shorter ones, and a hundredth of the 10 million. */
  readonly isQuick: boolean
}

/** A number that a row or the document rests on, of each round. */
export interface Series {
  readonly id: string
  readonly unit: string
  readonly rounds: number[]
  /** Of one core, that whoever asked used itself. */
  readonly driver: { readonly tool: 'wrk' | 'engine'; readonly shares: number[] } | null
}

export class Stage implements AsyncDisposable {
  readonly options: StageOptions
  readonly rows: Measured[] = []
  readonly series = new Map<string, Series>()
  readonly exactness: Exactness[] = []
  readonly facts: Record<string, unknown> = {}
  readonly #whole = new AsyncDisposableStack()
  #part = new AsyncDisposableStack()
  readonly #beganAt = performance.now()
  #shared: Promise<{ mysql: TestServer; redis: TestServer }> | null = null
  #folder: Promise<string> | null = null

  constructor(options: StageOptions) {
    this.options = options
  }

  /** Started when the first part asks. */
  shared(): Promise<{ mysql: TestServer; redis: TestServer }> {
    return (this.#shared ??= this.#startShared())
  }

  async #startShared() {
    this.say('starting MySQL and Redis')
    const mysql = this.#whole.use(await startDurable(BUFFER_POOL))
    const redis = this.#whole.use(await startRedis())
    return { mysql, redis }
  }

  /** What was kept for it is closed at its end: the next part has the machine for itself. */
  async run(part: Part): Promise<void> {
    try {
      await part.run(this)
    } finally {
      await this.#part.disposeAsync()
      this.#part = new AsyncDisposableStack()
    }
  }

  /** Until the end of the part. */
  keep<T extends AsyncDisposable>(thing: T): T {
    return this.#part.use(thing)
  }

  /** For files; gone when this process is. */
  folder(): Promise<string> {
    return (this.#folder ??= openGuardian().then((guardian) => this.#whole.use(guardian).folder))
  }

  /** Empty stores for one way; every server that is started there shares them. */
  async place(way: Way): Promise<Place> {
    const start = await (isPeer(way) ? this.#peerAt(way) : this.#oursAt(way))
    return {
      start: async () => {
        this.say(`starting ${way}`)
        return this.keep(await start())
      },
    }
  }

  async #peerAt(kind: PeerKind): Promise<() => Promise<Subject>> {
    const { mysql, redis } = await this.shared()
    const { url } = await freshDatabase(mysql.url)
    if (kind !== 'nothing') await createTables(url, kind)
    return () => startPeer(kind, url, redis.url)
  }

  async #oursAt(kind: OursKind): Promise<() => Promise<Subject>> {
    if (kind === 'embedded') {
      const path = join(await this.folder(), `${randomBytes(4).toString('hex')}.db`)
      // One that is started again is found where it was.
      const port = String(await freePort())
      return () => startOurs(kind, { SQLITE_PATH: path, PORT: port })
    }
    const { mysql, redis } = await this.shared()
    const { url } = await freshDatabase(mysql.url)
    const counter = { REDIS_URL: redis.url, REDIS_PREFIX: `${randomBytes(4).toString('hex')}:` }
    return () => startOurs(kind, { MYSQL_URL: url, ...(kind === 'MySQL alone' ? {} : counter) })
  }

  /** wrk on one of them. @returns what is to be noted */
  async drive(subject: Subject, campaignId: string, options: Omit<IssueLoadOptions, 'key'>): Promise<Load> {
    return issueLoad(subject.url, campaignId, { ...options, ...(subject.key !== null && { key: subject.key }) })
  }

  noteLoad(id: string, { rate, driverShare }: Load): void {
    this.note(id, '/s', rate, 'wrk', driverShare)
  }

  note(id: string, unit: string, value: number, tool?: 'wrk' | 'engine', driverShare = 0): void {
    const driver = tool === undefined ? null : { tool, shares: [] }
    const series = this.series.get(id) ?? { id, unit, rounds: [], driver }
    this.series.set(id, series)
    series.rounds.push(value)
    series.driver?.shares.push(driverShare)
  }

  roundsOf(id: string): readonly number[] {
    const found = this.series.get(id)
    if (found === undefined) throw new Error(`nothing was measured of ${id}`)
    return found.rounds
  }

  judge(id: RowId, rounds: readonly number[], note = ''): void {
    this.rows.push(measured(id, rounds, note))
  }

  /** On a terminal one line that is written over. */
  say(what: string): void {
    const seconds = Math.round((performance.now() - this.#beganAt) / 1_000)
    const line = `${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}  ${what}`
    if (!process.stderr.isTTY) process.stderr.write(`${line}\n`)
    else process.stderr.write(`\r\u001b[2K${line.slice(0, (process.stderr.columns || Infinity) - 1)}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
    await this.#part.disposeAsync()
    await this.#whole.disposeAsync()
  }
}

/** A database server as in production, only private. */
export function startDurable(bufferPool: string, dataDir?: string): Promise<TestServer> {
  const options = [`--innodb-buffer-pool-size=${bufferPool}`, '--loose-innodb-log-file-size=1G']
  return startMariadb({ options, ...(dataDir !== undefined && { dataDir }) })
}

export interface Place {
  start(): Promise<Subject>
}

/** A part of the bench: what it measures together, by turns. */
export interface Part {
  readonly name: string
  readonly rows: readonly RowId[]
  run(stage: Stage): Promise<void>
}
