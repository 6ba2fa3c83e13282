// Numbers and the text that is made of them.

import { Registry } from '@prometheus-io/client'
import { expect, test } from 'vitest'
import { Meters } from '../../src/telemetry/meters.ts'
import { expose } from '../../src/telemetry/exposition.ts'
import { METRICS, type Metric } from '../../src/telemetry/metrics.ts'
import { seriesOf, valueOf } from './exposition.ts'

const read = async (meters: Meters) => seriesOf(await expose(meters, null))

test('names are as Prometheus wants them', () => {
  for (const [name, { type, help, labels = {}, bounds = [] }] of Object.entries<Metric>(METRICS)) {
    expect(name).toMatch(/^firstcome_[a-z]+(_[a-z]+)*$/)
    expect(name.endsWith('_total'), name).toBe(type === 'counter')
    expect(name, 'seconds and bytes are the units').not.toMatch(/_(ms|millis|minutes|kb|kib)(_|$)/)
    expect(help, name).toMatch(/^\S.*\.$/)
    for (const label of Object.keys(labels)) expect(label).toMatch(/^[a-z]+$/)
    expect(bounds.length > 0, name).toBe(type === 'histogram')
    expect(bounds).toEqual([...bounds].toSorted((a, b) => a - b))
  }
})

test('what can happen is there from the start, with 0, so that its first time is seen to grow', async () => {
  const series = await read(new Meters())
  expect(valueOf(series, 'firstcome_issue_ledger_way_batches_total', { reason: 'nothing_left' })).toBe(0)
  expect(valueOf(series, 'firstcome_issue_station_duration_seconds_count', { station: 'record' })).toBe(0)
  // What is not known is not shown: 0 would be a statement.
  expect(valueOf(series, 'firstcome_redis_up')).toBeNull()
})

test('a size is counted in every bucket that is as large or larger', async () => {
  const meters = new Meters()
  const batches = meters.spread('firstcome_issue_batch_requests', {})
  for (const size of [1, 2, 500, 501]) batches.add(size)
  const series = await read(meters)
  const bucket = (le: string) => valueOf(series, 'firstcome_issue_batch_requests_bucket', { le })
  expect([bucket('1'), bucket('2'), bucket('400'), bucket('500'), bucket('+Inf')]).toEqual([1, 2, 2, 3, 4])
  expect(valueOf(series, 'firstcome_issue_batch_requests_count')).toBe(4)
  expect(valueOf(series, 'firstcome_issue_batch_requests_sum')).toBe(1_004)
})

test('labels are told in whatever order they are given', async () => {
  const meters = new Meters()
  meters.count('firstcome_http_requests_total', { operation: 'alive', status: '200' }).add(2)
  meters.count('firstcome_http_requests_total', { status: '200', operation: 'alive' }).add(3)
  expect(valueOf(await read(meters), 'firstcome_http_requests_total', { operation: 'alive' })).toBe(5)
})

test('every look is asked before the numbers are read', async () => {
  const meters = new Meters()
  const ready = meters.level('firstcome_ready', {})
  meters.onLook(async () => {
    await Promise.resolve()
    ready.value = 1
  })
  expect(valueOf(await read(meters), 'firstcome_ready')).toBe(1)
})

test('those of several processes can be put together: sums, and what is no sum as its row says', async () => {
  const processes = [1, 2].map((number) => {
    const meters = new Meters()
    meters.count('firstcome_issue_collisions_total', {}).add(number)
    meters.spread('firstcome_issue_batch_requests', {}).add(number)
    meters.level('firstcome_issue_waiting_requests', {}).value = number
    meters.level('firstcome_issue_expected_wait_seconds', {}).value = number
    // Somebody takes requests; somebody does not see the database.
    meters.level('firstcome_ready', {}).value = number - 1
    meters.level('firstcome_database_up', {}).value = number - 1
    meters.level('firstcome_build_info', { version: '1', node: 'v1' }).value = 1
    return meters
  })
  const text = await Registry.aggregate(await Promise.all(processes.map((meters) => meters.read()))).metrics()
  const series = seriesOf(text)
  expect(valueOf(series, 'firstcome_issue_collisions_total')).toBe(3)
  expect(valueOf(series, 'firstcome_issue_batch_requests_count')).toBe(2)
  expect(valueOf(series, 'firstcome_issue_batch_requests_bucket', { le: '1' })).toBe(1)
  expect(valueOf(series, 'firstcome_issue_waiting_requests')).toBe(3)
  expect(valueOf(series, 'firstcome_issue_expected_wait_seconds')).toBe(2)
  expect(valueOf(series, 'firstcome_ready')).toBe(1)
  expect(valueOf(series, 'firstcome_database_up')).toBe(0)
  expect(valueOf(series, 'firstcome_build_info')).toBe(1)
})
