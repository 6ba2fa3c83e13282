// firstcome check: walks the contract of docs/api.md against a running server. Written from the document: it shares no code
// with what it checks.

import { styleText } from 'node:util'
import type { Command } from 'commander'
import { CLIENT_SETTINGS, readClientConfig, type ClientConfig } from '../config.ts'
import { Api, NoReply } from './check/api.ts'
import { checkBadInput } from './check/bad-input.ts'
import { checkCampaignList, checkCampaigns } from './check/campaigns.ts'
import { checkChanges } from './check/changes.ts'
import { checkCoupons } from './check/coupons.ts'
import { checkCrowd, checkIssuing } from './check/issuing.ts'
import { checkKeys } from './check/keys.ts'
import { Run, type Chapter } from './check/run.ts'
import { checkProblemPages, checkService } from './check/service.ts'
import { Interrupted, Steps, type StepReport } from './check/steps.ts'
import { listenForInterruption } from './interruption.ts'
import { addSettingFlags, environmentHelp } from './settings-help.ts'

const CHAPTERS: readonly Chapter[] = [
  checkService,
  checkKeys,
  checkCampaigns,
  checkCampaignList,
  checkChanges,
  checkIssuing,
  checkCrowd,
  checkCoupons,
  checkBadInput,
  checkProblemPages,
]

export function addCheck(program: Command): void {
  const command = program
    .command('check')
    .description('Walk the whole contract against a running server, on test campaigns that are deleted afterwards.')
  addSettingFlags(command, CLIENT_SETTINGS)
    .option('--json', 'print one JSON document instead of lines')
    .addHelpText(
      'after',
      `
Ask the server itself: a proxy in between answers some of the bad input on its own.
If it has API keys, give that of an admin.
${environmentHelp(CLIENT_SETTINGS)}
Exit codes: 0 all is as documented, 1 something is not, 3 it could not be run.

Examples:
  firstcome check
  firstcome check --url https://coupons.example --json`,
    )
    .action(async ({ url, json }: { url?: string; json?: true }) => {
      process.exitCode = await check(readClientConfig({ url }), json === true)
    })
}

/** @returns the exit code @throws when there is no server to check */
async function check({ url, apiKey }: ClientConfig, isJson: boolean): Promise<number> {
  const base = new URL(url)
  const server = await greet(url, apiKey)
  const say = (line: string) => void (isJson || process.stdout.write(`${line}\n`))
  say(`Checking Firstcome ${server.version} at ${url}: database ${server.database}, counter ${server.counter}`)

  const { signal, release } = listenForInterruption()
  const steps = new Steps(signal, (report) => say(lineOf(report)))
  const run = new Run(base, apiKey, steps, signal)
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

/** Is anybody there, and ready, and may we? */
async function greet(url: string, apiKey: string | null): Promise<Record<'version' | 'database' | 'counter', string>> {
  const api = new Api(new URL(url), 'check', apiKey)
  try {
    const { version } = (await api.peek('/')).json
    if (typeof version !== 'string')
      throw new Error(`what answers at ${url} is no Firstcome: see --url or FIRSTCOME_URL`)
    const { status, database, counter } = (await api.peek('/readyz')).json
    if (status !== 'ready') throw new Error(`the server at ${url} is not ready (${String(status)}): try again later`)
    // Of nobody: with the key of an admin it is not found.
    const { code, detail } = (await api.peek('/v1/campaigns/check-nobody', 'DELETE')).json
    if (code === 'unauthenticated' || code === 'forbidden')
      throw new Error(`the check needs the key of an admin in FIRSTCOME_API_KEY (${code}: ${String(detail)})`)
    return { version, database: String(database), counter: String(counter) }
  } catch (error) {
    if (!(error instanceof NoReply)) throw error
    const what = error.speaksTls
      ? `nothing answers at ${url} (${error.reason}): start it with \`firstcome serve\`, or set --url or FIRSTCOME_URL`
      : `what answers at ${url} speaks no TLS: try http:// in --url or FIRSTCOME_URL`
    throw new Error(what, { cause: error })
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
