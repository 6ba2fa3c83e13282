// The contract of campaigns: create, read, change, find, delete.

import type { Json, Reply } from './api.ts'
import { pointersOf, type Run } from './run.ts'
import { campaignOf, type Campaign } from './shapes.ts'
import { same, sure } from './steps.ts'

const BASE32 = { alphabet: 'base32', length: 16 }
const ETAG = /^(W\/)?"[\x21\x23-\x7e]+"$/

const anHourAfter = (time: string) => new Date(Date.parse(time) + 3_600_000).toISOString()

/** The clock moves on between two readings; nothing else may. */
function still({ server_time: _time, ...campaign }: Campaign): object {
  return campaign
}

/** @throws Mismatch */
function etagOf({ asked, headers }: Reply): string {
  sure(`${asked}: ETag`, ETAG.test(headers.etag ?? ''), 'one in quotes', headers.etag)
  return headers.etag ?? ''
}

export async function checkCampaigns(run: Run): Promise<void> {
  const { api, step } = run
  const path = run.pathOf('spring')
  const wish = run.wish('spring', { name: '봄맞이 쿠폰', metadata: { team: '봄', levels: { a: [1, 'x', null] } } })

  const created = await step('create', '201, what was left out has its default', async () => {
    const reply = await api.post('/v1/campaigns', wish)
    const campaign = run.made(reply)
    const defaults = {
      end_time: null,
      paused: false,
      recipient_required: false,
      code_format: { ...BASE32, prefix: 'TEST' },
    }
    const { created_at, server_time } = campaign
    const made = { version: 1, created_at, updated_at: created_at, server_time, start_time: created_at }
    const counts = { issued_count: 0, remaining_count: 10 }
    same('the campaign', campaign, { ...wish, ...defaults, ...counts, ...made, status: 'open' })
    same('Location', reply.headers.location, path)
    return { campaign, etag: etagOf(reply) }
  })

  await step('create again', 'the same fields 200, others 409 campaign_exists', async () => {
    const { campaign } = created.value
    const again = await api.post('/v1/campaigns', wish)
    same('the campaign', still(campaignOf(again.asked, again.is(200))), still(campaign))
    ;(await api.post('/v1/campaigns', { ...wish, total_coupons: 11 })).isProblem(409, 'campaign_exists')
    ;(await api.post('/v1/campaigns', { ...wish, metadata: {} })).isProblem(409, 'campaign_exists')
  })

  await step('create without an id', 'the service makes one of 12 characters', async () => {
    const { id: _id, ...rest } = wish
    const { id } = run.made(await api.post('/v1/campaigns', rest))
    sure('id', /^[A-Za-z0-9_-]{12}$/.test(id), '12 characters', id)
  })

  await step('code format', 'codes of test campaigns begin with TEST; each alphabet has its usual length', async () => {
    const digits = await run.create('digits', { code_format: { alphabet: 'digits', prefix: 'SALE-' } })
    same('digits', digits.code_format, { alphabet: 'digits', length: 12, prefix: 'TESTSALE-' })
    const hangul = await run.create('hangul', { code_format: { alphabet: 'hangul', prefix: 'TEST7' } })
    same('hangul', hangul.code_format, { alphabet: 'hangul', length: 10, prefix: 'TEST7' })
  })

  await step('read', '200 with the campaign and its ETag; 404 campaign_not_found', async () => {
    const { campaign, etag } = created.value
    const reply = await api.get(path)
    same('the campaign', still(campaignOf(reply.asked, reply.is(200))), still(campaign))
    same('ETag', etagOf(reply), etag)
    ;(await api.get(run.pathOf('nobody'))).isProblem(404, 'campaign_not_found')
  })

  const changed = await step('change', '200, the version goes up, the ETag is another one', async () => {
    const { campaign, etag } = created.value
    const reply = await api.patch(path, { name: '봄 쿠폰', metadata: { team: 2 }, total_coupons: 12 })
    const now = campaignOf(reply.asked, reply.is(200))
    const expected = { ...campaign, name: '봄 쿠폰', metadata: { team: 2 }, total_coupons: 12, remaining_count: 12 }
    same('the campaign', still(now), still({ ...expected, version: 2, updated_at: now.updated_at }))
    sure('ETag', etagOf(reply) !== etag, 'another one than before', etag)
    same('ETag of a read', etagOf(await api.get(path)), etagOf(reply))
    return { campaign: now, etag: etagOf(reply) }
  })

  await step('If-Match', 'the current ETag, one of several, or *: changed', async () => {
    const old = created.value.etag
    for (const name of ['하나', '둘', '셋']) {
      const current = etagOf(await api.get(path))
      const ifMatch = { 하나: current, 둘: `${old}, ${current}`, 셋: '*' }[name] ?? ''
      const reply = await api.patch(path, { name }, { headers: { 'if-match': ifMatch } })
      same('name', campaignOf(reply.asked, reply.is(200)).name, name)
    }
  })

  await step('If-Match, stale', '412 campaign_changed with the campaign as it is and its ETag', async () => {
    const stale = { headers: { 'if-match': changed.value.etag } }
    const before = await run.read('spring')
    for (const late of [() => api.patch(path, { name: '늦은 변경' }, stale), () => api.delete(path, stale)]) {
      const reply = await late()
      const told = reply.isProblem(412, 'campaign_changed')['campaign']
      same('the campaign in the answer', still(campaignOf(`${reply.asked}: campaign`, told as Json)), still(before))
      same('ETag', etagOf(reply), etagOf(await api.get(path)))
    }
    same('the campaign', still(await run.read('spring')), still(before))
  })

  await step('If-Match, broken', '400 that names the header', async () => {
    const reply = await api.patch(path, { name: 'x' }, { headers: { 'if-match': 'yes"no' } })
    same('errors', pointersOf(reply.isProblem(400, 'invalid_request')), ['header /If-Match'])
  })

  await step(
    'two people at once',
    'both change one campaign: one gets 200, the other 412 with the current one',
    async () => {
      const ifMatch = { headers: { 'if-match': etagOf(await api.get(path)) } }
      const names = ['첫째', '둘째']
      const replies = await Promise.all(names.map((name) => api.patch(path, { name }, ifMatch)))
      const won = replies.find(({ status }) => status === 200)
      const lost = replies.find(({ status }) => status !== 200)
      const statuses = replies.map(({ status }) => status)
      sure('the answers', won !== undefined && lost !== undefined, '200 and 412', statuses)
      const current = lost?.isProblem(412, 'campaign_changed')['campaign'] as Json | undefined
      same('the current name', current?.['name'], won?.json['name'])
    },
  )

  await step('change before the first coupon', 'start_time, recipient_required and code_format', async () => {
    const { server_time: now } = await run.read('spring')
    const start = anHourAfter(now)
    const code_format = { alphabet: 'digits', length: 14, prefix: '' }
    const campaign = await run.change('spring', { start_time: start, recipient_required: true, code_format })
    same(
      'the campaign',
      [campaign.start_time, campaign.recipient_required, campaign.code_format, campaign.status],
      [start, true, { ...code_format, prefix: 'TEST' }, 'scheduled'],
    )
  })

  await step('delete', '204 without a body, coupons or not; then 404 campaign_not_found', async () => {
    const { id } = await run.create('doomed')
    ;(await run.issue('doomed', { recipient: '하나', key: 'doomed' })).is(201)
    const current = etagOf(await api.get(`/v1/campaigns/${id}`))
    ;(await api.delete(`/v1/campaigns/${id}`, { headers: { 'if-match': current } })).is(204)
    ;(await api.delete(`/v1/campaigns/${id}`)).isProblem(404, 'campaign_not_found')
    ;(await api.get(`/v1/campaigns/${id}`)).isProblem(404, 'campaign_not_found')
    ;(await api.patch(`/v1/campaigns/${id}`, { paused: true })).isProblem(404, 'campaign_not_found')
    ;(await api.get(`/v1/campaigns/${id}/coupons`)).isProblem(404, 'campaign_not_found')
    ;(await run.issue('doomed', { recipient: '하나', key: 'doomed' })).isProblem(404, 'campaign_not_found')
    const remade = await run.create('doomed', { total_coupons: 1 })
    same('the same id again', [remade.issued_count, remade.version], [0, 1])
    const first = (await run.issue('doomed', { recipient: '하나', key: 'doomed' })).is(201)
    same('its first coupon', [first['slot'], first['replayed']], [1, null])
  })
}

