// One peer as a process: the same framework, method, path, validation, status, headers and size of reply as ours.
//
//   node bench/peers/serve.ts KIND      with MYSQL_URL and REDIS_URL, but for `nothing`

import Fastify, { type FastifyReply } from 'fastify'
import { conditionalUpdate } from './conditional-update.ts'
import { lockedCount } from './locked-count.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { newCode, openPool, type GiveCoupon } from './peer.ts'
import { rowsInAdvance } from './rows-in-advance.ts'

const { MYSQL_URL: mysqlUrl = '', REDIS_URL: redisUrl = '' } = process.env
const [kind = ''] = process.argv.slice(2)

const give = await giverOf(kind)
const app = Fastify({ logger: false, bodyLimit: 16_384 })

let requests = 0
app.addHook('onRequest', (_request, reply, done) => {
  reply.header('cache-control', 'no-store').header('x-request-id', `AbCdEfGh-${++requests}`)
  done()
})
const schema = {
  body: {
    type: ['object', 'null'],
    additionalProperties: false,
    properties: { recipient: { type: ['string', 'null'], minLength: 1, maxLength: 255 } },
  },
  params: {
    type: 'object',
    properties: { id: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } },
  },
}
interface Call {
  Params: { id: string }
  Body: { recipient?: string | null } | undefined
}
app.post<Call>('/v1/campaigns/:id/coupons', { schema }, async (request, reply) => {
  const { id } = request.params
  const recipient = request.body?.recipient ?? null
  const coupon = await give(id, recipient ?? `nobody-${newCode()}`).catch((error: unknown) => error as Error)
  if (coupon instanceof Error) {
    const problem = { type: '/problems/unavailable', title: 'Unavailable', status: 503, code: 'unavailable' }
    return reply.code(503).header('retry-after', '1').send(problem)
  }
  if (coupon === null) return soldOut(reply)
  return reply.code(coupon.isReplayed ? 200 : 201).send({
    campaign_id: id,
    coupon_code: coupon.code,
    slot: coupon.slot,
    recipient,
    issued_at: coupon.issuedAt.toISOString(),
    replayed: coupon.isReplayed ? 'recipient' : null,
  })
})

console.log(`listens on ${await app.listen({ port: 0, host: '127.0.0.1' })}`)

function soldOut(reply: FastifyReply): FastifyReply {
  return reply
    .code(409)
    .header('content-language', 'en')
    .type('application/problem+json; charset=utf-8')
    .send({
      type: '/problems/sold_out',
      title: 'Sold out',
      status: 409,
      code: 'sold_out',
      detail: 'All coupons are issued. Final while `total_coupons` stands.',
      request_id: reply.getHeader('x-request-id'),
    })
}

async function giverOf(kind: string): Promise<GiveCoupon> {
  switch (kind) {
    case 'nothing':
      return nothing()
    case 'one-at-a-time':
      return oneAtATime(openPool(mysqlUrl), redisUrl)
    case 'conditional-update':
      return conditionalUpdate(openPool(mysqlUrl))
    case 'locked-count':
      return lockedCount(openPool(mysqlUrl))
    case 'rows-in-advance':
      return rowsInAdvance(openPool(mysqlUrl))
    default:
      throw new Error(`no such peer: ${kind}`)
  }
}

/** A campaign that is called so is sold out; every other gives the same coupon to everybody. */
function nothing(): GiveCoupon {
  const coupon = { slot: 100_000, code: newCode(), issuedAt: new Date(), isReplayed: false }
  return (campaignId) => Promise.resolve(campaignId === 'sold-out' ? null : coupon)
}
