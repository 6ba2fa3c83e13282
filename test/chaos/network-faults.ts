// What a network does between the servers and one of their stores.

import { setTimeout as pause } from 'node:timers/promises'
import type { Dice } from './dice.ts'
import type { Fault } from './fault.ts'
import { CALM, type FaultProxy, type ProxyCounts, type Weather } from './fault-proxy.ts'

const WAIT_MS = 100
/** Longer than the time between two signs of life of an idle connection. */
const WAITS_MAX = 25

/** @param store in the faults' names */
export function networkFaults(store: string, proxy: FaultProxy): Fault[] {
  const counted = async (what: keyof ProxyCounts, work: (before: number) => Promise<void>): Promise<number> => {
    const before = proxy.counts[what]
    await work(before)
    return proxy.counts[what] - before
  }
  const spell = (name: string, what: keyof ProxyCounts, weather: (dice: Dice) => Weather): Fault => ({
    name: `${store}: ${name}`,
    strike: (dice) =>
      counted(what, async (before) => {
        proxy.weather(weather(dice))
        await pause(dice.whole(300, 2_500))
        // Where little is sent: until it has hit something, or nothing comes at all.
        for (let waits = 0; proxy.counts[what] === before && waits < WAITS_MAX; waits++) await pause(WAIT_MS)
        proxy.weather(CALM)
      }),
  })
  return [
    spell('request lost', 'requestsDropped', (dice) => ({ ...CALM, dropRequest: often(dice) })),
    spell('reply lost', 'repliesDropped', (dice) => ({ ...CALM, dropReply: often(dice) })),
    spell('late', 'delays', (dice) => ({ ...CALM, delay: 0.1 + dice.fraction() / 2, delayMsMax: dice.whole(20, 400) })),
    {
      name: `${store}: connection mute`,
      strike: (dice) => counted('swallowed', () => proxy.blackHole(pause(dice.whole(300, 4_000)))),
    },
    { name: `${store}: connection cut`, strike: () => counted('cut', async () => proxy.cutAll()) },
  ]
}

/** Of the pieces sent: now and then, or so often that little gets through. */
function often(dice: Dice): number {
  return dice.pick([0.01, 0.03, 0.1, 0.4])
}
