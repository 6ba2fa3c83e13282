// The end of a campaign of ten million, with a gap at slot 100 and 100 coupons left: a crowd comes for them all at once. From its
// first request, after which there soon is nothing left to reserve, until the gap is filled, all are given away and sold out is told.

import { engineLoad } from '../engine.ts'
import type { Stage } from '../stage.ts'
import { asked, type Subject } from '../subjects.ts'
import { countOf, deleteBeyond, deleteSlots } from '../ten-million.ts'
import type { Big } from './ten-million.ts'

const GAP = 100
const LEFT = 100
const CROWD = 600
const PATIENCE_MS = 20_000

/** A server that has just been started has never counted the campaign; one that was asked for it before has. */
export async function untilExactlyN(stage: Stage, big: Big): Promise<void> {
  const { rounds } = stage.options
  for (let round = 1; round <= rounds; round++) {
    for (const hasCounted of [false, true]) {
      stage.say(`the last coupons: round ${round} of ${rounds}${hasCounted ? ', counted before' : ''}`)
      await deleteSlots(big.url, big.campaignId, [GAP])
      await deleteBeyond(big.url, big.campaignId, big.coupons - LEFT)
      const subject = await big.start()
      if (hasCounted) await asked(`${subject.url}/v1/campaigns/${big.campaignId}`, subject.key)
      const seconds = await sellOut(subject, big, `last-${round}-${hasCounted}`)
      stage.note(`the last coupons${hasCounted ? ', counted before' : ''}`, 's', seconds)
      await subject[Symbol.asyncDispose]()
    }
  }
  stage.judge('time-to-n', stage.roundsOf('the last coupons'), 'by a server that has just been started')
}

async function sellOut(subject: Subject, big: Big, run: string): Promise<number> {
  let firstSentAt = Infinity
  let lastIssuedAt = 0
  let firstSoldOutAt = Infinity
  const { numbers } = await engineLoad([subject], big.campaignId, {
    plan: { kind: 'closed', requests: CROWD, callers: CROWD, fromMs: 0 },
    run,
    connections: CROWD,
    patienceMs: PATIENCE_MS,
    onCall({ sent_at: sentAt, answered_at: answeredAt, code }) {
      firstSentAt = Math.min(firstSentAt, sentAt)
      if (code === 'issued') lastIssuedAt = Math.max(lastIssuedAt, answeredAt)
      if (code === 'sold_out') firstSoldOutAt = Math.min(firstSoldOutAt, answeredAt)
    },
  })
  const rows = await countOf(big.url, big.campaignId)
  if (rows !== big.coupons || numbers.issued !== LEFT + 1)
    throw new Error(`${rows} rows of ${big.coupons}, ${numbers.issued} of ${LEFT + 1} issued`)
  return (Math.max(lastIssuedAt, firstSoldOutAt) - firstSentAt) / 1_000
}
