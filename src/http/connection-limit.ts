// So many connections and no more: each costs memory and a file of the process, and a process without files can reach its
// database no more. When all are taken, the one goes that has been of no use for longest.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** @param crowded called for each connection that is closed for a new one, or turned away because all are at work */
export function limitConnections(server: Server, connectionsMax: number, crowded: () => void): void {
  const open = new Set<Socket>()
  /** Have not sent one whole request head yet; the oldest first. */
  const silent = new Set<Socket>()
  /** Everything is answered; those that wait for longest first. */
  const resting = new Set<Socket>()
  const newest = new WeakMap<Socket, ServerResponse>()

  const forget = (socket: Socket) => {
    open.delete(socket)
    silent.delete(socket)
    resting.delete(socket)
  }

  server.on('connection', (socket: Socket) => {
    if (open.size >= connectionsMax) {
      const [useless = socket] = silent.size > 0 ? silent : resting
      // Before it is really gone: others may come in the same instant.
      forget(useless)
      useless.destroy()
      crowded()
      if (useless === socket) return
    }
    open.add(socket)
    silent.add(socket)
    socket.once('close', () => forget(socket))
  })
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    silent.delete(socket)
    resting.delete(socket)
    // Of requests that were pipelined the last one is answered last.
    newest.set(socket, response)
    response.once('close', () => {
      if (newest.get(socket) === response && open.has(socket)) resting.add(socket)
    })
  })
}
