// Who is begun, followed and replaced, when, and after what pause: with workers that a test plays, on a clock that it moves.
// Real ones: test/serve/workers.server.test.ts.

import { expect, test } from 'vitest'
import type { Exit, WorkerProcess } from '../../src/workers/cluster.ts'
import { Crew, WorkerUnusable } from '../../src/workers/crew.ts'
import { NUMBERS_MS_MAX, RESTART_PAUSE_MS, RESTART_PAUSE_MS_MAX, YOUNG_MS } from '../../src/workers/limits.ts'
import type { ToPrimary, ToWorker } from '../../src/workers/messages.ts'
import type { Numbers } from '../../src/telemetry/together.ts'
import { ManualClock } from '../manual-clock.ts'
import { seriesOf, valueOf } from '../telemetry/exposition.ts'

const KILLED: Exit = { code: null, signal: 'SIGKILL' }
const WELL: Exit = { code: 0, signal: null }
const UNUSABLE: Exit = { code: 3, signal: null }

class PlayedWorker implements WorkerProcess {
  readonly pid: number
  readonly told: ToWorker[] = []
  isKilled = false
  #hear: (message: ToPrimary) => void = () => {}
  #gone: (exit: Exit) => void = () => {}

  constructor(pid: number) {
    this.pid = pid
  }

  tell(message: ToWorker): void {
    this.told.push(message)
  }

  kill(): void {
    this.isKilled = true
  }

  attend(hear: (message: ToPrimary) => void, gone: (exit: Exit) => void): void {
    this.#hear = hear
    this.#gone = gone
  }

  says(message: ToPrimary): void {
    this.#hear(message)
  }

  ready(): void {
    this.#hear({ is: 'opened' })
    this.#hear({ is: 'listening', url: 'http://127.0.0.1:1' })
    this.#hear({ is: 'ready', isOpen: true })
  }

  ends(exit: Exit): void {
    this.#gone(exit)
  }

  lastTold(is: ToWorker['is']): ToWorker | undefined {
    return this.told.findLast((message) => message.is === is)
  }
}

function numbersOf(issued: number, waiting: number): Numbers {
  const counter = { name: 'issued_total', type: 'counter', help: 'x', aggregator: 'sum' } as const
  const gauge = { name: 'waiting', type: 'gauge', help: 'x', aggregator: 'sum' } as const
  const process = { name: 'process_rss', type: 'gauge', help: 'x', aggregator: 'average' } as const
  return {
    service: [
      { ...counter, values: [{ labels: { code: 'issued' }, value: issued }] },
      { ...gauge, values: [{ labels: {}, value: waiting }] },
    ],
    process: [{ ...process, values: [{ labels: {}, value: 100 + issued }] }],
  }
}

function open(count: number) {
  const clock = new ManualClock()
  const born: PlayedWorker[] = []
  const logged: object[] = []
  const starts: string[] = []
  const urls: string[] = []
  const write = (fields: object, message: string) => void logged.push({ ...fields, message })
  const crew = new Crew({
    count,
    fork() {
      const worker = new PlayedWorker(born.length + 1)
      born.push(worker)
      return worker
    },
    clock,
    log: { error: write, warn: write, info: write },
    numbers: async () => numbersOf(0, 0),
    onStart: (reason) => void starts.push(reason),
    onListening: (url) => void urls.push(url),
  })
  const worker = (pid: number) => born[pid - 1] as PlayedWorker
  const started = crew.start()
  started.catch(() => {})
  return { crew, clock, born, worker, logged, starts, urls, started }
}

/** Two, both ready. */
async function openReady() {
  const opened = open(2)
  opened.worker(1).ready()
  await opened.clock.pass(0)
  opened.worker(2).ready()
  await opened.started
  return opened
}

