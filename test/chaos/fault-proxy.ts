// A TCP proxy that does to a connection what networks do: loses what was sent or what was replied, is late, swallows
// everything without a word, or breaks off. It looks at no protocol: a request is what comes from the client in one piece.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Weather {
  /** Of each piece from the client: the connection is cut in front of it. */
  readonly dropRequest: number
  /** Of each piece from the client: it is forwarded, and the connection is cut in front of the next reply. */
  readonly dropReply: number
  /** Of each piece, either way. What follows it waits behind it. */
  readonly delay: number
  readonly delayMsMax: number
}

export const CALM: Weather = { dropRequest: 0, dropReply: 0, delay: 0, delayMsMax: 0 }

/** What has really happened, since it was opened. */
export interface ProxyCounts {
  readonly connections: number
  readonly requestsDropped: number
  readonly repliesDropped: number
  readonly delays: number
  /** Connections that lost bytes in a black hole. They stay open and mute: their stream cannot go on. */
  readonly swallowed: number
  readonly cut: number
}

export interface FaultProxy extends AsyncDisposable {
  /** The URL given, by way of the proxy. */
  readonly url: string
  readonly counts: ProxyCounts
  weather(weather: Weather): void
  /** Until resolved: bytes vanish both ways, and nobody learns of the other's end. New connections are let in, and mute. */
  blackHole(until: Promise<unknown>): Promise<void>
  cutAll(): void
  /** For connections to come; those that there are stay with the old one. */
  pointTo(url: string): void
  close(): Promise<void>
}

/** @param fraction 0 ≤ … < 1, drawn for each piece */
export async function openFaultProxy(url: string, fraction: () => number): Promise<FaultProxy> {
  const counts = { connections: 0, requestsDropped: 0, repliesDropped: 0, delays: 0, swallowed: 0, cut: 0 }
  const links = new Set<Link>()
  let target = new URL(url)
  let weather = CALM
  let holes = 0

  const forward = (link: Link, from: Socket, to: Socket, bytes: Buffer): void => {
    if (holes > 0 || link.isMute) {
      if (!link.isMute) counts.swallowed++
      link.isMute = true
      return
    }
    if (from === link.client) {
      if (fraction() < weather.dropRequest) {
        counts.requestsDropped++
        return link.cut()
      }
      if (fraction() < weather.dropReply) link.losesReply = true
    } else if (link.losesReply) {
      counts.repliesDropped++
      return link.cut()
    }
    if (fraction() >= weather.delay) return pass(from, to, bytes)
    counts.delays++
    from.pause()
    setTimeout(() => {
      from.resume()
      pass(from, to, bytes)
    }, fraction() * weather.delayMsMax)
  }

  const server = createServer((client) => {
    counts.connections++
    const link = new Link(client, connect(Number(target.port), target.hostname))
    links.add(link)
    for (const [from, to] of [
      [link.client, link.behind],
      [link.behind, link.client],
    ] as const) {
      from.setNoDelay()
      from.on('data', (bytes: Buffer) => forward(link, from, to, bytes))
      from.on('error', () => {})
      from.on('close', () => {
        if (holes > 0) return
        to.destroySoon()
        links.delete(link)
      })
    }
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const through = new URL(url)
  through.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    for (const link of links) link.cut()
    return new Promise<void>((resolve) => void server.close(() => resolve()))
  }
  return {
    url: through.href,
    counts,
    weather(next) {
      weather = next
    },
    async blackHole(until) {
      holes++
      try {
        await until
      } finally {
        holes--
        for (const link of links) {
          if (!link.isBroken) continue
          link.cut()
          links.delete(link)
        }
      }
    },
    cutAll() {
      counts.cut += links.size
      for (const link of links) link.cut()
    },
    pointTo(next) {
      target = new URL(next)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Whoever sends faster than the other side reads waits, as without a proxy. */
function pass(from: Socket, to: Socket, bytes: Buffer): void {
  if (to.write(bytes) || to.destroyed) return
  from.pause()
  to.once('drain', () => from.resume())
}

class Link {
  readonly client: Socket
  readonly behind: Socket
  isMute = false
  losesReply = false

  constructor(client: Socket, behind: Socket) {
    this.client = client
    this.behind = behind
  }

  get isBroken(): boolean {
    return this.client.destroyed || this.behind.destroyed
  }

  cut(): void {
    this.client.destroy()
    this.behind.destroy()
  }
}
