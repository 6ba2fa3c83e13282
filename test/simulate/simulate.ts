// The simulator: the code that serves, on simulated stores, clocks and chance. Each seed is a run with its own crowd and its
// own faults; the first that breaks a promise is told, with the command that shows what happened in it.

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { randomInt } from 'node:crypto'
import { runSeeds, type Report } from './seeds.ts'
import { World } from './world.ts'

const HELP = `Runs the path of an issue through faults that no real store makes on demand.

  --seeds N    so many runs [2000]
  --from S     the first seed [1]
  --fresh      seeds that nobody has run before, instead
  --seed S     this one only
  --trace      with --seed: tell what happens, step by step
  --workers N  threads [one a core]
  --rare       tell how often each fault and each branch happened

Exit codes: 0 every promise was kept, 1 one was broken, 3 it could not be run.

Examples:
  npm run simulate -- --seeds 100000
  npm run simulate -- --seed 4711 --trace
`

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(
    `simulate: ${error instanceof Error ? error.message : String(error)} (--help shows what there is)\n`,
  )
  return 3
})

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '2000' },
      from: { type: 'string', default: '1' },
      fresh: { type: 'boolean', default: false },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
      workers: { type: 'string', default: String(availableParallelism()) },
      rare: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  if (values.seed !== undefined) return one(whole('seed', values.seed), values.trace)
  if (values.trace) throw new Error('--trace tells of one --seed')
  const from = values.fresh ? randomInt(1, 2 ** 31) : whole('from', values.from)
  const beganAt = performance.now()
  const seeds = { from, count: whole('seeds', values.seeds), workers: whole('workers', values.workers) }
  const report = await runSeeds(seeds, tellProgress(seeds.count, beganAt))
  return conclude(report, from, (performance.now() - beganAt) / 1_000, values.rare)
}

function whole(name: string, text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new Error(`--${name}: a whole number from 1, please`)
  return Number(text)
}

async function one(seed: number, isTraced: boolean): Promise<number> {
  const world = new World(seed, isTraced ? (line) => process.stdout.write(`${line}\n`) : null)
  const broken = await world.run()
  const what = broken === null ? 'every promise was kept' : `broken: ${isTraced ? broken.message : broken.stack}`
  process.stdout.write(`seed ${seed} (${world.mix.name}): ${what}\n`)
  return broken === null ? 0 : 1
}

function tellProgress(count: number, beganAt: number): (done: number) => void {
  const { isTTY } = process.stderr
  let toldAt = beganAt
  return (done) => {
    const nowMs = performance.now()
    if (nowMs - toldAt < (isTTY ? 100 : 1_000) || done === count) return
    toldAt = nowMs
    const line = `${done} of ${count} seeds, ${Math.round((done * 1_000) / (nowMs - beganAt))} a second`
    process.stderr.write(isTTY ? `\r\u001b[2K${line}` : `${line}\n`)
  }
}

function conclude({ done, broken, counts }: Report, from: number, seconds: number, isRareTold: boolean): number {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
  const say = (line: string) => process.stdout.write(`${line}\n`)
  if (isRareTold)
    for (const [what, times] of [...counts].toSorted(([a], [b]) => a.localeCompare(b)))
      say(`${String(times).padStart(10)}  ${what}`)
  const rate = `${done} seeds from ${from} in ${seconds.toFixed(1)} s, ${Math.round(done / seconds)} a second`
  if (broken === null) {
    say(`Good: every promise was kept in ${rate}`)
    return 0
  }
  say(`Broken in seed ${broken.seed} (${broken.mix}), after ${rate}:
  ${broken.message}
What happened: npm run simulate -- --seed ${broken.seed} --trace`)
  return 1
}
