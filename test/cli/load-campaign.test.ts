// The campaign of a load, where clocks do not agree and where a start is far ahead.

import { expect, test } from 'vitest'
import { Api } from '../../src/cli/api.ts'
import { findCampaign, makeCampaign } from '../../src/cli/load/campaign.ts'
import { readWish } from '../../src/cli/load/wish.ts'
import { readClientConfig } from '../../src/config.ts'
import { openServer } from './run-firstcome.ts'

const HOUR_MS = 3_600_000

/** A server whose clock is ahead of ours, and what was asked of it. */
async function openClock(aheadMs: number, startTimeMs?: number) {
  const starts: number[] = []
  let deleted = 0
  const nowMs = () => Date.now() + aheadMs
  const fake = await openServer((request, response) => {
    if (request.method === 'DELETE') {
      deleted++
      response.writeHead(204).end()
      return
    }
    void (async () => {
      const text = Buffer.concat(await Array.fromAsync(request)).toString()
      const body = (text === '' ? {} : JSON.parse(text)) as { id?: string; start_time?: string }
      const startMs = startTimeMs ?? Date.parse(String(body.start_time))
      if (request.method === 'POST') starts.push(startMs - nowMs())
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(
        JSON.stringify({
          id: body.id ?? 'far',
          test: true,
          total_coupons: 1,
          issued_count: 0,
          start_time: new Date(startMs).toISOString(),
          server_time: new Date(nowMs()).toISOString(),
        }),
      )
    })()
  })
  const apis = [new Api(readClientConfig({ url: fake.url }))]
  return { apis, starts, deleted: () => deleted, [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose]() }
}

test.each([
  ['ahead of', HOUR_MS],
  ['behind', -HOUR_MS],
])('a server whose clock is %s ours: compared once, and the campaign starts when it should', async (_how, aheadMs) => {
  await using server = await openClock(aheadMs)
  const wish = readWish({
    coupons: '1',
    requests: '2',
    startsIn: '60s',
    recipients: 'unique',
    connections: '1',
    patience: '60s',
  })
  const ids = new Set<string>()
  const made = await makeCampaign(server.apis, wish, ids)
  // By the server's clock; a slow answer costs one more.
  expect(server.starts.length).toBeGreaterThan(1)
  expect(server.starts[1]).toBeGreaterThan(40_000)
  expect(server.starts[1]).toBeLessThan(61_000)
  expect(server.deleted()).toBe(server.starts.length - 1)
  const inMs = made.startsAtMs - Date.now()
  expect(inMs).toBeGreaterThan(40_000)
  expect(inMs).toBeLessThan(61_000)
  expect([...ids]).toEqual([made.campaign.id])
})

test('a campaign that starts in weeks is not waited for, by whatever clock', async () => {
  for (const aheadMs of [0, 30 * 24 * HOUR_MS]) {
    const nowMs = Date.now() + aheadMs
    await using far = await openClock(aheadMs, nowMs + 25 * 24 * HOUR_MS)
    await expect(findCampaign(far.apis, 'far', false)).rejects.toThrow(/^far starts at 20.* more than an hour to wait/)
    await using soon = await openClock(aheadMs, nowMs + HOUR_MS / 2)
    expect((await findCampaign(soon.apis, 'far', false)).startsAtMs).toBeLessThan(Date.now() + HOUR_MS)
  }
})
