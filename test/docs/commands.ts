// The commands that documents show, and how they are run: in one shell, beside a server that was started as the document
// says. What is shown as output is compared with the real output.
//
//   ```sh                     commands; comment lines directly below a command are what it prints
//   ```console                the same as a session: `$ ` in front of commands, output below
//   ```sh no-run: why not     is not run
//
// In what is printed, `…` stands for anything on the line. Times, waits and names of requests may differ; codes, ids and
// cursors may, too, but each is then the same wherever the document shows it, and in later commands.

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { SETTINGS } from '../../src/config.ts'
import { findProgram } from '../servers/find.ts'
import { openGuardian } from '../servers/guarded.ts'
import { ROOT, type Block, type Document } from './documents.ts'

const defaultOf = (name: string) => SETTINGS.find(({ env }) => env === name)?.default ?? ''

/** What documents call the server: where it listens when nothing else was said. */
export const SHOWN_URL = `http://${defaultOf('HOST')}:${defaultOf('PORT')}`
/** And the servers of compose.yaml. */
export const SHOWN_MYSQL_URL = 'mysql://root:firstcome@127.0.0.1:3306/firstcome'
export const SHOWN_REDIS_URL = 'redis://127.0.0.1:6379'

export const TEST_COMMAND = 'npm ci && npm test'

const LANGUAGES = ['sh', 'bash', 'shell', 'console']

export interface Step {
  readonly command: string
  /** null: not shown. */
  readonly output: string | null
}

export function commandBlocks({ blocks }: Document): Block[] {
  return blocks.filter(({ language }) => LANGUAGES.includes(language))
}

/** no-run: it says why · test: the test command, of which this is a part · mysql: needs the servers · embedded: the rest */
export function kindOf(block: Block): 'no-run' | 'test' | 'mysql' | 'embedded' {
  if (/^no-run: .{4,}/.test(block.info)) return 'no-run'
  if (block.text.trim() === TEST_COMMAND) return 'test'
  return stepsOf(block).some(({ command }) => /\b(MYSQL|REDIS)_URL=/.test(command)) ? 'mysql' : 'embedded'
}

export function startsServer(block: Block): boolean {
  return stepsOf(block).some(({ command }) => /\bnpm start\b/.test(command))
}

export function stepsOf({ language, text }: Block): Step[] {
  const isSession = language === 'console'
  const steps: { command: string; output: string | null }[] = []
  let isBelowCommand = false
  let isContinued = false
  for (const line of text.trimEnd().split('\n')) {
    const last = steps.at(-1)
    const isCommand = isSession ? line.startsWith('$ ') : line.trim() !== '' && !line.startsWith('#')
    if (isContinued && last !== undefined) {
      last.command += `\n${line}`
      isContinued = line.endsWith('\\')
    } else if (isCommand) {
      steps.push({ command: isSession ? line.slice(2) : line, output: null })
      isBelowCommand = true
      isContinued = line.endsWith('\\')
    } else if (last !== undefined && (isSession || (isBelowCommand && line.startsWith('#')))) {
      const shown = isSession ? line : line.replace(/^# ?/, '')
      last.output = last.output === null ? shown : `${last.output}\n${shown}`
    } else isBelowCommand = false
  }
  return steps
}

/** A place where a document's commands run. */
export interface Stage {
  readonly url: string
  /** Runs every command of the block in the stage's shell and compares what it shows. */
  play(block: Block): Promise<void>
  close(): Promise<void>
}

export interface StageOptions {
  /** How the server is started: a block that ends with `npm start`. null: as the program starts it, which is quicker. */
  readonly start: Block | null
  /** What stands in documents → what stands in for it here. */
  readonly instead?: Readonly<Record<string, string>>
  readonly environment?: Readonly<Record<string, string>>
}

export async function openStage({ start, instead = {}, environment = {} }: StageOptions): Promise<Stage> {
  const guardian = await openGuardian()
  try {
    const env = {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      HOME: process.env['HOME'],
      PORT: '0',
      DRAIN_MS: '0',
      ...environment,
    }
    const isEmbedded = start === null || kindOf(start) === 'embedded'
    const store = isEmbedded ? { SQLITE_PATH: join(guardian.folder, 'data', 'firstcome.db') } : {}
    const steps = start === null ? [{ command: 'exec node src/main.ts serve', output: null }] : stepsOf(start)
    // The packages are there: these tests run on them.
    const script = steps.map(({ command }) => replaced(command, instead).replace(/\bnpm ci && /, '')).join('\n')
    const server = await guardian.run('bash', ['-euc', script], {
      cwd: ROOT,
      env: { ...env, ...store },
      isServer: true,
    })
    const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)/)
    await server.waitForOutput(/^Ctrl-C ends it\.$/m)
    const shown = steps.at(-1)?.output ?? null
    const seen = new Map<string, string>()
    if (shown !== null) expect(server.output.replaceAll(url, SHOWN_URL)).toMatch(pattern(shown, false))
    const shell = new Shell(env)
    return {
      url,
      async play(block) {
        for (const { command, output } of stepsOf(block)) {
          const here = `${block.path}:${block.line}: ${command}`
          const real = await shell.run(replaced(command, { ...instead, [SHOWN_URL]: url, ...Object.fromEntries(seen) }))
          if (output === null) continue
          const told = asShown(real.replaceAll(url, SHOWN_URL), output, seen, here)
          expect(timeless(told), here).toMatch(pattern(timeless(output), true))
        }
      },
      async close() {
        shell.close()
        await guardian.close()
      },
    }
  } catch (error) {
    await guardian.close()
    throw error
  }
}

