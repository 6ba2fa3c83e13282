// What the path tells while it works: each number grows when that happens which it is named after, and not otherwise.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Counter } from '../../src/counter/counter.ts'
import { systemClock } from '../../src/host.ts'
import { LedgerUnavailable, type Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { Telemetry } from '../../src/telemetry/telemetry.ts'
import { createMemoryCounterStore, openMemoryCounter, type MemoryCounterStore } from '../counter/memory-counter.ts'
import { allCoupons, countCodes, crowd, fill, openCampaign, openPath, withFaults } from '../issue/open-path.ts'
import { seriesOf, valueOf } from './exposition.ts'

let ledger: Ledger
let store: MemoryCounterStore
let telemetry: Telemetry
beforeEach(async () => {
  ledger = await openSqliteLedger({ path: ':memory:' })
  store = createMemoryCounterStore()
  telemetry = new Telemetry({ version: '0.0.0', clock: systemClock, process: null })
})
afterEach(() => ledger.close())

function open(faults: Partial<Ledger> = {}, counter: Counter | null = openMemoryCounter(store), options = {}) {
  const metered = counter === null ? null : telemetry.metered(counter)
  const path = openPath(withFaults(ledger, faults), metered, { ...options, meter: telemetry.issueMeter })
  const health = { clockOffsetMs: 0, report: async () => ({ database: 'up', counter: 'up' }) as const }
  telemetry.watch({ issuer: path.issuer, waitMsMax: 3_000, ledger, health, workers: 1, state: () => 'ready' as const })
  return path
}

/** Those that are not 0 of the counters and counts, by name and labels. */
async function grown(pattern: RegExp): Promise<Record<string, number>> {
  const series = seriesOf(await telemetry.text())
  const words = series
    .filter(({ name, value }) => value !== 0 && /_(total|count)$/.test(name) && pattern.test(name))
    .map(({ name, labels, value }) => [[name.slice('firstcome_'.length), ...Object.values(labels)].join(' '), value])
  return Object.fromEntries(words) as Record<string, number>
}

test('the fast way: a batch, its stations, the counter that is told where to begin', async () => {
  const path = open()
  const { id } = await openCampaign(ledger, 100)
  expect(countCodes(await crowd(path, id, 20))).toEqual({ issued: 20 })
  expect(await grown(/./)).toEqual({
    issue_batch_requests_count: 1,
    'issue_station_duration_seconds_count look_up': 1,
    'issue_station_duration_seconds_count reserve': 1,
    'issue_station_duration_seconds_count record': 1,
    'issue_resyncs_total cold': 1,
    'redis_reply_seconds_count reserve': 2,
    'redis_reply_seconds_count resync': 1,
  })
})

test('nothing left: the ledger way, its proof, and that the proof is made again', async () => {
  let nowMs = 0
  const clock = { ...systemClock, nowMs: () => nowMs }
  const path = open({}, openMemoryCounter(store), { clock })
  const campaign = await openCampaign(ledger, 10)
  await crowd(path, campaign.id, 15)
  expect(await grown(/ledger_way|proofs/)).toEqual({
    'issue_ledger_way_requests_total nothing_left': 5,
    'issue_ledger_way_batches_total nothing_left': 1,
    'issue_sold_out_proofs_total proved': 1,
  })
  nowMs += 60_000
  await crowd(path, campaign.id, 1)
  await expect.poll(() => grown(/proofs/)).toMatchObject({ 'issue_sold_out_proofs_total confirmed': 1 })
  // Rows vanish, as through a failover behind a proxy.
  await ledger.lock([campaign.id], async (locked) => void (await locked.deleteCoupons(campaign.id, 5)))
  nowMs += 60_000
  await crowd(path, campaign.id, 1)
  await expect.poll(() => grown(/proofs/)).toMatchObject({ 'issue_sold_out_proofs_total withdrawn': 1 })
})

test('no counter, and one that does not answer', async () => {
  const { id } = await openCampaign(ledger, 100)
  await crowd(open({}, null), id, 3)
  expect(await grown(/ledger_way_req/)).toEqual({ 'issue_ledger_way_requests_total no_counter': 3 })
  store.away = true
  await crowd(open(), id, 2)
  expect(await grown(/ledger_way_req|errors/)).toEqual({
    'issue_ledger_way_requests_total no_counter': 3,
    'issue_ledger_way_requests_total counter_unavailable': 2,
    // Asked once to take slots, and told once what was written.
    'redis_errors_total no_connection': 2,
  })
  expect(await grown(/resyncs/)).toEqual({ 'issue_resyncs_total ledger_way': 1 })
})

test('a counter that stays cold', async () => {
  const { id } = await openCampaign(ledger, 100)
  const counter = { ...openMemoryCounter(store), resync: async () => [undefined] }
  await crowd(open({}, counter), id, 2)
  expect(await grown(/ledger_way_req/)).toEqual({ 'issue_ledger_way_requests_total counter_cold': 2 })
})

test('foreign rows: read back, told to the counter, round again, and after the second time the ledger way', async () => {
  const campaign = await openCampaign(ledger, 10)
  let record = 0
  const path = open({
    async record(rows) {
      // Somebody is always a step ahead.
      if (record++ < 2) await fill(ledger, campaign, [rows[0]?.slot as number])
      return ledger.record(rows)
    },
  })
  expect(countCodes(await crowd(path, campaign.id, 1))).toEqual({ issued: 1 })
  expect(await grown(/collisions|behind|read_back|resyncs|ledger_way_b|station.*read/)).toEqual({
    issue_collisions_total: 2,
    'issue_resyncs_total cold': 1,
    'issue_resyncs_total behind': 2,
    'issue_resyncs_total ledger_way': 1,
    'issue_ledger_way_batches_total collisions': 1,
  })
  expect(await grown(/station/)).toMatchObject({ 'issue_station_duration_seconds_count read_back': 2 })
})

test('gaps are told from slots that nobody had yet', async () => {
  const campaign = await openCampaign(ledger, 10)
  await fill(ledger, campaign, [1, 4, 5])
  await crowd(open({}, null), campaign.id, 4)
  expect((await allCoupons(ledger, campaign.id)).map(({ slot }) => slot)).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(await grown(/gaps/)).toEqual({ issue_gaps_filled_total: 2 })
})

describe('a statement without an answer', () => {
  /** The first `times` calls. */
  const failing =
    (times: number) =>
    async <T>(work: () => Promise<T>): Promise<T> => {
      if (times-- > 0) throw new LedgerUnavailable('lost', { mayBeWritten: false })
      return work()
    }

  test.each(['look_up', 'record'] as const)('%s is sent again', async (station) => {
    const { id } = await openCampaign(ledger, 10)
    const fail = failing(2)
    const fault: Partial<Ledger> =
      station === 'look_up'
        ? { read: (query) => fail(() => ledger.read(query)) }
        : { record: (rows) => fail(() => ledger.record(rows)) }
    await crowd(open(fault), id, 3)
    expect(await grown(/retries/)).toEqual({ [`issue_retries_total ${station}`]: 2 })
  })

  test('a transaction is begun again', async () => {
    const { id } = await openCampaign(ledger, 10)
    const fail = failing(2)
    await crowd(open({ lock: (ids, work) => fail(() => ledger.lock(ids, work)) }, null), id, 3)
    expect(await grown(/retries|batches/)).toEqual({
      'issue_retries_total ledger_way': 2,
      'issue_ledger_way_batches_total no_counter': 3,
    })
  })
})

test('calls of one recipient follow each other', async () => {
  const { id } = await openCampaign(ledger, 10)
  await crowd(open(), id, 4, () => ({ recipient: 'one' }))
  // Three behind the first, then two behind the second, then one.
  expect(await grown(/followers/)).toEqual({ issue_followers_total: 6 })
})

test('a queue that is too long, and how it stands', async () => {
  const { id } = await openCampaign(ledger, 10)
  const gate = Promise.withResolvers<void>()
  const path = open({ read: (query) => gate.promise.then(() => ledger.read(query)) })
  const asked = crowd(path, id, 2_500)
  const look = async () => seriesOf(await telemetry.text())
  await expect.poll(async () => valueOf(await look(), 'firstcome_issue_batches_under_way')).toBe(3)
  const series = await look()
  expect(valueOf(series, 'firstcome_issue_unanswered_requests')).toBe(2_500)
  expect(valueOf(series, 'firstcome_issue_waiting_requests')).toBe(1_000)
  expect(valueOf(series, 'firstcome_issue_held_bytes')).toBeGreaterThan(2_500 * 1_000)
  expect(valueOf(series, 'firstcome_issue_wait_limit_seconds')).toBe(3)
  gate.resolve()
  await asked
  // Nothing waits any more, and nobody is told a wait.
  expect(valueOf(await look(), 'firstcome_issue_unanswered_requests')).toBe(0)
  expect(valueOf(await look(), 'firstcome_issue_expected_wait_seconds')).toBe(0)
})

test('overloaded, by what was over its limit', async () => {
  const { id } = await openCampaign(ledger, 10)
  let nowMs = 0
  const gate = Promise.withResolvers<void>()
  const path = open({ read: (query) => gate.promise.then(() => ledger.read(query)) }, null, {
    clock: { ...systemClock, nowMs: () => nowMs },
  })
  const asked = crowd(path, id, 2_500)
  await expect.poll(() => path.issuer.load().batchesUnderWay).toBe(3)
  nowMs += 7_000
  expect(valueOf(seriesOf(await telemetry.text()), 'firstcome_issue_expected_wait_seconds')).toBeGreaterThan(3)
  expect(countCodes(await crowd(path, id, 3))).toEqual({ overloaded: 3 })
  expect(await grown(/overloaded/)).toEqual({ 'issue_overloaded_total wait': 3 })
  gate.resolve()
  await asked
})