export async function checkCampaignList(run: Run): Promise<void> {
  const { step } = run
  const found = (query: string) => run.pages(`/v1/campaigns?q=${run.id}&${query}`)
  const idsOf = (pages: readonly { data: readonly Json[] }[]) => pages.flatMap(({ data }) => data.map(({ id }) => id))

  const made = await step('campaign status', 'scheduled, open, paused, sold_out and ended', async () => {
    const { server_time: now } = await run.create('list-open', { name: `Spring 봄 ${run.id.slice(6)}` })
    await run.create('list-scheduled', { start_time: anHourAfter(now) })
    await run.create('list-paused', { paused: true })
    await run.create('list-sold-out', { total_coupons: 1 })
    ;(await run.issue('list-sold-out', { recipient: '하나' })).is(201)
    ;(await run.issue('list-sold-out', { recipient: '둘' })).isProblem(409, 'sold_out')
    const { start_time: start } = await run.create('list-ended')
    await run.change('list-ended', { end_time: new Date(Date.parse(start) + 1).toISOString() })
    for (const status of ['open', 'scheduled', 'paused', 'sold_out', 'ended'] as const) {
      same(`status of ${status}`, (await run.read(`list-${status.replace('_', '-')}`)).status, status)
    }
  })

  await step(
    'campaign list',
    'test campaigns only when asked for: test=true, or all',
    async () => {
      for (const query of ['limit=100', 'limit=100&test=false']) same(query, idsOf(await found(query)), [])
      for (const test of ['true', 'all']) {
        const ids = idsOf(await found(`limit=100&test=${test}`))
        sure(`test=${test}`, ids.includes(run.idOf('list-open')), 'the campaigns of this check', ids)
      }
    },
    made,
  )

  await step(
    'campaign list, pages',
    'newest first, whole, nothing twice, as the campaigns themselves',
    async () => {
      const whole = (await found('test=true&limit=100')).flatMap(({ data }) => data)
      const times = whole.map((campaign) => String(campaign['created_at']))
      same('created_at', times, times.toSorted().reverse())
      const pages = await found('test=true&limit=2')
      sure(
        'campaigns on a page',
        pages.every(({ data }) => data.length <= 2),
        'at most 2',
        pages.map(({ data }) => data.length),
      )
      same('the pages together', idsOf(pages), idsOf([{ data: whole }]))
      const open = whole.find(({ id }) => id === run.idOf('list-open')) ?? {}
      same('a campaign', still(campaignOf('a campaign of the list', open)), still(await run.read('list-open')))
    },
    made,
  )

  await step(
    'campaign list, status',
    'only the campaigns that have it',
    async () => {
      for (const status of ['scheduled', 'open', 'paused', 'sold_out', 'ended']) {
        const campaigns = (await found(`test=true&status=${status}`)).flatMap(({ data }) => data)
        const statuses = campaigns.map((campaign) => campaign['status'])
        same(`status=${status}`, [...new Set(statuses)], [status])
        const id = run.idOf(`list-${status.replace('_', '-')}`)
        sure(`status=${status}`, idsOf([{ data: campaigns }]).includes(id), id, idsOf([{ data: campaigns }]))
      }
    },
    made,
  )

  await step(
    'campaign list, q',
    'a part of the id or of the name, in any case, and no pattern',
    async () => {
      const random = run.id.slice(6)
      const search = async (q: string) => idsOf(await run.pages(`/v1/campaigns?test=true&q=${encodeURIComponent(q)}`))
      for (const q of [`${run.id.toUpperCase()}-LIST-OPEN`, `pRING 봄 ${random.slice(0, 6)}`]) {
        same(`q=${q}`, await search(q), [run.idOf('list-open')])
      }
      for (const q of [`${random}_list`, `${run.id}%open`, `봄 ${random}\\`]) same(`q=${q}`, await search(q), [])
    },
    made,
  )
}
