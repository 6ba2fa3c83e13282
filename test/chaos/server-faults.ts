// What happens to servers.

import { setTimeout as pause } from 'node:timers/promises'
import type { Fault } from './fault.ts'
import type { Stage } from './stage.ts'

export function serverFaults({ fleet }: Stage): Fault[] {
  const ended = (name: string, signal: 'SIGKILL' | 'SIGTERM'): Fault => ({
    name: `server: ${name}`,
    async strike(dice) {
      const victim = dice.pick(fleet.members)
      await victim.end(signal)
      await pause(dice.whole(0, 1_500))
      // It is ready when it has reached the database, which may be away.
      await victim.start(false)
      return 1
    },
  })
  return [
    ended('killed', 'SIGKILL'),
    ended('ended in order', 'SIGTERM'),
    {
      name: 'server: stopped for a while',
      async strike(dice) {
        const victim = dice.pick(fleet.members)
        await victim.pause()
        await pause(dice.whole(1_000, 6_000))
        victim.resume()
        return 1
      },
    },
    {
      name: 'server: one of its workers killed',
      async strike(dice) {
        const workers = fleet.members.flatMap((member) => member.workers)
        if (workers.length === 0) return 0
        process.kill(dice.pick(workers), 'SIGKILL')
        return 1
      },
    },
    {
      name: 'server: workers replaced one by one',
      async strike() {
        return fleet.members.filter((member) => member.replaceWorkers()).length
      },
    },
  ]
}
