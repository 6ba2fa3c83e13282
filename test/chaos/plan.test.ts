// What a seed draws, and what it does not leave to chance.

import { expect, test } from 'vitest'
import { Dice } from './dice.ts'
import { Hand } from './fault.ts'
import { planRound } from './round.ts'

test('a seed draws the same rounds again, another one others', () => {
  const plan = (seed: string) =>
    JSON.stringify([1, 2, 3].map((number) => planRound(new Dice(seed).of(`${number}`), number)))
  expect(plan('a')).toBe(plan('a'))
  expect(plan('a')).not.toBe(plan('b'))
})

test('a stream of its own does not depend on what others have drawn', () => {
  const [one, two] = [new Dice('seed'), new Dice('seed')]
  for (let drawn = 0; drawn < 10; drawn++) two.fraction()
  expect(one.of('x').fraction()).toBe(two.of('x').fraction())
  expect(one.of('x').fraction()).not.toBe(one.of('y').fraction())
})

test('dice are fair enough: both ends of a range, and everything between', () => {
  const dice = new Dice('fair')
  const drawn = new Set(Array.from({ length: 200 }, () => dice.whole(3, 7)))
  expect(drawn).toEqual(new Set([3, 4, 5, 6, 7]))
})

test('every crowd is larger than what there is for it, and holds every kind of caller', () => {
  const dice = new Dice('crowds')
  const campaigns = Array.from({ length: 20 }, (_, number) => planRound(dice.of(`${number}`), number).campaigns).flat()
  for (const { total, errands } of campaigns) expect(errands.length).toBeGreaterThan(total)
  const errands = campaigns.flatMap((campaign) => campaign.errands)
  const kinds = new Set(errands.map(({ recipient, idempotencyKey: key }) => `${recipient !== null} ${key !== null}`))
  expect(kinds.size).toBe(4)
  expect(errands.some(({ request }) => request.endsWith('-twice'))).toBe(true)
  // Nobody can tell two wishes with neither key nor recipient from one that was repeated.
  expect(
    errands.filter(
      (errand) => errand.request.endsWith('-twice') && errand.recipient === null && errand.idempotencyKey === null,
    ),
  ).toEqual([])
})

test('a hand deals every kind before it deals one again, and counts what really happened', async () => {
  const dealt: string[] = []
  const over = new AbortController()
  const tally = new Map<string, number>()
  const faults = ['a', 'b', 'c', 'd'].map((name, index) => ({
    name,
    strike: async () => {
      dealt.push(name)
      if (dealt.length === 8) over.abort()
      return index
    },
  }))
  await new Hand(faults, new Dice('hand'), tally, 0).deal(over.signal)
  expect(dealt.slice(0, 4).sort()).toEqual(['a', 'b', 'c', 'd'])
  expect(dealt.slice(4).sort()).toEqual(['a', 'b', 'c', 'd'])
  expect(Object.fromEntries(tally)).toEqual({ a: 0, b: 2, c: 4, d: 6 })
})

test('what a hand deals, and what each fault draws, does not depend on how often the ones before really happened', async () => {
  const dealt = async (count: () => number) => {
    const drawn: string[] = []
    const over = new AbortController()
    const faults = ['a', 'b', 'c'].map((name) => ({
      name,
      strike: async (dice: Dice) => {
        drawn.push(`${name} ${dice.fraction()}`)
        if (drawn.length === 9) over.abort()
        return count()
      },
    }))
    await new Hand(faults, new Dice('seed'), new Map(), 0).deal(over.signal)
    return drawn
  }
  expect(await dealt(() => 1)).toEqual(await dealt(() => Math.floor(Math.random() * 100)))
})
