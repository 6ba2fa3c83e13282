// A process that may open few files, and more callers than that.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { spawnGuarded } from '../servers/guarded.ts'
import { answered, call, createCampaign, issue } from './server-process.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

test('connections leave it the files it needs; the longest idle go, and issuing goes on', async () => {
  const server = await spawnGuarded('sh', ['-c', 'ulimit -n 260 && exec "$0" "$1" serve', process.execPath, MAIN], {
    env: { PATH: process.env['PATH'], PORT: '0', DRAIN_MS: '0', SQLITE_PATH: ':memory:' },
  })
  onTestFinished(() => server.close())
  const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)/)
  await server.waitForOutput(/^Ready\.$/m)
  const { id } = await createCampaign(url, { total_coupons: 1_000 })

  const { hostname, port } = new URL(url)
  const idle: Socket[] = []
  onTestFinished(() => idle.forEach((socket) => socket.destroy()))
  for (let count = 0; count < 400; count++) {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    idle.push(socket)
    await once(socket, 'connect')
    if (count % 20 === 0) expect((await answered(issue(url, id, { recipient: `r${count}` }))).status).toBe(201)
  }
  await server.waitForOutput(/"connections":60,.*all connections are taken/)
  expect((await answered(call(`${url}/readyz`))).body).toMatchObject({ database: 'up' })
  expect(server.running).toBe(true)
  for (const socket of idle.slice(0, 100)) if (!socket.closed) await once(socket, 'close')
})
