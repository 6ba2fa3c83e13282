// The closed loop: every way to give coupons away, by turns, at 64, 256 and 1,000 connections; and refusals when sold out.

import { ratios } from '../report/statistics.ts'
import { forgetPeak, memoryMb, type Subject } from '../subjects.ts'
import type { Part, Stage } from '../stage.ts'
import { ALL_WAYS } from '../ways.ts'

/** Compared with everybody. */
const CONNECTIONS = 256
const FEW = 64
const MANY = 1_000
/** Not measured: until the code is compiled and the pools are full. */
const WARM_S = 2

export const crowd: Part = {
  name: 'crowd',
  rows: [
    'against-one-at-a-time',
    'against-nothing',
    'connections-1000',
    'sold-out',
    'sold-out-recipients',
    'embedded',
    'memory',
  ],

  async run(stage) {
    const subjects = new Map<string, Subject>()
    for (const way of ALL_WAYS) subjects.set(way, await (await stage.place(way)).start())
    if (!stage.options.isQuick) for (const [name, subject] of subjects) await warm(stage, name, subject)
    const { rounds } = stage.options
    for (let round = 1; round <= rounds; round++) {
      // Whoever comes later finds a warmer machine and a fuller database: all are it in turn.
      const order = rotated([...subjects], round - 1)
      for (const [name, subject] of order) {
        for (const connections of [CONNECTIONS, ...(isWide(name) ? [FEW, MANY] : [])]) {
          stage.say(`crowd: round ${round} of ${rounds}: ${name}, ${connections} connections`)
          if (connections === MANY && name === 'MySQL and Redis') forgetPeak(subject)
          await issue(stage, name, subject, connections, round)
          if (connections === MANY && name === 'MySQL and Redis')
            stage.note('crowd: memory', 'MB', memoryMb(subject, 'VmHWM'))
        }
        if (isRefusing(name)) await refuse(stage, name, subject, round)
      }
    }
    judge(stage)
  },
}

/** Others are shown at 256 alone. */
const isWide = (name: string) => name === 'nothing' || name === 'MySQL and Redis'
const isRefusing = (name: string) => name === 'nothing' || name === 'MySQL and Redis' || name === 'embedded'

async function warm(stage: Stage, name: string, subject: Subject): Promise<void> {
  stage.say(`crowd: warming ${name}`)
  const campaignId = await subject.newCampaign()
  await stage.drive(subject, campaignId, { connections: CONNECTIONS, seconds: WARM_S, run: 'warm' })
}

async function issue(stage: Stage, name: string, subject: Subject, connections: number, round: number): Promise<void> {
  const campaignId = await subject.newCampaign()
  const load = { connections, seconds: stage.options.seconds, run: `crowd-${round}-${connections}` }
  const found = await stage.drive(subject, campaignId, load)
  stage.noteLoad(`${name}, ${connections}`, found)
  stage.note(`${name}, ${connections}: p50`, 'ms', found.p50Ms)
  stage.note(`${name}, ${connections}: p99`, 'ms', found.p99Ms)
}

async function refuse(stage: Stage, name: string, subject: Subject, round: number): Promise<void> {
  const campaignId = name === 'nothing' ? 'sold-out' : await subject.newCampaign(1)
  const path = `${subject.url}/v1/campaigns/${campaignId}/coupons`
  const headers = subject.key === null ? {} : { authorization: `Bearer ${subject.key}` }
  for (const status of name === 'nothing' ? [409] : [201, 409]) {
    const reply = await fetch(path, { method: 'POST', headers })
    if (reply.status !== status) throw new Error(`${name}: ${reply.status} instead of ${status}`)
  }
  const load = { connections: CONNECTIONS, seconds: stage.options.seconds, isRefused: true }
  stage.say(`crowd: round ${round} of ${stage.options.rounds}: ${name}, sold out`)
  stage.noteLoad(`${name}, sold out`, await stage.drive(subject, campaignId, { ...load, run: '' }))
  const run = `refused-${round}`
  stage.noteLoad(`${name}, sold out, recipients`, await stage.drive(subject, campaignId, { ...load, run }))
}

function judge(stage: Stage): void {
  const of = (id: string) => stage.roundsOf(id)
  const ours = of(`MySQL and Redis, ${CONNECTIONS}`)
  stage.judge('against-one-at-a-time', ratios(ours, of(`one-at-a-time, ${CONNECTIONS}`)))
  stage.judge('against-nothing', ratios(ours, of(`nothing, ${CONNECTIONS}`)))
  stage.judge('connections-1000', ratios(of(`MySQL and Redis, ${MANY}`), ours))
  stage.judge('sold-out', ratios(of('MySQL and Redis, sold out'), of('nothing, sold out')))
  stage.judge(
    'sold-out-recipients',
    ratios(of('MySQL and Redis, sold out, recipients'), of('nothing, sold out, recipients')),
  )
  stage.judge('embedded', ratios(of(`embedded, ${CONNECTIONS}`), of(`nothing, ${CONNECTIONS}`)))
  stage.judge('memory', of('crowd: memory'))
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}
