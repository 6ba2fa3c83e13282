// A TCP proxy that makes what is behind it far away, in a process of its own: what the client sends arrives later, as it came,
// and replies come at once, so that a round trip takes as much longer as it says.
//
//   node bench/far-proxy.ts URL MS

import { connect, createServer, type AddressInfo } from 'node:net'

const [targetText = '', msText = ''] = process.argv.slice(2)
const target = new URL(targetText)
const delayMs = Number(msText)

const server = createServer({ noDelay: true }, (client) => {
  const behind = connect({ port: Number(target.port), host: target.hostname, noDelay: true })
  // Timers of one length fire in the order in which they were set.
  client.on('data', (bytes) => void setTimeout(() => behind.write(bytes), delayMs))
  behind.pipe(client)
  for (const [one, other] of [
    [client, behind],
    [behind, client],
  ] as const) {
    one.on('error', () => {})
    one.on('close', () => other.destroy())
  }
}).listen(0, '127.0.0.1', () => {
  const here = new URL(target)
  here.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  console.log(`listens on ${here.href}`)
})
