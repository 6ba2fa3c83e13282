// Guessed codes: what they are answered, how many a second, and whether the time of an answer tells anything. Right codes,
// wrong ones, those one character off, those of another campaign, and what is no code at all, in random order on one server.
//
//   node bench/guess.ts [--guesses 100000] [--callers 4] [--coupons 10000] [--embedded] [--env NAME=VALUE …]
//
// On a private MariaDB by default. `--env` is for the server: where look-ups are limited, switch that off. Two kinds are told
// apart by Welch's t of their means, without the slowest twentieth of all: within ± 3 nothing is seen.

import { randomInt } from 'node:crypto'
import { Agent, get } from 'node:http'
import { parseArgs } from 'node:util'
import { call, createCampaign, issue, listCoupons, startServe } from '../test/serve/server-process.ts'
import { freshDatabase } from '../test/servers/fresh.ts'
import { startMariadb } from '../test/servers/mariadb.ts'

const { values } = parseArgs({
  options: {
    guesses: { type: 'string', default: '100000' },
    callers: { type: 'string', default: '4' },
    coupons: { type: 'string', default: '10000' },
    embedded: { type: 'boolean', default: false },
    env: { type: 'string', multiple: true, default: [] },
  },
})
const GUESSES = Number(values.guesses)
const CALLERS = Number(values.callers)
const COUPONS = Number(values.coupons)
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** The first ones warm up code and caches. */
const WARMING = 5_000

await using stack = new AsyncDisposableStack()
const environment: Record<string, string> = { LOG_LEVEL: 'fatal' }
if (values.embedded) environment['SQLITE_PATH'] = ':memory:'
else environment['MYSQL_URL'] = (await freshDatabase(stack.use(await startMariadb()).url)).url
for (const pair of values.env) environment[pair.split('=', 1)[0] ?? ''] = pair.slice(pair.indexOf('=') + 1)
const server = await startServe(environment)
stack.defer(() => server.close())

async function soldOut(id: string): Promise<string[]> {
  await createCampaign(server.url, { id, total_coupons: COUPONS })
  await Promise.all(
    Array.from({ length: 64 }, async (_, caller) => {
      for (let number = caller; number < COUPONS; number += 64) await issue(server.url, id)
    }),
  )
  return (await listCoupons(server.url, id)).map((coupon) => String(coupon['coupon_code']))
}

const own = await soldOut('own')
const foreign = await soldOut('foreign')

const anyOf = (codes: readonly string[]) => codes[randomInt(codes.length)] as string
const character = () => ALPHABET[randomInt(ALPHABET.length)] as string
const wrong = (length = 16) => Array.from({ length }, character).join('')

const KINDS: Readonly<Record<string, () => string>> = {
  right: () => anyOf(own),
  wrong,
  'one off': () => {
    const code = anyOf(own)
    return code.slice(0, -1) + ALPHABET[(ALPHABET.indexOf(code.at(-1) as string) + 1) % ALPHABET.length]
  },
  foreign: () => anyOf(foreign),
  malformed: () => (randomInt(2) === 0 ? wrong(15) : `${wrong(15)}U`),
}
const names = Object.keys(KINDS)
const told = new Map(names.map((name) => [name, new Map<string, number>()]))
const timesUs = new Map(names.map((name) => [name, [] as number[]]))
const agent = new Agent({ keepAlive: true, maxSockets: CALLERS })

function guess(code: string): Promise<{ answer: string; us: number }> {
  return new Promise((resolve, reject) => {
    const beganAt = performance.now()
    get(`${server.url}/v1/campaigns/own/coupons/${code}`, { agent }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => {
        const us = (performance.now() - beganAt) * 1_000
        const { code: problem } = JSON.parse(text) as { code?: string }
        resolve({ answer: `${response.statusCode} ${problem ?? ''}`.trim(), us })
      })
    }).on('error', reject)
  })
}

let begun = 0
let beganAt = performance.now()
await Promise.all(
  Array.from({ length: CALLERS }, async () => {
    while (begun < GUESSES + WARMING) {
      const isCounted = begun++ >= WARMING
      if (begun === WARMING) beganAt = performance.now()
      const name = names[randomInt(names.length)] as string
      const { answer, us } = await guess((KINDS[name] as () => string)())
      if (!isCounted) continue
      const answers = told.get(name) as Map<string, number>
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
      timesUs.get(name)?.push(us)
    }
  }),
)
const seconds = (performance.now() - beganAt) / 1_000
agent.destroy()

const cutUs = [...timesUs.values()].flat().toSorted((a, b) => a - b)[Math.floor(GUESSES * 0.95)] as number

function momentsOf(name: string): { count: number; mean: number; variance: number; median: number } {
  const times = (timesUs.get(name) as number[]).filter((us) => us < cutUs).toSorted((a, b) => a - b)
  const mean = times.reduce((sum, us) => sum + us, 0) / times.length
  const variance = times.reduce((sum, us) => sum + (us - mean) ** 2, 0) / (times.length - 1)
  return { count: times.length, mean, variance, median: times[times.length >> 1] as number }
}

console.log(
  `${GUESSES.toLocaleString('en-US')} guesses by ${CALLERS} callers: ${(GUESSES / seconds).toFixed(0)}/s ` +
    `(${values.embedded ? 'embedded' : 'MariaDB'}, ${COUPONS.toLocaleString('en-US')} coupons)`,
)
const base = momentsOf('wrong')
console.log('| kind | answers | median | mean | Welch’s t against wrong |')
console.log('| --- | --- | --- | --- | --- |')
for (const name of names) {
  const { count, mean, variance, median } = momentsOf(name)
  const t = (mean - base.mean) / Math.sqrt(variance / count + base.variance / base.count)
  const answers = [...(told.get(name) as Map<string, number>)]
    .map(([answer, times]) => `${answer} ×${times}`)
    .join(', ')
  console.log(
    `| ${name} | ${answers} | ${median.toFixed(0)} µs | ${mean.toFixed(1)} µs | ${name === 'wrong' ? '' : t.toFixed(1)} |`,
  )
}
const alive = await call(`${server.url}/livez`)
if (alive?.status !== 200) process.exitCode = 1
