// One of several processes that serve at one address: it begins and ends when its primary says so.

import { Server } from 'node:net'
import { Fault } from '../../answers.ts'
import type { Config } from '../../config.ts'
import { systemClock } from '../../host.ts'
import { openLog } from '../../telemetry/log.ts'
import { openService, type Service } from '../../wire.ts'
import { Channel } from '../../workers/channel.ts'
import { linkToPrimary } from '../../workers/cluster.ts'
import { endInOrder } from './ladder.ts'
import { listen, prepare } from './listening.ts'

export async function serveAsWorker(config: Config): Promise<void> {
  const channel = new Channel(linkToPrimary(), systemClock)
  const { number, listensFirst } = await channel.begun
  try {
    const log = openLog(config.logLevel, { worker: number, pid: process.pid })
    const service = await openService(config, log, async () => {
      const text = await channel.textOfAll()
      if (text === null) throw new Fault('unavailable', 'the numbers of all workers did not come in time')
      return text
    })
    const end = endInOrder(config, service, log, {
      leaves: ['SIGINT', 'SIGTERM', 'SIGHUP'],
      beforeDraining: async () => {
        if (service.lifecycle.isReplaced) await stopListening(service, channel)
      },
      lastly: async () => channel.farewell(await service.numbers()),
    })
    leaveSignalsTo(channel)
    channel.obey({
      end({ drains, isReplaced }) {
        service.lifecycle.isReplaced = isReplaced
        end({ why: isReplaced ? 'replaced' : 'all are ending', drains })
      },
      lost: () => end({ why: 'the primary is gone', drains: false }),
      numbers: () => service.numbers(),
    })
    await begin(service, config, channel, listensFirst)
  } catch (error) {
    // Or the process would wait for its primary.
    channel.close()
    throw error
  }
}

async function begin(service: Service, config: Config, channel: Channel, listensFirst: boolean): Promise<void> {
  if (listensFirst) channel.listening(await listen(service, config))
  await prepare(service)
  // Who waited for a database until it was told to end.
  if (service.lifecycle.isDraining) return
  if (!listensFirst) channel.listening(await listen(service, config))
  channel.ready(service.isOpen)
}

/** The others take all that comes. Callers who are here are served on, and go at their next reply. */
async function stopListening({ app }: Service, channel: Channel): Promise<void> {
  // Not as the HTTP server would: it closes connections that rest, and somebody may be about to ask over one.
  Server.prototype.close.call(app.server)
  // Killed on its way to a process that has ended, a connection would be lost, or held by nobody for ever.
  await channel.leave()
}

/** Ctrl-C, a terminal that closes and a supervisor reach all processes: the primary knows what is to become of this one. */
function leaveSignalsTo(channel: Channel): void {
  let isAsked = false
  process.on('SIGINT', () => {}).on('SIGHUP', () => {})
  process.on('SIGTERM', () => {
    if (isAsked) process.exit(1)
    isAsked = true
    channel.askedToEnd()
  })
}
