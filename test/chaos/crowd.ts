// Who comes to a campaign, and how they ask: by recipient, by key, with both or with neither; some twice at once, some hang
// up at once and ask again elsewhere, some want a second coupon under another key.

import type { Want } from '../../src/load/load.ts'
import type { Dice } from './dice.ts'

export interface Errand extends Want {
  /** After the crowd has begun to come. */
  readonly atMs: number
}

/** @param spreadMs over which they come; 0: all at once. In the order in which they come */
export function crowdOf(dice: Dice, size: number, spreadMs: number): Errand[] {
  const recipients: string[] = []
  const errands = Array.from({ length: size }, (_, number): Errand[] => {
    const [isNamed, hasKey] = dice.pick([
      [true, true],
      [true, true],
      [true, true],
      [true, false],
      [true, false],
      [false, true],
      [false, true],
      [false, false],
    ] as const)
    const isGreedy = isNamed && recipients.length > 0 && dice.chance(0.1)
    const recipient = isGreedy ? dice.pick(recipients) : isNamed ? `회원-${number}` : null
    if (recipient !== null && !isGreedy) recipients.push(recipient)
    const errand: Errand = {
      request: `r${number}`,
      recipient,
      idempotencyKey: hasKey ? `idem-key-${number}` : null,
      atMs: spreadMs * dice.fraction(),
      ...(dice.chance(0.06) && { hangUpAfterMs: dice.whole(1, 20) }),
      ...(dice.chance(0.08) && { hangUpAfterMs: dice.whole(300, 3_000) }),
    }
    // A double click: at another server, at the same moment. With neither key nor recipient it would be another wish.
    const isTwice = (isNamed || hasKey) && dice.chance(0.08)
    return isTwice ? [errand, { ...errand, request: `${errand.request}-twice` }] : [errand]
  })
  return errands.flat().sort((a, b) => a.atMs - b.atMs)
}
