// The contract of issuing: from the moment before the start to a sell-out, and what is told to whom.

import type { Json, Reply } from './api.ts'
import type { Run } from './run.ts'
import { couponOf, issuedOf, type Coupon, type IssuedCoupon } from './shapes.ts'
import { same, sure } from './steps.ts'

/** Each one waits as long as it was told: after so many it is not the time that is wrong. */
const START_TRIES_MAX = 20

const recipient = '김하나'

const after = (time: string, ms: number) => new Date(Date.parse(time) + ms).toISOString()

function issued(reply: Reply): IssuedCoupon {
  return issuedOf(reply.asked, reply.is(201))
}

/** The coupon that somebody has already. */
function sameAgain(reply: Reply, coupon: IssuedCoupon, replayed: 'request' | 'recipient'): void {
  same(`${reply.asked}: the coupon`, issuedOf(reply.asked, reply.is(200)), { ...coupon, replayed })
  same(`${reply.asked}: Idempotent-Replayed`, reply.headers['idempotent-replayed'], 'true')
}

export async function checkIssuing(run: Run): Promise<void> {
  const { api, step } = run

  const later = await step('create for later', "scheduled, an hour ahead by the server's clock", async () => {
    const { server_time: now } = await run.create('clock')
    const campaign = await run.create('later', { start_time: after(now, 3_600_000), recipient_required: true })
    same('status, start_time', [campaign.status, campaign.start_time], ['scheduled', after(now, 3_600_000)])
    return campaign
  })

  await step('too early', '409 campaign_not_started with start_time, server_time and starts_in_ms', async () => {
    tooEarly(await run.issue('later', { recipient, key: 'k-1' }), later.value.start_time)
    same('issued_count', (await run.read('later')).issued_count, 0)
  })

  await step(
    'recipient required',
    '422 recipient_required, also before the start',
    async () => {
      ;(await run.issue('later', { key: 'k-0' })).isProblem(422, 'recipient_required')
      ;(await run.issue('later', { recipient: null })).isProblem(422, 'recipient_required')
    },
    later,
  )

  const campaign = await step('create for soon', "a second ahead by the server's clock", async () => {
    const start_time = after((await run.read('later')).server_time, 1_000)
    return run.create('rush', { start_time, total_coupons: 4, recipient_required: true })
  })

  const first = await step('the start', 'not a moment early; then 201', async () => {
    const { start_time: start } = campaign.value
    for (let tries = 1; ; tries++) {
      const reply = await run.issue('rush', { recipient, key: 'k-1' })
      if (reply.status === 201 || tries === START_TRIES_MAX) {
        const coupon = issued(reply)
        sure('issued_at', coupon.issued_at >= start, `${start} or later`, coupon.issued_at)
        return coupon
      }
      await run.sleep(tooEarly(reply, start))
    }
  })

  await step('issue', 'a durable coupon: in the list, by its code, in the counts', async () => {
    const { replayed, ...coupon } = first.value
    const told = [replayed, coupon.recipient, coupon.campaign_id]
    same('replayed, recipient, campaign_id', told, [null, recipient, run.idOf('rush')])
    same('the list', await run.coupons('rush'), [coupon])
    const byCode = await api.get(`${run.pathOf('rush')}/coupons/${coupon.coupon_code}`)
    same('by its code', couponOf(byCode.asked, byCode.is(200)), coupon)
    const { issued_count, remaining_count, status } = await run.read('rush')
    same('the counts', [issued_count, remaining_count, status], [1, 3, 'open'])
  })

  await step('replay by key', '200, the same coupon, found by the request; the key quoted or bare', async () => {
    sameAgain(await run.issue('rush', { recipient, key: 'k-1' }), first.value, 'request')
    sameAgain(await run.issue('rush', { recipient, key: '"k-1"' }), first.value, 'request')
  })

  await step(
    'replay by recipient',
    '200, the same coupon; white space around it and its form do not count',
    async () => {
      for (const one of [recipient, ` ${recipient}\u3000`, recipient.normalize('NFD')]) {
        sameAgain(await run.issue('rush', { recipient: one }), first.value, 'recipient')
      }
      sameAgain(await run.issue('rush', { recipient, key: 'k-another' }), first.value, 'recipient')
    },
  )

  await step(
    'reused key',
    '422 idempotency_key_reused for another recipient, or none',
    async () => {
      ;(await run.issue('rush', { recipient: '이둘', key: 'k-1' })).isProblem(422, 'idempotency_key_reused')
      ;(await run.issue('rush', { key: 'k-1' })).isProblem(422, 'idempotency_key_reused')
    },
    first,
  )

  await step(
    'a key belongs to its campaign',
    '201 in another one',
    async () => {
      issued(await run.issue('clock', { recipient, key: 'k-1' }))
    },
    first,
  )

  await step('without key and recipient', 'every call is a new wish', async () => {
    const codes = [issued(await run.issue('clock')), issued(await run.issue('clock', { recipient: null }))]
    sure('the codes', codes[0]?.coupon_code !== codes[1]?.coupon_code, 'two', codes)
    same('recipients', [codes[0]?.recipient, codes[1]?.recipient], [null, null])
  })

  await step('pause, resume', '409 campaign_paused, a replay all the same; then 201', async () => {
    const coupon = first.value
    same('status', (await run.change('rush', { paused: true })).status, 'paused')
    ;(await run.issue('rush', { recipient: '이둘' })).isProblem(409, 'campaign_paused')
    sameAgain(await run.issue('rush', { recipient }), coupon, 'recipient')
    same('status', (await run.change('rush', { paused: false })).status, 'open')
    issued(await run.issue('rush', { recipient: '이둘' }))
  })

  await step(
    'what coupons fix',
    '409 campaign_has_coupons names it; nothing is changed',
    async () => {
      const { start_time: start } = campaign.value
      const fixed = {
        start_time: after(start, -1),
        recipient_required: false,
        code_format: { alphabet: 'digits' },
      }
      for (const [field, value] of Object.entries(fixed)) {
        const { version } = await run.read('rush')
        const reply = await api.patch(run.pathOf('rush'), { [field]: value, name: '바뀌면 안 됨' })
        same('fields', reply.isProblem(409, 'campaign_has_coupons')['fields'], [field])
        same('version', (await run.read('rush')).version, version)
      }
    },
    first,
  )

  const soldOut = await step(
    'sold out',
    '409 sold_out, replays all the same; exactly as many as there are',
    async () => {
      const coupon = first.value
      issued(await run.issue('rush', { recipient: '박셋' }))
      const last = issued(await run.issue('rush', { recipient: '최넷', key: 'k-4' }))
      ;(await run.issue('rush', { recipient: '정다섯', key: 'k-5' })).isProblem(409, 'sold_out')
      sameAgain(await run.issue('rush', { recipient: '최넷', key: 'k-4' }), last, 'request')
      sameAgain(await run.issue('rush', { recipient }), coupon, 'recipient')
      const { status, issued_count, remaining_count } = await run.read('rush')
      same('the campaign', [status, issued_count, remaining_count], ['sold_out', 4, 0])
      const slots = (await run.coupons('rush')).map(({ slot }) => slot)
      same('slots', slots, [1, 2, 3, 4])
    },
  )

  await step(
    'raise',
    'the same key gets a coupon now: refusals are not remembered',
    async () => {
      const { status, remaining_count } = await run.change('rush', { total_coupons: 5 })
      same('status, remaining_count', [status, remaining_count], ['open', 1])
      issued(await run.issue('rush', { recipient: '정다섯', key: 'k-5' }))
      ;(await run.issue('rush', { recipient: '강여섯' })).isProblem(409, 'sold_out')
    },
    soldOut,
  )

  await step(
    'lower',
    '409 total_below_issued with lowest_total; down to that is fine',
    async () => {
      const highest = Math.max(...(await run.coupons('rush')).map(({ slot }) => slot))
      const reply = await api.patch(run.pathOf('rush'), { total_coupons: highest - 1 })
      same('lowest_total', reply.isProblem(409, 'total_below_issued')['lowest_total'], highest)
      await run.change('rush', { total_coupons: highest + 10 })
      same('total_coupons', (await run.change('rush', { total_coupons: highest })).total_coupons, highest)
    },
    soldOut,
  )

  await step(
    'end',
    'server_time sent as end_time ends it now: 409 campaign_ended with end_time, replays all the same',
    async () => {
      const coupon = first.value
      const { server_time: end_time } = await run.read('rush')
      same('status', (await run.change('rush', { end_time, total_coupons: 10 })).status, 'ended')
      const told = (await run.issue('rush', { recipient: '늦은이' })).isProblem(409, 'campaign_ended')
      same('end_time', told['end_time'], end_time)
      sameAgain(await run.issue('rush', { recipient, key: 'k-1' }), coupon, 'request')
      sameAgain(await run.issue('rush', { recipient }), coupon, 'recipient')
    },
  )
}