test('one begins alone, then the others; it is up when all are ready, and says its address once', async () => {
  const { clock, born, worker, started, urls } = open(3)
  await clock.pass(60_000)
  expect(born).toHaveLength(1)
  expect(worker(1).told).toEqual([{ is: 'begin', number: 1, listensFirst: true }])
  worker(1).ready()
  await clock.pass(0)
  expect(born).toHaveLength(3)
  expect(worker(3).told).toEqual([{ is: 'begin', number: 3, listensFirst: false }])
  let isUp = false
  void started.then(() => (isUp = true))
  worker(3).ready()
  await clock.pass(0)
  expect(isUp).toBe(false)
  worker(2).ready()
  expect(await started).toMatchObject({ isOpen: true })
  expect(urls).toEqual(['http://127.0.0.1:1'])
})

test('what a person must mend ends the start; any other death does not', async () => {
  const first = open(2)
  first.worker(1).ends(UNUSABLE)
  await expect(first.started).rejects.toThrow(WorkerUnusable)
  await first.clock.pass(60_000)
  expect(first.born).toHaveLength(1)

  const second = open(2)
  second.worker(1).ends(KILLED)
  await second.clock.pass(RESTART_PAUSE_MS)
  expect(second.born).toHaveLength(2)
  second.worker(2).ready()
  await second.clock.pass(0)
  second.worker(3).ends(UNUSABLE)
  await expect(second.started).rejects.toThrow(WorkerUnusable)
})

test('who dies is followed: at once when it lived long, and after a growing pause when it dies young again and again', async () => {
  const { clock, born, worker, logged, starts } = await openReady()
  await clock.pass(YOUNG_MS)
  worker(1).ends(KILLED)
  await clock.pass(0)
  expect(born).toHaveLength(3)
  expect(worker(3).told).toEqual([{ is: 'begin', number: 1, listensFirst: false }])
  expect(logged).toEqual([
    { worker: 1, worker_pid: 1, ...KILLED, lived_ms: YOUNG_MS, pause_ms: 0, message: 'a worker died: another comes' },
  ])
  const pauses: number[] = []
  for (let deaths = 1; deaths <= 8; deaths++) {
    const { length } = born
    // Also what a person could mend: the others serve, and it may be mended.
    worker(length).ends(UNUSABLE)
    const diedAtMs = clock.nowMs()
    while (born.length === length) await clock.pass(RESTART_PAUSE_MS)
    pauses.push(clock.nowMs() - diedAtMs)
  }
  expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, RESTART_PAUSE_MS_MAX, RESTART_PAUSE_MS_MAX])
  // Who lives is forgiven.
  worker(born.length).ready()
  await clock.pass(YOUNG_MS)
  const { length } = born
  worker(length).ends(KILLED)
  await clock.pass(0)
  expect(born).toHaveLength(length + 1)
  expect(starts).toEqual(Array(10).fill('died'))
})

test('replaced one by one: the old one is told to end when the new one is ready, and nobody else before it is gone', async () => {
  const { crew, clock, born, worker, starts, logged } = await openReady()
  const replaced = crew.replaceAll()
  await clock.pass(0)
  expect(born).toHaveLength(3)
  expect(worker(3).told).toEqual([{ is: 'begin', number: 1, listensFirst: false }])
  expect(worker(1).lastTold('end')).toBeUndefined()
  worker(3).ready()
  await clock.pass(0)
  expect(worker(1).lastTold('end')).toEqual({ is: 'end', drains: true, isReplaced: true })
  expect(born).toHaveLength(3)
  worker(1).ends(WELL)
  await clock.pass(0)
  expect(born).toHaveLength(4)
  worker(4).ready()
  await clock.pass(0)
  worker(2).ends(WELL)
  await replaced
  await clock.pass(60_000)
  expect(born).toHaveLength(4)
  expect(starts).toEqual(['replaced', 'replaced'])
  expect(logged).toHaveLength(2)
})

test('a new one that does not get ready: the old ones stay, and serve', async () => {
  const { crew, clock, born, worker, logged } = await openReady()
  const replaced = crew.replaceAll()
  worker(3).ends(UNUSABLE)
  await replaced
  await clock.pass(60_000)
  expect(born).toHaveLength(3)
  expect([worker(1), worker(2)].map((one) => one.lastTold('end'))).toEqual([undefined, undefined])
  expect(logged.at(-1)).toEqual({ worker: 1, message: 'a new worker could not start: the others stay as they are' })
})

