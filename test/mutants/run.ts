// Makes each mutant in a copy of the project, and sees whether it is caught by what it should be.

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { MUTANTS, type Mutant } from './mutants.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Of the project, what a run needs. */
const PARTS = ['src', 'test', 'tools', 'package.json', 'vitest.config.ts', 'tsconfig.json']
/** A mutant that makes a test hang is caught, too. */
const MUTANT_MS_MAX = 180_000

const HELP = `Makes mistakes in copies of the project, one at a time, and shows what catches each.

  --only TEXT  those whose name has this in it
  --list       name them, run none

Exit codes: 0 all were caught, 1 one was not, 3 it could not be run.

Examples:
  npm run mutants
  npm run mutants -- --only 'sold out'
`

interface Caught {
  readonly mutant: Mutant
  /** What caught it; null: nothing. */
  readonly by: string | null
  /** What was said. */
  readonly output: string
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(HELP)
else process.exitCode = await main()

async function main(): Promise<number> {
  const mutants = MUTANTS.filter(({ name }) => name.includes(values.only))
  if (values.list || mutants.length === 0) {
    for (const { name } of mutants) process.stdout.write(`${name}\n`)
    return mutants.length === 0 ? 3 : 0
  }
  const folder = mkdtempSync(join(tmpdir(), 'firstcome-mutants-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(3))
  const waiting = [...mutants]
  const results: Caught[] = []
  // Tests on servers start servers of their own: as many at once as there are cores.
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const result = await caught(mutant, mkdtempSync(join(folder, 'mutant-')))
      results.push(result)
      process.stdout.write(`| ${mutant.name} | ${result.by ?? 'NOTHING'} |\n`)
      if (result.by === null) process.stdout.write(result.output.replace(/^/gm, '    '))
    }
  })
  await Promise.all(workers)
  const alive = results.filter(({ by }) => by === null).length
  process.stdout.write(`${alive === 0 ? 'Good' : 'Bad'}: ${results.length - alive} of ${results.length} were caught\n`)
  return alive === 0 ? 0 : 1
}

async function caught(mutant: Mutant, folder: string): Promise<Caught> {
  for (const part of PARTS) cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const path = join(folder, mutant.file)
  let text = readFileSync(path, 'utf8')
  for (const { from, to } of mutant.edits) {
    if (text.split(from).length !== 2)
      return { mutant, by: null, output: `${mutant.file} has this line not once: ${from}\n` }
    text = text.replace(from, () => to)
  }
  writeFileSync(path, text)
  const { caughtBy } = mutant
  if ('seeds' in caughtBy) {
    const args = ['test/simulate/simulate.ts', '--seeds', String(caughtBy.seeds), '--workers', '1']
    const { code, output } = await run(folder, args)
    const [, seed, promise] = /Broken in seed (\d+) [^]*?\n {2}(P\d)/.exec(output) ?? []
    return { mutant, by: code === 1 && seed !== undefined ? `the simulator: ${promise}, seed ${seed}` : null, output }
  }
  const project = /\.(server|long)\./.exec(caughtBy.test)?.[1] ?? 'quick'
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, caughtBy.test, '-t', caughtBy.named]
  const { code, output } = await run(folder, args)
  const [, failed] = /FAIL +(.*)/.exec(output) ?? []
  const isCaught = code === 1 && failed !== undefined && / passed, [1-9]\d* failed/.test(output)
  return { mutant, by: isCaught ? `${caughtBy.test}: ${failed.split(' > ').slice(1).join(' > ')}` : null, output }
}

function run(cwd: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env: { ...process.env, NO_COLOR: '1' }, timeout: MUTANT_MS_MAX })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}
