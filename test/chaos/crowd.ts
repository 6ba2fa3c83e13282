// Who comes to a campaign, and how they ask: by recipient, by key, with both or with neither; some twice at once, some hang
// up at once and ask again elsewhere, some want a second coupon under another key.

import type { Dice } from './dice.ts'

export interface Errand {
  /** What this one wants once. */
  readonly request: string
  readonly recipient: string | null
  readonly key: string | null
  /** After the crowd has begun to come. */
  readonly atMs: number
  /** A double click: another call at the same moment, at another server. */
  readonly isTwice: boolean
  /** Of each call, in their order; the last one holds for all that follow. */
  readonly patienceMs: readonly number[]
}

/** A service gives up by itself before that. */
const PATIENCE_MS = 10_000

/** @param spreadMs over which they come; 0: all at once */
export function crowdOf(dice: Dice, size: number, spreadMs: number): Errand[] {
  const recipients: string[] = []
  const errands = Array.from({ length: size }, (_, number): Errand => {
    const request = `r${number}`
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
    return {
      request,
      recipient,
      key: hasKey ? `key-${number}` : null,
      atMs: spreadMs * dice.fraction(),
      // With neither key nor recipient that would be two wishes.
      isTwice: (isNamed || hasKey) && dice.chance(0.08),
      patienceMs: patienceOf(dice),
    }
  })
  return errands.sort((a, b) => a.atMs - b.atMs)
}

function patienceOf(dice: Dice): number[] {
  if (dice.chance(0.06)) return [dice.whole(1, 20), PATIENCE_MS]
  if (dice.chance(0.1)) return [dice.whole(300, 3_000), dice.whole(300, 3_000), PATIENCE_MS]
  return [PATIENCE_MS]
}