function replaced(text: string, instead: Readonly<Record<string, string>>): string {
  return Object.entries(instead).reduce((result, [from, to]) => result.replaceAll(from, to), text)
}

/** What differs from run to run, and has a name in every reply. */
const NAMED = /"(?:coupon_code|id|campaign_id|next_cursor)":"([^"]*)"/g

/** The real output with the document's own codes, ids and cursors. `seen`: those of the document → the real ones. */
function asShown(real: string, output: string, seen: Map<string, string>, here: string): string {
  const shownNames = [...output.matchAll(NAMED)].map(([, name = '']) => name)
  const realNames = [...real.matchAll(NAMED)].map(([, name = '']) => name)
  if (shownNames.length !== realNames.length) return real
  shownNames.forEach((shown, index) => {
    const name = realNames[index] as string
    expect(name, `${here}\nwhat is shown as ${shown} before`).toBe(seen.get(shown) ?? name)
    seen.set(shown, name)
  })
  return [...seen].reduce((text, [shown, name]) => text.replaceAll(`"${name}"`, `"${shown}"`), real)
}

function timeless(text: string): string {
  return text
    .replace(/\r/g, '')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'T')
    .replace(/"request_id":"[^"]*"/g, '"request_id":"R"')
    .replace(/"(starts_in_ms|retry_after_ms)":\d+/g, '"$1":0')
    .replace(/^(date|retry-after): .*$/gim, '$1: 0')
    .trimEnd()
}

function pattern(shown: string, isWhole: boolean): RegExp {
  const lines = shown
    .trim()
    .split('\n')
    .map((line) =>
      line
        .trimEnd()
        .split('…')
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*'),
    )
  const text = lines.join('\n')
  return isWhole ? new RegExp(`^${text}$`) : new RegExp(text)
}

/** What no command prints. */
const END = '--- end of the command, status'

/** One bash for all commands of a document: variables stay. */
class Shell {
  readonly #bash: ChildProcessWithoutNullStreams
  #out = ''
  #err = ''
  #more = () => {}

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#bash = spawn('bash', ['-s'], { cwd: ROOT, env })
    this.#bash.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#out += text
      this.#more()
    })
    this.#bash.stderr.setEncoding('utf8').on('data', (text: string) => (this.#err += text))
    this.#bash.once('close', () => this.#more())
    const standIn = fileURLToPath(new URL('curl.ts', import.meta.url))
    if (findProgram(['curl']) === null) this.#bash.stdin.write(`curl() { node '${standIn}' "$@"; }\n`)
  }

  /** What it printed to standard output. Rejects when it failed. */
  async run(command: string): Promise<string> {
    this.#out = ''
    this.#err = ''
    this.#bash.stdin.write(`${command}\nprintf '\\n%s %s\\n' '${END}' "$?"\n`)
    for (;;) {
      const [real = '', status] = this.#out.split(`\n${END} `)
      if (status !== undefined && status.endsWith('\n')) {
        if (Number(status) !== 0) throw new Error(`${command}\nended with ${status.trim()}: ${this.#err}`)
        return real
      }
      if (this.#bash.exitCode !== null) throw new Error(`${command}\nended the shell: ${this.#err}`)
      await new Promise<void>((resolve) => (this.#more = resolve))
    }
  }

  close(): void {
    this.#bash.stdin.end()
    this.#bash.kill('SIGKILL')
  }
}
