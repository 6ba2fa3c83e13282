// Who reads a campaign of ten million while it issues at full speed: somebody who looks at its numbers, again and again; and an
// export with an audit.

import { get } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { median, quantile } from '../report/statistics.ts'
import type { Stage } from '../stage.ts'
import { asked, type Subject } from '../subjects.ts'
import { countOf } from '../ten-million.ts'
import type { Big } from './ten-million.ts'

const CONNECTIONS = 256
const BETWEEN_READS_MS = 10
const BETWEEN_AUDITS_MS = 500

export async function readWhileIssuing(stage: Stage, big: Big, subject: Subject): Promise<void> {
  const { rounds, seconds } = stage.options
  const url = `${subject.url}/v1/campaigns/${big.campaignId}`
  const issuedCount = async () => Number((await asked(url, subject.key))['issued_count'])
  for (let round = 1; round <= rounds; round++) {
    stage.say(`reading while it issues: round ${round} of ${rounds}`)
    const isOver = new AbortController()
    const load = { connections: CONNECTIONS, seconds, run: `read-${round}` }
    const driving = stage.drive(subject, big.campaignId, load).finally(() => isOver.abort())
    const tookMs: number[] = []
    let before = 0
    while (!isOver.signal.aborted) {
      const beganAt = performance.now()
      const counted = await issuedCount()
      tookMs.push(performance.now() - beganAt)
      // A row that was counted stays.
      if (counted < before) throw new Error(`${counted} coupons after ${before}`)
      before = counted
      await pause(BETWEEN_READS_MS)
    }
    stage.noteLoad('reading: issuing meanwhile', await driving)
    stage.note('reading: p50', 'ms', quantile(tookMs, 0.5))
    stage.note('reading: p99', 'ms', quantile(tookMs, 0.99))
    const [told, rows] = [await issuedCount(), await countOf(big.url, big.campaignId)]
    if (told !== rows) throw new Error(`${told} coupons by the API, ${rows} rows`)
  }
  stage.judge('read-gap', stage.roundsOf('reading: p99'))
}

/** An audit cannot be stopped and takes as long as it takes: rounds without are before and after, those with it in between. */
export async function besideReaders(stage: Stage, big: Big, subject: Subject): Promise<void> {
  const { rounds, seconds } = stage.options
  const rate = async (id: string, round: number) => {
    stage.say(`${id}: round ${round} of ${rounds}`)
    const load = { connections: CONNECTIONS, seconds, run: id.replaceAll(/\W+/g, '-') + round }
    stage.noteLoad(id, await stage.drive(subject, big.campaignId, load))
  }
  const half = Math.ceil(rounds / 2)
  for (let round = 1; round <= half; round++) await rate('without export and audit', round)
  const isOver = new AbortController()
  const readers = Promise.all([exportAgain(subject, big, isOver.signal), auditAgain(subject, big, isOver.signal)])
  try {
    for (let round = 1; round <= rounds; round++) await rate('beside export and audit', round)
  } finally {
    isOver.abort()
  }
  const [rows, audits] = await readers
  stage.facts['export and audit'] = { rowsExported: rows, auditsEnded: audits }
  stage.say('waiting for the audit to end')
  await auditOnce(subject, big)
  for (let round = half + 1; round <= 2 * half; round++) await rate('without export and audit', round)
  const without = median(stage.roundsOf('without export and audit'))
  stage.judge(
    'export-audit',
    stage.roundsOf('beside export and audit').map((one) => one / without),
  )
}

/** → lines that came */
async function exportAgain(subject: Subject, { campaignId }: Big, signal: AbortSignal): Promise<number> {
  let lines = 0
  while (!signal.aborted) {
    try {
      for await (const chunk of await openExport(subject, campaignId, signal)) {
        for (const byte of chunk as Buffer) if (byte === 0x0a) lines++
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
  return lines
}

function openExport({ url, key }: Subject, campaignId: string, signal: AbortSignal): Promise<AsyncIterable<unknown>> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}` }
    const path = `${url}/v1/campaigns/${campaignId}/coupons.ndjson`
    get(path, { agent: false, headers, signal }, (response) => {
      if (response.statusCode === 200) resolve(response)
      else reject(new Error(`the export: ${response.statusCode}`))
    }).on('error', reject)
  })
}

/** → how many came to their end */
async function auditAgain(subject: Subject, big: Big, signal: AbortSignal): Promise<number> {
  let ended = 0
  while (!signal.aborted) {
    if (await auditStep(subject, big)) ended++
    await pause(BETWEEN_AUDITS_MS)
  }
  return ended
}

async function auditOnce(subject: Subject, big: Big): Promise<void> {
  while (!(await auditStep(subject, big))) await pause(BETWEEN_AUDITS_MS)
}

/** → has it ended? */
async function auditStep({ url, key }: Subject, { campaignId }: Big): Promise<boolean> {
  const answer = await asked(`${url}/v1/campaigns/${campaignId}/audit`, key)
  return answer['status'] !== 'running'
}
