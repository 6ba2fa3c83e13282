// The proxies' files of deploy/: what was sent and got no reply goes to another server if it carries a key, and never else.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startProxy, type ProxyKind } from './proxies.ts'
import type { TestServer } from './server.ts'

interface Behind {
  readonly url: string
  /** Of POSTs, what they carried. */
  readonly seen: string[]
  close(): void
}

/** Answers whether it is ready, and has its own way with everything else. */
async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Behind> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    if (request.method === 'GET') return void response.end('{}')
    request.resume().on('end', () => {
      seen.push(`${request.headers['x-number'] as string} ${request.headers['x-forwarded-for'] as string}`)
      answer(request, response)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close }
}

describe.each<ProxyKind>(['haproxy', 'nginx'])('%s', (kind) => {
  let dying: Behind
  let well: Behind
  let proxy: TestServer
  beforeEach(async () => {
    dying = await listen((request) => request.socket.destroy())
    well = await listen((_request, response) => void response.writeHead(201).end('{}'))
    proxy = await startProxy(kind, [dying.url, well.url])
  })
  afterEach(async () => {
    await proxy?.close()
    dying.close()
    well.close()
  })

  /** Two, so that each server gets one first. @returns their statuses */
  const post = async (headers: Record<string, string>) => {
    const statuses: number[] = []
    for (const number of ['1', '2']) {
      const response = await fetch(`${proxy.url}/v1/campaigns/hello/coupons`, {
        method: 'POST',
        body: JSON.stringify({ recipient: number }),
        headers: { 'content-type': 'application/json', 'x-number': number, ...headers },
      })
      await response.text()
      statuses.push(response.status)
    }
    return statuses
  }

  test('a call with a key that got no reply is sent to another server', async () => {
    expect(await post({ 'idempotency-key': 'a key of its own' })).toEqual([201, 201])
    expect(dying.seen.length).toBeGreaterThan(0)
    expect(well.seen).toEqual(expect.arrayContaining(['1 127.0.0.1', '2 127.0.0.1']))
  })

  test('one without is not: it may be done', async () => {
    const statuses = await post({})
    expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 502])
    expect([...dying.seen, ...well.seen].toSorted()).toEqual(['1 127.0.0.1', '2 127.0.0.1'])
  })
})
