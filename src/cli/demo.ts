// firstcome demo: three servers, one campaign, a small crowd, and what came of it. For somebody who has just cloned.

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import type { Command } from 'commander'
import { readClientConfig, readConfig, type Config } from '../config.ts'
import { openLog } from '../telemetry/log.ts'
import { openServices } from '../wire.ts'
import { gather, isFinal, openCaller, type Answer, type Call, type Person } from './demo/crowd.ts'
import { listenForInterruption } from './interruption.ts'

/** A rush of a second; before it opens, time to read what is about to happen. */
const STORY = { servers: 3, coupons: 500, people: 2_000, opensInMs: 2_000 } as const
/** A database that was given and does not answer is said so, instead of waiting for it as a server would. */
const READY_MS_MAX = 10_000

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('Start three servers, let a small crowd at them and show what came of it, in a few seconds.')
    .addHelpText(
      'after',
      `
Nothing needs to be there. With MYSQL_URL (and REDIS_URL) it runs on that database, in a test campaign that it deletes;
if there are API keys in it, FIRSTCOME_API_KEY holds that of an admin.

Exit codes: 0 exactly as promised, 1 not so, 3 it could not be run.

Examples:
  firstcome demo
  MYSQL_URL=mysql://app:secret@db/firstcome REDIS_URL=redis://cache firstcome demo`,
    )
    .action(async () => {
      process.exitCode = await demo()
    })
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** @returns the exit code */
async function demo(): Promise<number> {
  const { signal, release } = listenForInterruption()
  // Closes what was opened, the last one first, whatever happened.
  await using opened = new AsyncDisposableStack()
  opened.defer(release)
  const urls = await openServers(opened, signal)
  const { call, close } = openCaller(readClientConfig().apiKey)
  opened.defer(close)

  const campaigns = `${urls[0]}/v1/campaigns`
  const id = `demo-${randomBytes(4).toString('hex')}`
  opened.defer(async () => void (await call(`${campaigns}/${id}`, { method: 'DELETE' })))
  await createCampaign(call, campaigns, id)
  say(`A campaign of ${shown(STORY.coupons)} coupons opens in ${STORY.opensInMs / 1_000} s, one for each recipient.
${shown(STORY.people)} people come to the three servers: every 10th asks twice at once, every 20th hangs up and asks again, every
20th is too early.
`)

  const { people, gone } = gather(
    call,
    urls.map((url) => `${url}/v1/campaigns/${id}/coupons`),
    STORY.people,
    STORY.opensInMs,
    signal,
  )
  const beganAt = performance.now() + STORY.opensInMs
  await watch(people, gone)
  if (signal.aborted) {
    process.stderr.write('Interrupted: everything is taken down\n')
    return 3
  }
  const seconds = (performance.now() - beganAt) / 1_000
  return tell(people, await listCoupons(call, `${urls[2]}/v1/campaigns/${id}/coupons`), seconds)
}

/** @returns their addresses */
async function openServers(opened: AsyncDisposableStack, signal: AbortSignal): Promise<string[]> {
  // On loopback, whatever HOST says, and without a key of their own: these servers are for nobody else.
  const config = readConfig({ host: '127.0.0.1', port: '0' })
  const isEmbedded = config.store.kind === 'embedded'
  const folder = isEmbedded ? await mkdtemp(join(tmpdir(), 'firstcome-demo-')) : null
  if (folder !== null) opened.defer(() => rm(folder, { recursive: true }))
  const store: Config['store'] = folder === null ? config.store : { kind: 'embedded', path: join(folder, 'demo.db') }
  const log = openLog('error')
  const services = await openServices({ ...config, store, bootstrapApiKey: null }, log, STORY.servers)
  opened.defer(async () => {
    await Promise.all(services.map(({ app }) => app.close()))
    await Promise.all(services.map((service) => service.close()))
  })
  const tooLong = AbortSignal.any([signal, AbortSignal.timeout(READY_MS_MAX)])
  const late = new Promise<never>((_resolve, reject) =>
    tooLong.addEventListener('abort', () => reject(new Error('the database was not reached'))),
  )
  await Promise.race([Promise.all(services.map((service) => service.prepare())), late])
  const urls = await Promise.all(services.map(({ app }) => app.listen({ host: config.host, port: 0 })))
  say(`Three servers: ${urls.join('  ')}
Their store:   ${storeOf(store)}
`)
  return urls
}

function storeOf(store: Config['store']): string {
  if (store.kind === 'embedded') return `an embedded SQLite file, ${store.path}, removed at the end`
  const counter = store.redis === null ? '' : ', with Redis as their counter'
  return `the database of MYSQL_URL${counter}; a test campaign, deleted at the end`
}

