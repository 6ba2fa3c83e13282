import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CALM, openFaultProxy, type FaultProxy } from './fault-proxy.ts'

/** What the server behind it has heard, and says back. */
let heard = ''
let echo: Server
let proxy: FaultProxy
const sockets: Socket[] = []

beforeEach(async () => {
  heard = ''
  echo = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      heard += String(bytes)
      socket.write(bytes)
    })
  })
  await new Promise<void>((resolve) => void echo.listen(0, '127.0.0.1', resolve))
  proxy = await openFaultProxy(urlOf(echo), () => 0.5)
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await proxy.close()
  await new Promise<void>((resolve) => void echo.close(() => resolve()))
})

function urlOf(server: Server): string {
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}/7`
}

/** Connected, and asked once: the server behind knows it. */
async function client(): Promise<Socket> {
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1').on('error', () => {})
  sockets.push(socket)
  expect(await ask(socket, 'hello')).toBe('hello')
  return socket
}

/** The reply, or 'closed'. */
function ask(socket: Socket, text: string): Promise<string> {
  const reply = Promise.withResolvers<string>()
  socket.once('data', (bytes) => reply.resolve(String(bytes)))
  socket.once('close', () => reply.resolve('closed'))
  socket.write(text)
  return reply.promise
}

test('in calm weather everything comes through, and the end of one side ends the other', async () => {
  const socket = await client()
  expect(proxy.url).toMatch(/^redis:\/\/127\.0\.0\.1:\d+\/7$/)
  const long = 'x'.repeat(3_000_000)
  let length = 0
  socket.on('data', (bytes) => (length += bytes.length))
  socket.write(long)
  await expect.poll(() => length).toBe(long.length)
  socket.end()
  await once(socket, 'close')
})

test('a dropped request never reaches the server', async () => {
  const socket = await client()
  proxy.weather({ ...CALM, dropRequest: 1 })
  expect(await ask(socket, 'lost')).toBe('closed')
  proxy.weather(CALM)
  await client()
  expect(heard).toBe('hellohello')
  expect(proxy.counts).toMatchObject({ connections: 2, requestsDropped: 1, repliesDropped: 0 })
})

test('a dropped reply: the server has heard the request', async () => {
  const socket = await client()
  proxy.weather({ ...CALM, dropReply: 1 })
  expect(await ask(socket, ' done')).toBe('closed')
  expect(heard).toBe('hello done')
  expect(proxy.counts).toMatchObject({ requestsDropped: 0, repliesDropped: 1 })
})

test('what is late keeps its order', async () => {
  const socket = await client()
  proxy.weather({ ...CALM, delay: 1, delayMsMax: 20 })
  let text = ''
  socket.on('data', (bytes) => (text += String(bytes)))
  for (const piece of ['a', 'b', 'c', 'd']) {
    socket.write(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await expect.poll(() => text).toBe('abcd')
  expect(proxy.counts.delays).toBeGreaterThanOrEqual(2)
})

test('a black hole swallows without a word; after it, who lost bytes stays mute and others go on', async () => {
  const [loser, other] = [await client(), await client()]
  const hole = Promise.withResolvers<void>()
  const over = proxy.blackHole(hole.promise)
  loser.write('swallowed')
  await expect.poll(() => proxy.counts.swallowed).toBe(1)
  const late = connect(Number(new URL(proxy.url).port), '127.0.0.1')
  sockets.push(late)
  late.write('let in and mute')
  await expect.poll(() => proxy.counts.swallowed).toBe(2)
  hole.resolve()
  await over
  expect(await ask(other, 'still here')).toBe('still here')
  expect(heard).toBe('hellohellostill here')
  loser.write('again')
  await client()
  expect([loser.destroyed, heard]).toEqual([false, 'hellohellostill herehello'])
})

test('in a black hole the server does not learn that its client has gone; afterwards it does', async () => {
  const [behind] = [once(echo, 'connection') as Promise<[Socket]>]
  const socket = await client()
  const [served] = await behind
  const hole = Promise.withResolvers<void>()
  const over = proxy.blackHole(hole.promise)
  socket.destroy()
  await once(socket, 'close')
  await new Promise((resolve) => setImmediate(resolve))
  expect(served.destroyed).toBe(false)
  const gone = once(served, 'close')
  hole.resolve()
  await Promise.all([over, gone])
})

test('all are cut at once; new ones go where it points to', async () => {
  const [one, two] = [await client(), await client()]
  const gone = Promise.all([once(one, 'close'), once(two, 'close')])
  proxy.cutAll()
  await gone
  expect(proxy.counts.cut).toBe(2)
  const other = createServer((socket) => socket.end('other'))
  await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve))
  proxy.pointTo(urlOf(other))
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1')
  expect(await ask(socket, '')).toBe('other')
  await new Promise<void>((resolve) => void other.close(() => resolve()))
})

test('a server that is away: the client is let in and closed', async () => {
  proxy.pointTo('redis://127.0.0.1:1')
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1').on('error', () => {})
  sockets.push(socket)
  expect(await ask(socket, 'anybody?')).toBe('closed')
})
