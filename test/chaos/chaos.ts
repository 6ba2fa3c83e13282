// npm run chaos: real servers, a real database and a real Redis, faults all the time, and a verdict for each promise.

import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { randomBytes } from 'node:crypto'
import { inspect, parseArgs } from 'node:util'
import { SECRETS_FOLDER } from '../secrets/notes.ts'
import { searchFolder, type Search } from '../secrets/search.ts'
import { runChaos, type RunResult } from './run.ts'
import { PROMISES, type Promised } from './verdict.ts'

const HELP = `Usage: npm run chaos -- [options]

Starts servers, a database and a Redis of its own, lets crowds at them while faults of every kind happen to all of
them, and holds what callers were told against what is in the database.

Options:
  --minutes N     how long, 0.1 to 10000; a round that has begun is played to its end (default: 5)
  --seed TEXT     draws the same plans as the run that printed it: campaigns, crowds and faults. Time is real, so that
                  no two runs are the same (default: a new one)
  --servers N     1 to 9 (default: 3)
  --history DIR   keeps the histories of all calls and the servers' logs there, in a new folder or an empty one
                  (default: only when something is wrong)
  --help          this

TEST_MYSQLD and TEST_REDIS_SERVER name other programs to start.

Exit codes: 0 all promises kept, 1 not so, 3 it could not be run.

Examples:
  npm run chaos
  npm run chaos -- --minutes 60 --servers 5
  npm run chaos -- --seed 4f1c09ab --history ./chaos-run`

/** A run of so many minutes is long enough for every kind of fault. */
const ALL_KINDS_MINUTES = 5
/** Of each promise, and of the logs. */
const EXAMPLES_MAX = 10

/** Said in one line: where it came out in our code helps nobody. */
class BadFlag extends Error {}

function readFlags() {
  try {
    return parseArgs({
      options: {
        minutes: { type: 'string', default: '5' },
        seed: { type: 'string', default: randomBytes(4).toString('hex') },
        servers: { type: 'string', default: '3' },
        history: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new BadFlag(error instanceof Error ? error.message : String(error))
  }
}

async function main(): Promise<number> {
  const values = readFlags()
  if (values.help) {
    say(HELP)
    return 0
  }
  const minutes = numberOf('--minutes', values.minutes, 0.1, 10_000)
  const servers = numberOf('--servers', values.servers, 1, 9)
  if (!Number.isInteger(servers)) throw new BadFlag('--servers: a whole number, please')
  const isKept = values.history !== undefined
  const folder =
    values.history === undefined ? mkdtempSync(join(tmpdir(), 'firstcome-chaos-')) : resolve(values.history)
  mkdirSync(folder, { recursive: true })
  if (readdirSync(folder).length > 0) throw new BadFlag(`--history: ${folder} is not empty`)
  // The guardians of all processes notice that this one has gone.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      if (!isKept) rmSync(folder, { recursive: true, force: true })
      process.stderr.write('chaos: interrupted, all is taken down\n')
      process.exit(3)
    })
  }
  say(`seed ${values.seed}, ${servers} servers, ${minutes} minutes, in ${folder}`)
  const secrets = join(folder, 'secrets')
  mkdirSync(secrets)
  process.env[SECRETS_FOLDER] = secrets
  const result = await runChaos({ seed: values.seed, servers, minutes, folder, say })
  const isSilent = tellSearch(searchFolder(secrets))
  const isGood = tell(result, minutes) && isSilent
  if (isGood && !isKept) rmSync(folder, { recursive: true })
  if (!isGood) say(`Histories and logs are in ${folder}. The same plans again: npm run chaos -- --seed ${values.seed}`)
  return isGood ? 0 : 1
}

/** @returns were the logs free of secrets? */
function tellSearch({ hits, secrets }: Search): boolean {
  for (const { file, line, kind } of hits.slice(0, EXAMPLES_MAX)) say(`${file}:${line}: ${kind}`)
  say(`\n${secrets} secrets looked for in the servers' logs: ${hits.length === 0 ? 'none is there' : 'see above'}`)
  return hits.length === 0
}

function tell({ campaigns, coupons, calls, unknown, faults, findings, mistakes }: RunResult, minutes: number): boolean {
  say('\nFaults, and how often they happened:')
  for (const [name, count] of faults) say(`${String(count).padStart(8)}  ${name}`)
  const never = [...faults].filter(([, count]) => count === 0).map(([name]) => name)
  const lacksKinds = minutes >= ALL_KINDS_MINUTES && never.length > 0
  say(`\n${campaigns} campaigns, ${coupons} coupons, ${calls} calls, ${unknown} of them unknown at first:`)
  for (const promise of Object.keys(PROMISES) as Promised[]) {
    const broken = findings.filter((finding) => finding.promise === promise)
    say(`${broken.length === 0 ? '    kept' : '  BROKEN'}  ${promise} ${PROMISES[promise]}`)
    show(broken.map(({ what }) => what))
  }
  say(`${mistakes.length === 0 ? '    none' : '   FOUND'}  mistakes in the servers' logs`)
  show(mistakes)
  if (lacksKinds) say(`  NEVER    ${never.join('; ')}: a long run has to have every kind`)
  const isGood = findings.length + mistakes.length === 0 && !lacksKinds
  say(isGood ? 'Good: every promise was kept.' : 'Bad.')
  return isGood
}

function show(lines: readonly string[]): void {
  for (const line of lines.slice(0, EXAMPLES_MAX)) say(`          ${line}`)
  if (lines.length > EXAMPLES_MAX) say(`          … and ${lines.length - EXAMPLES_MAX} more`)
}

function numberOf(flag: string, text: string, min: number, max: number): number {
  const number = Number(text)
  if (text.trim() === '' || !(number >= min && number <= max))
    throw new BadFlag(`${flag}: a number from ${min} to ${max}, please`)
  return number
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

// Not left to itself: what was under way when a run broke off may hold the process.
try {
  process.exit(await main())
} catch (error) {
  const text = error instanceof BadFlag ? `${error.message} (--help shows what there is)` : inspect(error)
  process.stderr.write(`chaos: ${text}\n`)
  process.exit(3)
}