test('asked again while it replaces, it does so once more afterwards', async () => {
  const { crew, clock, born, worker } = await openReady()
  const replaced = crew.replaceAll()
  void crew.replaceAll()
  void crew.replaceAll()
  for (let pid = 3; pid <= 6; pid++) {
    worker(pid).ready()
    await clock.pass(0)
    worker(pid - 2).ends(WELL)
    await clock.pass(0)
  }
  await replaced
  expect(born).toHaveLength(6)
})

test('a worker that got a signal is replaced, once; one that dies while its follower starts gets no second one', async () => {
  const { clock, born, worker } = await openReady()
  worker(1).says({ is: 'asked to end' })
  worker(1).says({ is: 'asked to end' })
  await clock.pass(0)
  expect(born).toHaveLength(3)
  worker(1).ends(KILLED)
  await clock.pass(60_000)
  expect(born).toHaveLength(3)
  worker(3).ready()
  await clock.pass(60_000)
  expect(born).toHaveLength(3)
  expect(worker(3).lastTold('end')).toBeUndefined()
})

test('all end: also who is only starting, nobody is followed, and one that ended badly is told of', async () => {
  const { crew, clock, born, worker } = await openReady()
  worker(2).ends(KILLED)
  await clock.pass(RESTART_PAUSE_MS)
  const ended = crew.end({ drains: true })
  expect([worker(1), worker(3)].map((one) => one.lastTold('end'))).toEqual(
    Array(2).fill({ is: 'end', drains: true, isReplaced: false }),
  )
  worker(1).ends(WELL)
  worker(3).ends(KILLED)
  expect(await ended).toBe(false)
  await clock.pass(60_000)
  expect(born).toHaveLength(3)

  const other = await openReady()
  const well = other.crew.end({ drains: false })
  for (const pid of [1, 2]) other.worker(pid).ends(WELL)
  expect(await well).toBe(true)
})

test('at once means at once', async () => {
  const { crew, worker } = await openReady()
  crew.kill()
  expect([worker(1).isKilled, worker(2).isKilled]).toEqual([true, true])
})

test('numbers of all: summed; a silent one keeps what it had counted, a dead one too, and levels are of who answers', async () => {
  const { clock, worker } = await openReady()
  const answer = (pid: number, issued: number, waiting: number) => {
    const { id } = worker(pid).lastTold('tell numbers') as { id: number }
    worker(pid).says({ is: 'numbers', id, numbers: numbersOf(issued, waiting) })
  }
  const look = async (answers: () => void, waitMs = 0) => {
    worker(1).says({ is: 'ask text', id: 7 })
    answers()
    await clock.pass(waitMs)
    const { text } = worker(1).lastTold('text') as { text: string }
    const series = seriesOf(text)
    return [valueOf(series, 'issued_total'), valueOf(series, 'waiting')]
  }
  expect(
    await look(() => {
      answer(1, 10, 1)
      answer(2, 20, 2)
    }),
  ).toEqual([30, 3])
  const text = (worker(1).lastTold('text') as { text: string }).text
  const rss = (name: string) => valueOf(seriesOf(text), 'process_rss', { worker: name })
  expect([rss('1'), rss('2'), rss('primary')]).toEqual([110, 120, 100])

  expect(await look(() => answer(1, 11, 5), NUMBERS_MS_MAX)).toEqual([31, 5])
  // Its last words are counted, whoever asks.
  worker(2).says({ is: 'numbers', id: 0, numbers: numbersOf(25, 0) })
  worker(2).ends(KILLED)
  expect(await look(() => answer(1, 12, 5))).toEqual([37, 5])
  // It dies while it is asked: nobody waits for it.
  await clock.pass(RESTART_PAUSE_MS)
  worker(3).ready()
  expect(await look(() => (answer(1, 13, 5), worker(3).ends(KILLED)))).toEqual([38, 5])
})
