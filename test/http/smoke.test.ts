import { test } from 'vitest'
import { openServer } from './open-server.ts'
test('smoke', async () => {
  const { app } = await openServer()
  const show = async (o: any) => { const r = await app.inject(o); console.log(o.method ?? 'GET', o.url, r.statusCode, JSON.stringify(r.headers), r.body.slice(0, 700)) }
  await show({ url: '/' })
  await show({ method: 'POST', url: '/v1/campaigns', payload: { id: 'a', name: 'x', start_time: 'now', total_coupons: 5 } })
  await show({ method: 'POST', url: '/v1/campaigns/a/coupons', payload: { recipient: 'u' } })
  await show({ method: 'POST', url: '/v1/campaigns/a/coupons', payload: { recipient: 'u' } })
  await show({ method: 'POST', url: '/v1/campaigns/a/coupons' })
  await show({ method: 'POST', url: '/v1/campaigns', payload: { id: 'a/b', name: '', start_time: '2027-01-01T10:00:00', end_time: 5, total_coupons: '5', q: 1, code_format: {length: 'x', alphabet: 'z', prefix: '-'}, metadata: [] } })
  await show({ url: '/v1/campaigns/a' })
  await show({ url: '/v1/campaigns?limit=1' })
  await show({ url: '/v1/campaigns/a/coupons?limit=1&order=desc' })
  await show({ method: 'DELETE', url: '/v1/campaigns' })
  await show({ url: '/nix' })
  await show({ url: '/readyz' })
  await show({ url: '/docs/' })
  await show({ url: '/problems/sold_out' })
})
