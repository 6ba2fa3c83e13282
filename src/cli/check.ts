// firstcome check: walks the contract of docs/api.md against a running server. Written from the document: it shares no code
// with what it checks.

import { styleText } from 'node:util'
import { Option, type Command } from 'commander'
import { Api } from './check/api.ts'
import { checkBadInput } from './check/bad-input.ts'
import { checkCampaignList, checkCampaigns } from './check/campaigns.ts'
import { checkCoupons } from './check/coupons.ts'
import { checkCrowd, checkIssuing } from './check/issuing.ts'
import { Run, type Chapter } from './check/run.ts'
import { checkProblemPages, checkService } from './check/service.ts'
import { Interrupted, Mismatch, Steps, type StepReport } from './check/steps.ts'
import { listenForInterruption } from './interruption.ts'

const CHAPTERS: readonly Chapter[] = [
  checkService,
  checkCampaigns,
  checkCampaignList,
  checkIssuing,
  checkCrowd,
  checkCoupons,
  checkBadInput,
  checkProblemPages,
]

export function addCheck(program: Command): void {
  program
    .command('check')
    .description('Walk the whole contract against a running server, on test campaigns that are deleted afterwards.')
    .addOption(new Option('--url <URL>', 'the server').default('http://127.0.0.1:8080'))
    .option('--json', 'print one JSON document instead of lines')
    .addHelpText(
      'after',
      `
Ask the server itself: a proxy in between answers some of the bad input on its own.

Exit codes: 0 all is as documented, 1 something is not, 3 it could not be run.

Examples:
  firstcome check
  firstcome check --url https://coupons.example --json`,
    )
    .action(async (options: { url: string; json?: true }) => {
      process.exitCode = await check(options.url, options.json === true)
    })
}

/** @returns the exit code @throws when there is no server to check */
async function check(url: string, isJson: boolean): Promise<number> {
  const base = baseOf(url)
  const server = await greet(base)
  const say = (line: string) => void (isJson || process.stdout.write(`${line}\n`))
  say(`Checking Firstcome ${server.version} at ${url}: database ${server.database}, counter ${server.counter}`)

  const { signal, release } = listenForInterruption()
  const steps = new Steps(signal, (report) => say(lineOf(report)))
  const run = new Run(base, steps, signal)
  const beganAt = performance.now()
  let isWhole = true
  try {
    for (const chapter of CHAPTERS) await chapter(run)
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    isWhole = false
    process.stderr.write('Interrupted: deleting the test campaigns\n')
  } finally {
    const left = await run.cleanUp()
    steps.add('clean up', 'the test campaigns are deleted', left)
    release()
  }

  const count = (result: StepReport['result']) => steps.reports.filter((report) => report.result === result).length
  const counts = { ok: count('ok'), failed: count('fail'), skipped: count('skip') }
  const isGood = isWhole && counts.failed === 0 && counts.skipped === 0
  const verdict = !isWhole ? 'interrupted' : isGood ? 'good' : 'bad'
  const seconds = Math.round((performance.now() - beganAt) / 100) / 10
  if (isJson) {
    process.stdout.write(
      `${JSON.stringify({ url, server, verdict, ...counts, seconds, steps: steps.reports }, null, 2)}\n`,
    )
  } else {
    const bad = `${counts.failed} failed, ${counts.skipped} skipped, ${counts.ok} passed`
    say(isGood ? `Good: all ${counts.ok} steps passed in ${seconds} s` : `${isWhole ? 'Bad' : 'No verdict'}: ${bad}`)
  }
  return isWhole ? (isGood ? 0 : 1) : 3
}

function baseOf(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : null
  if (base !== null && /^https?:$/.test(base.protocol)) return base
  throw new Error(`--url: an address such as http://127.0.0.1:8080, please`)
}

/** Is anybody there, and ready? */
async function greet(base: URL): Promise<Record<'version' | 'database' | 'counter', string>> {
  const api = new Api(base, 'check')
  try {
    const { version } = (await api.peek('/')).json
    if (typeof version !== 'string') throw new Error(`what answers at ${base.href} is no Firstcome`)
    const { status, database, counter } = (await api.peek('/readyz')).json
    if (status !== 'ready')
      throw new Error(`the server at ${base.href} is not ready (${String(status)}): try again later`)
    return { version, database: String(database), counter: String(counter) }
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error
    throw new Error(`no server answers at ${base.href} (${error.got}): start one with npm start, or give its --url`, {
      cause: error,
    })
  } finally {
    api.close()
  }
}

function lineOf({ name, says, result, why, expected, got }: StepReport): string {
  const reason = why === undefined ? '' : `: ${why}`
  const compared = expected === undefined ? '' : `: expected ${expected}, got ${got}`
  if (!process.stdout.isTTY) {
    const word = { ok: 'ok  ', fail: 'FAIL', skip: 'skip' }[result]
    return `${word} ${name}: ${says}${reason}${compared}`
  }
  const mark = { ok: styleText('green', '✓'), fail: styleText('red', '✗'), skip: styleText('yellow', '-') }[result]
  const problem = result === 'ok' ? '' : `\n    ${(why ?? '') + compared}`
  return `${mark} ${styleText('bold', name)} ${styleText('dim', says)}${problem}`
}
