// All coupons of a campaign into a file. It has its name only when it is whole: until then it stands beside, under another.

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { path, type Api } from '../api.ts'
import type { Campaign } from '../campaign/shown.ts'
import { tellProgress } from '../progress.ts'
import { shownCount } from '../table.ts'

/** In which not one byte comes. While a crowd is served, a server pauses between pages: for seconds. */
const STALL_MS_MAX = 60_000
/** Of the end of an export: room for the last line of NDJSON. */
const TAIL_BYTES = 64

const NEWLINE = 0x0a

const FORMATS = {
  csv: { contentType: 'text/csv', linesBesides: 1 },
  ndjson: { contentType: 'application/x-ndjson', linesBesides: 1 },
} as const
type Format = keyof typeof FORMATS

/** @param file `-`: standard output @throws Refused, NoAnswer; Error when it was not written whole */
export async function exportCoupons(
  api: Api,
  id: string,
  format: Format,
  file: string,
  isForced: boolean,
): Promise<void> {
  const { json: campaign } = await api.get<Campaign>(path`/v1/campaigns/${id}`)
  const target = file === '-' ? standardOutput : await openBeside(file, isForced)
  const read = new Read(format, campaign.issued_count)
  // Not between lines that somebody reads.
  const stopTelling = file === '-' && process.stdout.isTTY ? () => {} : tellProgress(rateOf(read))
  try {
    const coupons = format === 'csv' ? path`/v1/campaigns/${id}/coupons.csv` : path`/v1/campaigns/${id}/coupons.ndjson`
    await pump(api, coupons, read, target.write)
    read.expectWhole()
    await target.keep()
  } catch (error) {
    await target.drop()
    throw error
  } finally {
    stopTelling()
  }
  process.stderr.write(`${shownCount(read.rows)} coupons${file === '-' ? '' : ` in ${file}`}\n`)
}

async function pump(api: Api, coupons: string, read: Read, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const controller = new AbortController()
  const stall = setTimeout(
    () => controller.abort(new Error(`nothing came for ${STALL_MS_MAX / 1_000} s`)),
    STALL_MS_MAX,
  )
  let isBegun = false
  try {
    for await (const bytes of await api.stream(coupons, FORMATS[read.format].contentType, controller.signal)) {
      isBegun = true
      read.take(bytes)
      await write(bytes)
      // A slow reader of ours is no fault of the server's.
      stall.refresh()
    }
  } catch (error) {
    if (!isBegun || error instanceof CannotWrite) throw error
    const { cause, message } = error as Error
    throw new Error(read.brokenBecause(cause instanceof Error ? cause.message : message), { cause: error })
  } finally {
    clearTimeout(stall)
  }
}

/** What came so far, and whether it is all. */
class Read {
  readonly format: Format
  readonly #expected: number
  #lines = 0
  #tail = Buffer.alloc(0)

  /** @param expected so many there were before the export began; none is ever taken away */
  constructor(format: Format, expected: number) {
    this.format = format
    this.#expected = expected
  }

  /** Coupons. No text in them has a line break. */
  get rows(): number {
    return Math.max(0, this.#lines - FORMATS[this.format].linesBesides)
  }

  take(bytes: Uint8Array): void {
    for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) this.#lines++
    this.#tail = Buffer.concat([this.#tail, bytes.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES)
  }

  /** @throws when an end is missing that looks like none */
  expectWhole(): void {
    const tail = this.#tail.toString('latin1')
    const told = this.format === 'csv' ? this.rows : Number(/(?:^|\n)\{"rows":(\d+)\}\n$/.exec(tail)?.[1])
    const isWhole = tail.endsWith('\n') && told === this.rows && this.rows >= this.#expected
    if (!isWhole) throw new Error(this.brokenBecause('its end is missing'))
  }

  brokenBecause(why: string): string {
    return `the export broke off after ${this.toString()} (${why}): ask again`
  }

  /** Others may get coupons while we look: then there are more than were expected. */
  toString(): string {
    return `${shownCount(this.rows)} of ${shownCount(Math.max(this.rows, this.#expected))} coupons`
  }
}

/** How far it is, and how fast. */
function rateOf(read: Read): () => string {
  const beganAt = performance.now()
  return () => {
    const rate = Math.round(read.rows / ((performance.now() - beganAt) / 1_000))
    return `${read.toString()}, ${shownCount(rate)} a second`
  }
}

class CannotWrite extends Error {
  constructor(file: string, cause: unknown) {
    super(`cannot write ${file}: ${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message}`, { cause })
  }
}

interface Target {
  write(bytes: Uint8Array): Promise<void>
  /** It is whole. */
  keep(): Promise<void>
  drop(): Promise<void>
}

const standardOutput: Target = {
  async write(bytes) {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
  },
  keep: async () => {},
  drop: async () => {},
}

/** @throws when there is something that may not be replaced */
async function openBeside(name: string, isForced: boolean): Promise<Target> {
  // Behind a link, the file that it leads to is replaced.
  const file = await realpath(name).catch(() => name)
  await expectFree(file, isForced)
  const part = `${file}.${randomBytes(4).toString('hex')}.part`
  const trying = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw error instanceof CannotWrite ? error : new CannotWrite(name, error)
    }
  }
  const handle = await trying(() => open(part, 'wx'))
  const forget = removeOnSignal(part)
  return {
    write: (bytes) => trying(() => handle.writeFile(bytes)),
    keep: () =>
      trying(async () => {
        await handle.sync()
        await handle.close()
        // An export takes its time, in which somebody else may have written it.
        await expectFree(file, isForced)
        await rename(part, file)
        forget()
      }),
    async drop() {
      await handle.close()
      await rm(part, { force: true })
      forget()
    },
  }
}

async function expectFree(file: string, isForced: boolean): Promise<void> {
  const there = await stat(file).catch(() => null)
  if (there === null) return
  if (!there.isFile()) throw new Error(`${file} is no file that could be replaced`)
  if (!isForced) throw new Error(`${file} is there already: take another name, or replace it with --force`)
}

/** Ctrl-C and the like end the process as ever; only the part of a file goes with it. @returns ends that */
function removeOnSignal(part: string): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const forget = () => signals.forEach((signal) => process.off(signal, onSignal))
  const onSignal = (signal: NodeJS.Signals) => {
    rmSync(part, { force: true })
    forget()
    process.kill(process.pid, signal)
  }
  for (const signal of signals) process.on(signal, onSignal)
  return forget
}
