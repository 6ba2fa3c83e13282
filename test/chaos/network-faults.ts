// What a network does between the servers and one of their stores.

import { setTimeout as pause } from 'node:timers/promises'
import type { Dice } from './dice.ts'
import type { Fault } from './fault.ts'
import { CALM, type FaultProxy, type ProxyCounts, type Weather } from './fault-proxy.ts'

/** @param store in the faults' names */
export function networkFaults(store: string, proxy: FaultProxy): Fault[] {
  const counted = async (what: keyof ProxyCounts, work: () => Promise<void>): Promise<number> => {
    const before = proxy.counts[what]
    await work()
    return proxy.counts[what] - before
  }
  const spell = (name: string, what: keyof ProxyCounts, weather: (dice: Dice) => Weather): Fault => ({
    name: `${store}: ${name}`,
    strike: (dice) =>
      counted(what, async () => {
        proxy.weather(weather(dice))
        await pause(dice.whole(300, 2_500))
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
  return dice.pick([0.005, 0.02, 0.1, 0.4])
}