/** It opens by the servers' clock, which the answer to its creation tells. */
async function createCampaign(call: Call, url: string, id: string): Promise<void> {
  const fields = { id, name: '선착순 쿠폰', total_coupons: STORY.coupons, recipient_required: true, test: true }
  const body = { ...fields, start_time: '9999-01-01T00:00:00Z' }
  const created = good(await call(url, { method: 'POST', body }))
  const start_time = new Date(Date.parse(String(created['server_time'])) + STORY.opensInMs).toISOString()
  good(await call(`${url}/${id}`, { method: 'PATCH', body: { start_time } }))
}

function good(answer: Answer | null): Answer['body'] {
  if (answer !== null && answer.status < 300) return answer.body
  throw new Error(`the servers do not do as they should: ${JSON.stringify(answer)}`)
}

interface Coupon {
  readonly coupon_code: string
  readonly slot: number
  readonly recipient: string
}

async function listCoupons(call: Call, url: string): Promise<Coupon[]> {
  const coupons: Coupon[] = []
  for (let cursor = ''; ;) {
    const page = good(await call(`${url}?limit=1000${cursor}`))
    coupons.push(...(page['data'] as Coupon[]))
    if (typeof page['next_cursor'] !== 'string') return coupons
    cursor = `&cursor=${page['next_cursor']}`
  }
}

/** One line that changes, for whoever sits in front of it. */
async function watch(people: readonly Person[], gone: Promise<void>): Promise<void> {
  if (!process.stdout.isTTY) return gone
  const draw = () => {
    const { coupons, soldOut, replays, early } = countsOf(people)
    const line = `coupons ${coupons}   replays ${replays}   sold out ${soldOut}   too early ${early}`
    process.stdout.write(`\r\u001b[2K  ${line}`)
  }
  const timer = setInterval(draw, 100)
  await gone
  clearInterval(timer)
  draw()
  say('\n')
}

function countsOf(people: readonly Person[]) {
  const answers = people.flatMap((person) => person.answers)
  const count = (is: (answer: Answer) => boolean) => answers.filter(is).length
  return {
    answers: answers.length,
    coupons: count(({ status }) => status === 201),
    replays: count(({ status }) => status === 200),
    soldOut: count(({ body }) => body['code'] === 'sold_out'),
    early: count(({ body }) => body['code'] === 'campaign_not_started'),
    unavailable: count(({ status }) => status === 503),
    hangUps: people.reduce((sum, person) => sum + person.hangUps, 0),
  }
}

/** What people were told, against what is in the database. @returns the exit code */
function tell(people: readonly Person[], coupons: readonly Coupon[], seconds: number): number {
  const counts = countsOf(people)
  const slots = coupons.map(({ slot }) => slot)
  const codeOf = new Map(coupons.map((coupon) => [coupon.recipient, coupon.coupon_code]))
  const distinct = [slots, coupons.map((coupon) => coupon.coupon_code), [...codeOf.keys()]]
  const duplicates = coupons.length - Math.min(...distinct.map((values) => new Set<unknown>(values).size))
  // In all their answers one coupon, the one that the list has for them; or sold out, and the list has none.
  const wronged = people.filter(({ name, answers }) => {
    const told = new Set(answers.filter(isFinal).map(({ body }) => body['coupon_code'] ?? body['code']))
    return told.size !== 1 || !told.has(codeOf.get(name) ?? 'sold_out')
  })
  const [first, last] = [Math.min(...slots), Math.max(...slots)]
  say(`What people were told:
${row(counts.coupons, 'a coupon')}
${row(counts.replays, 'the coupon they had already: asked twice, or hung up and came back')}
${row(counts.soldOut, 'sold out')}
${row(counts.early, 'too early, and when to come back')}
${row(counts.unavailable, 'no answer in time, and when to ask again')}
${row(counts.hangUps, 'nothing: they had hung up')}

What is in the database, by the list of the API:
${row(coupons.length, `coupons, slots ${first} to ${last}`)}
${row(duplicates, 'duplicates of a slot, a code or a recipient')}
${row(wronged.length, 'people who were told anything else')}
`)
  const isExact = coupons.length === STORY.coupons && first === 1 && last === STORY.coupons && duplicates === 0
  const isGood = isExact && wronged.length === 0
  const good = `Good: exactly ${shown(STORY.coupons)} coupons, one for each who got one, and nobody lost theirs.`
  if (isGood) say(styleText('green', good))
  else say(styleText('red', 'Bad: this is not what was promised. Please report it.'))
  const rate = Math.round(counts.answers / seconds / 100) * 100
  say(`(${shown(counts.answers)} answers in ${seconds.toFixed(1)} s, some ${shown(rate)} a second: crowd and servers in one process.)

Next:
  npm start                  a server of your own, and its API at /docs
  npm run firstcome check    the whole contract, against that server
  README.md                  what is promised, and how it is kept`)
  return isGood ? 0 : 1
}

function row(count: number, what: string): string {
  return `  ${shown(count).padStart(7)}  ${what}`
}

function shown(number: number): string {
  return number.toLocaleString('en-US')
}
