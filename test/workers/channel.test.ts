// What a worker makes of what its primary says.

import { expect, test } from 'vitest'
import { Channel } from '../../src/workers/channel.ts'
import type { PrimaryLink } from '../../src/workers/cluster.ts'
import { LEAVE_MS_MAX, TEXT_MS_MAX } from '../../src/workers/limits.ts'
import type { ToPrimary, ToWorker } from '../../src/workers/messages.ts'
import { ManualClock } from '../manual-clock.ts'

function open() {
  const clock = new ManualClock()
  const told: ToPrimary[] = []
  let says: (message: ToWorker) => void = () => {}
  let isLost = () => {}
  const link: PrimaryLink = {
    tell: async (message) => void told.push(message),
    attend(hear, lost) {
      says = hear
      isLost = lost
    },
    close: () => {},
  }
  const channel = new Channel(link, clock)
  const obeyed: unknown[] = []
  const orders = {
    end: (order: object) => void obeyed.push(order),
    lost: () => void obeyed.push('lost'),
    numbers: async () => ({ service: [], process: [] }),
  }
  return { channel, clock, told, obeyed, orders, says: (message: ToWorker) => says(message), lose: () => isLost() }
}

test('what was ordered before it could be obeyed is obeyed then', async () => {
  const { channel, clock, told, obeyed, orders, says, lose } = open()
  says({ is: 'begin', number: 2, listensFirst: false })
  expect(await channel.begun).toMatchObject({ number: 2, listensFirst: false })
  says({ is: 'end', drains: true, isReplaced: false })
  says({ is: 'tell numbers', id: 4 })
  lose()
  await clock.pass(0)
  expect([obeyed, told]).toEqual([[], []])
  channel.obey(orders)
  await clock.pass(0)
  expect(obeyed).toEqual(expect.arrayContaining([{ is: 'end', drains: true, isReplaced: false }, 'lost']))
  expect(told).toEqual([{ is: 'opened' }, { is: 'numbers', id: 4, numbers: { service: [], process: [] } }])
})

test('who leaves waits until nothing more is on its way, and not for ever', async () => {
  const { channel, clock, told, says } = open()
  let hasLeft = false
  const left = channel.leave().then(() => (hasLeft = true))
  expect(told).toEqual([{ is: 'leaves' }])
  await clock.pass(LEAVE_MS_MAX - 1)
  expect(hasLeft).toBe(false)
  says({ is: 'has left' })
  await left

  const other = open()
  const unheard = other.channel.leave()
  await other.clock.pass(LEAVE_MS_MAX)
  await unheard
})

test('the text of all: each who asks gets its own, or none in time', async () => {
  const { channel, clock, told, says } = open()
  const [first, second] = [channel.textOfAll(), channel.textOfAll()]
  const ids = told.map((message) => (message.is === 'ask text' ? message.id : null))
  says({ is: 'text', id: ids[1] as number, text: 'second' })
  expect(await second).toBe('second')
  await clock.pass(TEXT_MS_MAX)
  expect(await first).toBeNull()
  // Too late: nobody waits.
  says({ is: 'text', id: ids[0] as number, text: 'first' })
})
