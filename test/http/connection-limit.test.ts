// When all connections are taken: who goes, and who stays.

import { afterEach, expect, test } from 'vitest'
import type { IssueCall, Issuer, Outcome } from '../../src/issue/outcome.ts'
import { NEW_CAMPAIGN } from './new-campaign.ts'
import { openServer } from './open-server.ts'
import { listen, openClient, request, type RawClient } from './raw-client.ts'

const COUPONS = '/v1/campaigns/c/coupons'
const clients: RawClient[] = []

afterEach(() => {
  for (const { socket } of clients.splice(0)) socket.destroy()
})

async function open(connectionsMax: number, issuer?: Issuer) {
  const server = await openServer({ connectionsMax, ...(issuer !== undefined && { issuer }) })
  const port = await listen(server.app)
  await server.app.inject({ method: 'POST', url: '/v1/campaigns', payload: { ...NEW_CAMPAIGN, id: 'c' } })
  const client = async () => {
    const one = await openClient(port)
    clients.push(one)
    return one
  }
  return { ...server, client }
}

async function asked({ write, replies }: RawClient): Promise<number | undefined> {
  write(request('GET', '/livez'))
  return (await replies(1))[0]?.status
}

test('those who never said a word go first, the oldest before the others', async () => {
  const { client, logged } = await open(4)
  const rested = await client()
  expect(await asked(rested)).toBe(200)
  const [first, second, third] = [await client(), await client(), await client()] as const
  const late = await client()
  await first.closed()
  expect(await Promise.all([late, second, third, rested].map(asked))).toEqual([200, 200, 200, 200])
  expect(logged).toMatchObject([{ connections: 4, closed: 1 }])
})

test('then those who were idle for longest', async () => {
  const { client } = await open(3)
  const [a, b, c] = [await client(), await client(), await client()] as const
  for (const one of [a, b, c, a]) expect(await asked(one)).toBe(200)
  const late = await client()
  await b.closed()
  expect(await Promise.all([late, a, c].map(asked))).toEqual([200, 200, 200])
})

test('nobody who is being served: when all are, the new one goes', async () => {
  const answers: ((outcome: Outcome) => void)[] = []
  let wake = () => {}
  const issue = (_call: IssueCall) => {
    wake()
    return new Promise<Outcome>((resolve) => answers.push(resolve))
  }
  const { client } = await open(2, { issue, isIdle: true })
  const busy = [await client(), await client()]
  for (const one of busy) {
    const arrived = new Promise<void>((resolve) => (wake = resolve))
    one.write(request('POST', COUPONS, {}).repeat(1))
    await arrived
  }
  await (await client()).closed()
  for (const answer of answers) answer({ code: 'sold_out' })
  for (const one of busy) expect((await one.replies(1))[0]?.status).toBe(409)
  // Now they rest, and make room.
  expect(await asked(await client())).toBe(200)
})

test('of pipelined requests the last one counts', async () => {
  const answers: ((outcome: Outcome) => void)[] = []
  let wake = () => {}
  const issue = (_call: IssueCall) => {
    wake()
    return new Promise<Outcome>((resolve) => answers.push(resolve))
  }
  const { client } = await open(1, { issue, isIdle: true })
  const busy = await client()
  const arrived = new Promise<void>((resolve) => (wake = resolve))
  busy.write(request('GET', '/livez') + request('POST', COUPONS, {}))
  await arrived
  expect((await busy.replies(1))[0]?.status).toBe(200)
  await (await client()).closed()
  answers[0]?.({ code: 'sold_out' })
  expect((await busy.replies(1))[0]?.status).toBe(409)
})
