// What a crowd sees of real server processes, over HTTP. The same for one process on SQLite and for several on MySQL.

import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answered,
  call,
  countReplies,
  createCampaign,
  issue,
  listCoupons,
  startServe,
  type Reply,
  type ServerProcess,
} from './server-process.ts'

/** @param servers how many processes @param open the environment they share, and what to do when they are gone */
export function rushSuite(
  name: string,
  servers: number,
  open: () => Promise<{ environment: Record<string, string>; close: () => Promise<void> }>,
): void {
  describe(name, () => {
    let processes: ServerProcess[] = []
    let close = async () => {}
    const url = (index: number) => (processes[index % processes.length] as ServerProcess).url

    beforeAll(async () => {
      const opened = await open()
      close = opened.close
      processes = await Promise.all(
        Array.from({ length: servers }, () =>
          startServe({ ...opened.environment, RECIPIENT_CALLS_PER_S: '0', CLIENT_READS_PER_S: '0' }),
        ),
      )
    })
    afterAll(async () => {
      await Promise.all(processes.map((process) => process.close()))
      await close()
    })

    const expectExactly = async (campaignId: string, total: number) => {
      const coupons = await listCoupons(url(0), campaignId)
      expect(coupons.map((coupon) => coupon['slot'])).toEqual(Array.from({ length: total }, (_, index) => index + 1))
      expect(new Set(coupons.map((coupon) => coupon['coupon_code'])).size).toBe(total)
      return coupons
    }

    test('300 requests at once for 100 coupons, 50 times: 100 × 201, 200 × sold_out, nothing else', async () => {
      for (let round = 0; round < 50; round++) {
        const { id } = await createCampaign(url(round), { total_coupons: 100 })
        const replies = await Promise.all(Array.from({ length: 300 }, (_, index) => issue(url(index), id)))
        expect(countReplies(replies)).toEqual({ '201': 100, '409 sold_out': 200 })
        await expectExactly(id, 100)
      }
    })

    test('20,000 requests for 10,000 coupons', async () => {
      const { id } = await createCampaign(url(0), { total_coupons: 10_000 })
      const replies: (Reply | null)[] = []
      await Promise.all(
        Array.from({ length: 256 }, async (_, caller) => {
          for (let number = caller; number < 20_000; number += 256) {
            replies.push(await issue(url(number), id, { recipient: `member-${number}` }))
          }
        }),
      )
      expect(countReplies(replies)).toEqual({ '201': 10_000, '409 sold_out': 10_000 })
      const stored = new Map((await expectExactly(id, 10_000)).map((coupon) => [coupon['coupon_code'], coupon]))
      for (const reply of replies) {
        if (reply?.status === 201)
          expect(stored.get(reply.body['coupon_code'])).toMatchObject({
            recipient: reply.body['recipient'],
            issued_at: reply.body['issued_at'],
          })
      }
    })

    test('a walk over the list during a rush never shows a coupon twice, and after the end it is whole', async () => {
      const total = 2_000
      const { id } = await createCampaign(url(0), { total_coupons: total })
      let isOver = false
      const rush = Promise.all(
        Array.from({ length: 64 }, async (_, caller) => {
          for (let number = caller; number < total + 500; number += 64) await issue(url(number), id)
        }),
      ).finally(() => (isOver = true))
      // Small pages, so that a walk takes long and the list grows under it.
      const walk = (server: number) => listCoupons(url(server), id, 50)
      const walks: Record<string, unknown>[][] = []
      const walker = async (server: number) => {
        while (!isOver) walks.push(await walk(server))
      }
      await Promise.all([rush, walker(0), walker(1)])
      for (const coupons of walks) {
        const slots = coupons.map((coupon) => Number(coupon['slot']))
        expect(slots).toEqual([...new Set(slots)].toSorted((a, b) => a - b))
        expect(new Set(coupons.map((coupon) => coupon['coupon_code'])).size).toBe(coupons.length)
      }
      expect(walks.some((coupons) => coupons.length > 0 && coupons.length < total)).toBe(true)
      expect((await walk(0)).map((coupon) => coupon['slot'])).toEqual(
        Array.from({ length: total }, (_, index) => index + 1),
      )
    })

    test('25 pipelined requests of one recipient in one write to every server at once: one coupon, one code', async () => {
      const { id } = await createCampaign(url(0), { total_coupons: 10, recipient_required: true })
      const body = JSON.stringify({ recipient: '김하나' })
      const replies = await pipelined(
        id,
        `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      )
      expect(replies.filter((status) => status === 201)).toHaveLength(1)
      expect(await listCoupons(url(0), id)).toHaveLength(1)
    })

    test('25 pipelined requests with one Idempotency-Key and no recipient: one coupon, one code', async () => {
      const { id } = await createCampaign(url(0), { total_coupons: 10 })
      const replies = await pipelined(id, 'idempotency-key: order-7\r\ncontent-length: 0\r\n\r\n')
      expect(replies.filter((status) => status === 201)).toHaveLength(1)
      expect(await listCoupons(url(0), id)).toHaveLength(1)
    })

    /** The statuses of all replies; that all carry one code is seen to here. */
    async function pipelined(id: string, rest: string): Promise<number[]> {
      const texts = await Promise.all(
        processes.map(async (process) => {
          const { hostname, port } = new URL(process.url)
          const socket = connect(Number(port), hostname)
          socket.write(`POST /v1/campaigns/${id}/coupons HTTP/1.1\r\nhost: localhost\r\n${rest}`.repeat(25))
          let text = ''
          for await (const chunk of socket) {
            text += String(chunk)
            if (text.split('"coupon_code"').length > 25) break
          }
          return text
        }),
      )
      const all = texts.join('')
      const codes = [...all.matchAll(/"coupon_code":"([^"]+)"/g)].map(([, code]) => code)
      expect(codes).toHaveLength(25 * processes.length)
      expect(new Set(codes).size).toBe(1)
      return [...all.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status))
    }

    test('200 callers hang up 1 to 20 ms after sending, 200 stay: each gets its own in the end, exactly N are issued', async () => {
      const { id } = await createCampaign(url(0), { total_coupons: 400 })
      const [stayed] = await Promise.all([
        Promise.all(Array.from({ length: 200 }, (_, index) => issue(url(index), id, { key: `stay-${index}` }))),
        Promise.all(
          Array.from({ length: 200 }, (_, index) =>
            issue(url(index), id, { key: `gone-${index}`, hangUpAfterMs: 1 + (index % 20) }),
          ),
        ),
      ])
      expect(countReplies(stayed)).toEqual({ '201': 200 })
      const again = await Promise.all(
        Array.from({ length: 200 }, (_, index) => issue(url(index + 1), id, { key: `gone-${index}` })),
      )
      expect(again.every((reply) => reply?.status === 200 || reply?.status === 201)).toBe(true)
      expect(new Set([...stayed, ...again].map((reply) => reply?.body['coupon_code'])).size).toBe(400)
      await expectExactly(id, 400)
      expect(countReplies([await issue(url(0), id)])).toEqual({ '409 sold_out': 1 })
    })

    test('a retry by key, and another call of the recipient, after sell-out, pause and end: their own coupon', async () => {
      const { id } = await createCampaign(url(0), { total_coupons: 1 })
      const first = await answered(issue(url(0), id, { key: 'k', recipient: 'a' }))
      const patch = (body: object) => answered(call(`${url(0)}/v1/campaigns/${id}`, { method: 'PATCH', body }))
      const again = async (refusal: string) => {
        for (const [request, replayed] of [
          [{ key: 'k', recipient: 'a' }, 'request'],
          [{ recipient: 'a' }, 'recipient'],
        ] as const) {
          const reply = await answered(issue(url(1), id, request))
          expect(reply).toMatchObject({ status: 200, body: { ...first.body, replayed } })
          expect(reply.headers['idempotent-replayed']).toBe('true')
        }
        expect((await answered(issue(url(2), id, { recipient: 'b' }))).body['code']).toBe(refusal)
      }
      await again('sold_out')
      expect((await patch({ paused: true })).status).toBe(200)
      await again('campaign_paused')
      const created = await answered(call(`${url(0)}/v1/campaigns/${id}`))
      const end = new Date(Date.parse(String(created.body['start_time'])) + 1).toISOString()
      expect((await patch({ paused: false, end_time: end })).status).toBe(200)
      await again('campaign_ended')
    })

    test('a pause through one server is obeyed by all, also while they answer sold out at full speed', async () => {
      const { id } = await createCampaign(url(0), { total_coupons: 5 })
      let isPaused = false
      let isOver = false
      const late: (Reply | null)[] = []
      const callers = Array.from({ length: 64 }, async (_, caller) => {
        while (!isOver) {
          const wasPaused = isPaused
          const reply = await issue(url(caller), id)
          // Sent after the PATCH was answered: the look-up of its batch begins after that.
          if (wasPaused) late.push(reply)
        }
      })
      await expect
        .poll(async () => (await answered(call(`${url(0)}/v1/campaigns/${id}`))).body['status'])
        .toBe('sold_out')
      expect(
        (await answered(call(`${url(0)}/v1/campaigns/${id}`, { method: 'PATCH', body: { paused: true } }))).status,
      ).toBe(200)
      isPaused = true
      await expect.poll(() => late.length).toBeGreaterThan(200)
      isOver = true
      await Promise.all(callers)
      expect(Object.keys(countReplies(late))).toEqual(['409 campaign_paused'])
    })
  })
}
