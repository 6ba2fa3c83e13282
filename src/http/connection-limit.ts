// So many connections and no more: each costs memory and a file of the process, and a process without files can reach its
// database no more. When all are taken, the one goes that has been of no use for longest.

import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { isAtWork } from './connections.ts'

/** Connections looked at for one that rests, those first that have not asked for longest: a request takes seconds at most. */
const LOOKED_AT_MAX = 1_000

/** @param crowded called for each connection that is closed for a new one, or turned away because all are at work */
export function limitConnections(server: Server, connectionsMax: number, crowded: () => void): void {
  /** Have not sent one whole request head yet; the oldest first. */
  const silent = new Set<Socket>()
  /** The others; whose last request is the oldest first. */
  const asking = new Set<Socket>()

  const forget = (socket: Socket) => {
    silent.delete(socket)
    asking.delete(socket)
  }

  server.on('connection', (socket: Socket) => {
    if (silent.size + asking.size >= connectionsMax) {
      const [oldestSilent] = silent
      const useless = oldestSilent ?? restingOf(asking) ?? socket
      // Before it is really gone: others may come in the same instant.
      forget(useless)
      useless.destroy()
      crowded()
      if (useless === socket) return
    }
    silent.add(socket)
    socket.once('close', () => forget(socket))
  })
  server.on('request', ({ socket }: IncomingMessage) => {
    // Gone already, it would stay for ever.
    if (socket.destroyed) return
    silent.delete(socket)
    // To the end. A listener for the end of each reply would cost a rush a tenth of its rate.
    asking.delete(socket)
    asking.add(socket)
  })
}

function restingOf(asking: Set<Socket>): Socket | null {
  let looked = 0
  for (const socket of asking) {
    if (!isAtWork(socket)) return socket
    // Behind those who may rest.
    asking.delete(socket)
    asking.add(socket)
    if (++looked === LOOKED_AT_MAX) return null
  }
  return null
}
