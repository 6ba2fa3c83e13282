// firstcome load: a crowd of any size at running servers, and what came of it as a proof, a claim a line.

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Option, type Command } from 'commander'
import { BOOTSTRAP } from '../access/caller.ts'
import { readKey } from '../access/keys.ts'
import { auditCampaign } from '../audit/audit.ts'
import { httpAuditSource } from '../audit/http.ts'
import type { AuditReport } from '../audit/report.ts'
import { CLIENT_SETTINGS } from '../config.ts'
import { systemClock, systemRandomness } from '../host.ts'
import { createHistory, openHistory } from '../load/history.ts'
import { runLoad, type Want } from '../load/load.ts'
import { burst, steady, withEarly, type Plan } from '../load/plan.ts'
import { Api, Refused } from './api.ts'
import { listenForInterruption } from './interruption.ts'
import { deleteCampaign, findCampaign, makeCampaign, type Loaded } from './load/campaign.ts'
import { Live } from './load/live.ts'
import { prove, type Proof } from './load/proof.ts'
import { printRun, type Sent } from './load/shown.ts'
import { readWish, RECIPIENTS, type Options, type Wish } from './load/wish.ts'
import { tellProgress } from './progress.ts'
import { exitCodeOf, refusalText } from './refusals.ts'
import { environmentHelp } from './settings-help.ts'
import { shownCount } from './table.ts'

/** Of an open loop so many come too early, by so much: that nobody gets a coupon before the start has to be tried. */
const EARLY_MAX = 100
const EARLY_SHARE = 0.05
const EARLY_MS = 300

export function addLoad(program: Command): void {
  program
    .command('load')
    .description('Send a crowd at a test campaign, past its last coupon, and prove from every answer what came of it.')
    .option('--url <URL[,URL…]>', 'the servers, each in turn [FIRSTCOME_URL, http://127.0.0.1:8080]')
    .option('--coupons <N>', 'how many the campaign has')
    .option('--requests <M>', 'so many come, each caller after the answer to the one before')
    .option('--rate <R>', 'so many come in a second, whatever becomes of the others; with --for')
    .option('--for <TIME>', 'for so long, such as 30s')
    .option('--burst <B>', 'so many come in the same instant, at the start')
    .option('--starts-in <TIME>', 'when the campaign opens', '2s')
    .addOption(
      new Option('--recipients <WHO>', 'one for each request; none, but a key; or each recipient comes twice')
        .choices(RECIPIENTS)
        .default('unique'),
    )
    .option('--connections <C>', 'callers of --requests at once; with the others, connections to each server', '256')
    .option('--patience <TIME>', 'how long a request without an answer is sent again', '60s')
    .option('--history <FILE>', 'keep what every call was told, for `firstcome audit`')
    .option('--campaign <ID>', 'one that there is, instead of a test campaign that is made and deleted')
    .option('--really-issue-live-coupons', 'also if it is no test campaign')
    .option('--keep', 'do not delete the test campaign')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Where a call has no answer, or 429 or 5xx, the same is asked again, of another server if there is one.
${environmentHelp(CLIENT_SETTINGS)}
Exit codes: 0 all claims hold, 1 one does not, 2 not yet (a request without an answer, coupons left, interrupted), 3 could not be run.

Examples:
  firstcome load --coupons 1000 --requests 3000
  firstcome load --coupons 10000 --burst 30000 --starts-in 5s --url http://a:8080,http://b:8080,http://c:8080
  firstcome load --coupons 50000 --rate 2000 --for 30s --recipients none
  firstcome load --coupons 1000 --requests 3000 --keep --history crowd.jsonl`,
    )
    .action(async (options: Options) => {
      process.exitCode = await load(readWish(options))
    })
}

/** @returns the exit code */
async function load(wish: Wish): Promise<number> {
  const apis = wish.servers.map((server) => new Api(server))
  const { signal, release } = listenForInterruption()
  await using opened = new AsyncDisposableStack()
  opened.defer(release)
  const evidence = new Set<string>()
  try {
    const loaded = await prepare(wish, apis, opened, evidence)
    const history = wish.history ?? join(await temporaryFolder(opened, evidence), 'history.jsonl')
    const sent = await send(wish, loaded, history, signal)
    if (signal.aborted) process.stderr.write('Interrupted: nothing more is sent. What was done is judged\n')
    const keepEvidence = () => {
      for (const kept of [loaded.campaign.id, dirname(history)]) evidence.add(kept)
      process.stderr.write(evidenceText(wish, loaded.campaign.id, history))
    }
    const proof = await judge(wish, loaded, sent, history).catch((error: unknown) => {
      // Nobody could be asked, or somebody said no: what callers were told can still be judged later.
      keepEvidence()
      throw error
    })
    printRun(wish, loaded.campaign.id, sent, proof)
    if (proof.verdict === 'bad') keepEvidence()
    // Good as far as it went, and not what was asked for.
    return signal.aborted && proof.exitCode === 0 ? 2 : proof.exitCode
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    process.stderr.write(refusalText(error, { flags: { '/total_coupons': '--coupons' }, ...idOf(wish) }))
    return exitCodeOf(error.problem)
  }
}

function idOf({ campaign }: Wish): { id?: string } {
  return campaign === null ? {} : { id: campaign }
}

/** @param evidence whose ids are not deleted in the end */
function prepare(
  wish: Wish,
  apis: readonly Api[],
  opened: AsyncDisposableStack,
  evidence: ReadonlySet<string>,
): Promise<Loaded> {
  if (wish.campaign !== null) return findCampaign(apis, wish.campaign, wish.mayBeLive)
  const ids = new Set<string>()
  if (!wish.isKept)
    opened.defer(async () => {
      for (const id of ids.difference(evidence)) await remove(apis, id)
    })
  return makeCampaign(apis, wish, ids)
}

async function remove(apis: readonly Api[], id: string): Promise<void> {
  try {
    await deleteCampaign(apis, id)
  } catch (error) {
    if (error instanceof Refused && error.problem.code === 'campaign_not_found') return
    const why = (error as Error).message
    process.stderr.write(`It was not deleted (${why}): \`firstcome campaign delete ${id} --yes\`\n`)
  }
}

