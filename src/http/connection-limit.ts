// So many connections and no more: each costs memory and a file of the process, and a process without files can reach its
// database no more. When all are taken, the one goes that has been of no use for longest.

import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { isAtWork } from './connections.ts'

/** Connections looked at for one that rests, those first that have not asked for longest: a request takes seconds at most. */
const LOOKED_AT_MAX = 1_000

/** It has asked again since it was put where it is among those who asked. */
const AGAIN = Symbol('asked again')

interface Connection extends Socket {
  [AGAIN]?: boolean
}

/** @param crowded called for each connection that is closed for a new one, or turned away because all are at work */
export function limitConnections(app: FastifyInstance, connectionsMax: number, crowded: () => void): void {
  /** Have not sent one whole request head yet; the oldest first. */
  const silent = new Set<Connection>()
  /** The others. In the order of their last requests only as far as somebody had to look: a rush pays for a mark and no more. */
  const asking = new Set<Connection>()

  const forget = (socket: Connection) => {
    silent.delete(socket)
    asking.delete(socket)
  }

  app.server.on('connection', (socket: Connection) => {
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
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const socket: Connection = raw.socket
    if (socket[AGAIN] !== undefined) socket[AGAIN] = true
    else if (silent.delete(socket)) {
      asking.add(socket)
      socket[AGAIN] = false
    }
    done()
  })
}

function restingOf(asking: Set<Connection>): Socket | null {
  let looked = 0
  for (const socket of asking) {
    if (socket[AGAIN] !== true && !isAtWork(socket)) return socket
    // Behind those who may rest.
    socket[AGAIN] = false
    asking.delete(socket)
    asking.add(socket)
    if (++looked === LOOKED_AT_MAX) return null
  }
  return null
}
