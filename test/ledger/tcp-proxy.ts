// A proxy that can fall silent: connections stay open, and nothing comes through any more.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpProxy {
  /** The URL given, by way of the proxy. */
  readonly url: string
  freeze(): void
  thaw(): void
  close(): Promise<void>
}

export async function openTcpProxy(url: string): Promise<TcpProxy> {
  const target = new URL(url)
  const pairs: [Socket, Socket][] = []
  let frozen = false
  const server = createServer({ pauseOnConnect: true }, (client) => {
    const behind = connect(Number(target.port), target.hostname)
    pairs.push([client, behind])
    for (const [from, to] of [
      [client, behind],
      [behind, client],
    ] as const) {
      from.on('data', (bytes) => void to.write(bytes))
      from.on('error', () => {})
      from.on('close', () => to.destroy())
      if (frozen) from.pause()
      else from.resume()
    }
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const through = new URL(url)
  through.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: through.href,
    freeze() {
      frozen = true
      for (const socket of pairs.flat()) socket.pause()
    },
    thaw() {
      frozen = false
      for (const socket of pairs.flat()) socket.resume()
    },
    close() {
      for (const socket of pairs.flat()) socket.destroy()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}
