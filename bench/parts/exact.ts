// Is it exact? For every way to give coupons away: two processes, a crowd that asks again as a good client does, and one of
// the two is killed when half of the coupons are gone. (The embedded one is always one: it is killed and started again.)

import type { HistoryCall } from '../../src/load/history.ts'
import { engineLoad } from '../engine.ts'
import type { Exactness } from '../report/results.ts'
import type { Part, Stage } from '../stage.ts'
import { ALL_WAYS, WAYS, type Way } from '../ways.ts'

const COUPONS = 5_000
const COUPONS_QUICK = 1_000
/** More people than coupons: nobody can say that what is left over was not wanted. */
const CROWD = 1.3
const CALLERS = 128
const PATIENCE_MS = 20_000

export const exact: Part = {
  name: 'exact',
  rows: [],

  async run(stage) {
    const found: Exactness[] = []
    for (const way of ALL_WAYS) if (way !== 'nothing') found.push(await killInTheMiddle(stage, way))
    stage.exactness.push(...found)
  },
}

async function killInTheMiddle(stage: Stage, way: Way): Promise<Exactness> {
  const coupons = stage.options.isQuick ? COUPONS_QUICK : COUPONS
  const place = await stage.place(way)
  const first = await place.start()
  const subjects = way === 'embedded' ? [first] : [first, await place.start()]
  const campaignId = await first.newCampaign(coupons)
  stage.say(`exact: ${WAYS[way]}: a process is killed in the middle`)
  const told = new Set<string>()
  const isHalf = Promise.withResolvers<void>()
  const onCall = ({ recipient, answer }: HistoryCall) => {
    if (answer === 'ok' && recipient !== null) told.add(recipient)
    if (told.size >= coupons / 2) isHalf.resolve()
  }
  const plan = { kind: 'closed', requests: Math.round(coupons * CROWD), callers: CALLERS, fromMs: 0 } as const
  const load = engineLoad(subjects, campaignId, {
    plan,
    run: way,
    connections: CALLERS,
    patienceMs: PATIENCE_MS,
    onCall,
  })
  await Promise.race([isHalf.promise, load])
  await first.process.kill()
  if (way === 'embedded') await place.start()
  const { numbers } = await load
  const recipients = await (subjects.at(-1) ?? first).recipientsOf(campaignId)
  const owners = new Set(recipients)
  return {
    name: way,
    coupons,
    rows: recipients.length,
    over: Math.max(0, recipients.length - coupons),
    under: Math.max(0, coupons - recipients.length),
    lost: [...told].filter((recipient) => !owners.has(recipient)).length,
    twice: recipients.length - owners.size,
    unanswered: numbers.unknownLeft + numbers.notSent,
  }
}