/** @returns how long it is until the start */
function tooEarly(reply: Reply, start: string): number {
  const { start_time, server_time, starts_in_ms } = reply.isProblem(409, 'campaign_not_started')
  const startsInMs = Date.parse(start) - Date.parse(String(server_time))
  same(`${reply.asked}: start_time, starts_in_ms`, [start_time, starts_in_ms], [start, startsInMs])
  sure(`${reply.asked}: server_time`, startsInMs > 0, `before ${start}`, server_time)
  return startsInMs
}

export async function checkCrowd(run: Run): Promise<void> {
  const { step } = run
  const total = 50

  await step(
    'a crowd',
    `120 calls at once for ${total} coupons, 20 people twice: exactly ${total}, the rest sold_out`,
    async () => {
      await run.create('crowd', { total_coupons: total, recipient_required: true })
      const people = Array.from({ length: 100 }, (_, number) => `사람-${number}`)
      const callers = [...people, ...people.slice(0, 20)]
      const replies = await Promise.all(
        callers.map((recipient, number) => run.issue('crowd', { recipient, key: `c-${number}` })),
      )
      const refused = replies.filter(({ status }) => status >= 400)
      for (const reply of refused) reply.isProblem(409, 'sold_out')
      const told = replies.filter(({ status }) => status < 400).map(({ asked, json }) => issuedOf(asked, json))
      same('new coupons', told.filter(({ replayed }) => replayed === null).length, total)
      same('different codes', new Set(told.map(({ coupon_code }) => coupon_code)).size, total)
      const bySlot = (a: Coupon, b: Coupon) => a.slot - b.slot
      const coupons = told.flatMap(({ replayed, ...coupon }) => (replayed === null ? [coupon] : [])).sort(bySlot)
      const slots = coupons.map(({ slot }) => slot)
      const all = Array.from({ length: total }, (_, index) => index + 1)
      same('slots', slots, all)
      same('the list', await run.coupons('crowd'), coupons)
      const have = new Set(coupons.map(({ recipient }) => recipient))
      const wronged = callers.filter((recipient, number) => {
        const isGiven = replies[number]?.status !== 409
        return isGiven !== have.has(recipient)
      })
      same('told sold_out with a coupon, or the other way round', wronged, [])
      const { issued_count, status } = await run.read('crowd')
      same('the campaign', [issued_count, status], [total, 'sold_out'])
    },
  )

  await step('one person, many times at once', 'one coupon, whoever is first', async () => {
    await run.create('taps')
    const replies = await Promise.all(Array.from({ length: 20 }, () => run.issue('taps', { recipient: '김하나' })))
    const told = replies.map((reply): Json => (reply.status === 200 ? reply.json : reply.is(201)))
    same('new coupons', told.filter((json) => json['replayed'] === null).length, 1)
    same('different codes', new Set(told.map((json) => json['coupon_code'])).size, 1)
  })
}