async function temporaryFolder(opened: AsyncDisposableStack, evidence: ReadonlySet<string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firstcome-load-'))
  opened.defer(async () => {
    if (!evidence.has(folder)) await rm(folder, { recursive: true })
  })
  return folder
}

/** What is broken is looked at, and not swept away. */
function evidenceText({ servers, campaign }: Wish, id: string, history: string): string {
  const [server] = servers
  const lines = [
    `Kept to look into it: campaign ${id}, and what every call was told in ${history}`,
    `Judge it again: \`firstcome audit ${id} --url ${server?.url} --history ${history}\``,
    ...(campaign === null ? [`Delete it: \`firstcome campaign delete ${id} --yes --url ${server?.url}\``] : []),
  ]
  return `${lines.join('\n')}\n`
}

async function send(wish: Wish, loaded: Loaded, file: string, signal: AbortSignal): Promise<Sent> {
  const { campaign, startsAtMs } = loaded
  const servers = wish.servers.map(({ url }) => url)
  process.stderr.write(
    `${campaign.id}: ${shownCount(campaign.total_coupons)} coupons, ${servers.length} server${servers.length === 1 ? '' : 's'}\n`,
  )
  const apiKey = wish.servers[0]?.apiKey ?? null
  const head = { campaign_id: campaign.id, started_at: Date.now(), api_key_id: keyIdOf(apiKey) }
  const history = await createHistory(file, head).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
    throw new Error(`${file} is there already: take another name`, { cause: error })
  })
  const live = new Live(startsAtMs)
  const stopTelling = tellProgress(() => live.line())
  const recipients = new Set<string | null>()
  try {
    const numbers = await runLoad({
      servers,
      campaignId: campaign.id,
      apiKey,
      plan: planOf(wish, loaded),
      want: wantsOf(wish, campaign.id),
      connections: wish.connections,
      patienceMs: wish.patienceMs,
      onCall(call) {
        if (wish.recipients === 'repeat') recipients.add(call.recipient)
        return history.write(call)
      },
      onNumbers: (numbers) => live.see(numbers),
      signal,
      clock: systemClock,
      randomness: systemRandomness,
    })
    const demand = wish.recipients === 'repeat' ? recipients.size : numbers.requests
    return { numbers, tookMs: Math.max(1, Date.now() - startsAtMs), demand }
  } finally {
    stopTelling()
    await history.close()
  }
}

/** What of a key may stand in a file. */
function keyIdOf(apiKey: string | null): string | null {
  return apiKey === null ? null : (readKey(apiKey)?.id ?? BOOTSTRAP)
}

function planOf({ crowd, connections }: Wish, { startsAtMs }: Loaded): Plan {
  if (crowd.kind === 'requests')
    return { kind: 'closed', requests: crowd.requests, callers: connections, fromMs: startsAtMs - EARLY_MS }
  const plan =
    crowd.kind === 'burst' ? burst(crowd.requests, startsAtMs) : steady(crowd.perSecond, crowd.seconds, startsAtMs)
  return withEarly(plan, Math.min(EARLY_MAX, Math.floor(plan.requests * EARLY_SHARE)), EARLY_MS)
}

/** Named after the campaign: two runs on one campaign are two crowds, unless they are to meet. */
function wantsOf({ recipients }: Wish, campaignId: string): (number: number) => Want {
  // By chance, not by a clock: two machines may begin in the same millisecond.
  const run = `${campaignId}-${randomBytes(6).toString('hex')}`
  return (number) => {
    // Each twice: at the same moment, at two servers.
    const name = `${run}-${recipients === 'repeat' ? Math.floor(number / 2) : number}`
    return {
      request: `${run}-${number}`,
      recipient: recipients === 'none' ? null : name,
      idempotencyKey: recipients === 'none' ? name : null,
    }
  }
}

async function judge(
  wish: Wish,
  { campaign, issuedBefore }: Loaded,
  { numbers, demand }: Sent,
  file: string,
): Promise<Proof> {
  const report = await audit(wish, campaign.id, file)
  return prove(
    {
      numbers,
      totalBefore: campaign.total_coupons,
      total: wish.coupons ?? report.total_coupons,
      issuedBefore,
      demand,
      isAlone: wish.campaign === null,
      isEachItsOwn: wish.recipients !== 'repeat',
    },
    report,
  )
}

/** From the first server that can be read. */
async function audit({ servers, patienceMs }: Wish, id: string, file: string): Promise<AuditReport> {
  for (const [index, server] of servers.entries()) {
    const history = await openHistory(file)
    try {
      const report = await auditCampaign(httpAuditSource(server), id, { graceMs: patienceMs, histories: [history] })
      if (report !== null) return report
      break
    } catch (error) {
      if (index === servers.length - 1) throw error
    }
  }
  throw new Error(`${id} is gone: somebody deleted it`)
}
