// The contract of changes: who decided what.

import type { Json } from './api.ts'
import type { Run } from './run.ts'
import { same, sure } from './steps.ts'

export async function checkChanges(run: Run): Promise<void> {
  const { api, step } = run
  const changesOf = (id: string, query = 'limit=100') => run.pages(`/v1/changes?campaign=${id}&${query}`)

  await step(
    'changes',
    'created, changed, deleted: newest first, before and after; what was refused is none',
    async () => {
      const { id } = await run.create('noted')
      await run.change('noted', { name: '적힘', paused: true })
      await run.change('noted', { paused: true })
      ;(await api.patch(run.pathOf('noted'), { total_coupons: 0 })).isProblem(400, 'invalid_request')
      ;(await api.delete(run.pathOf('noted'))).is(204)
      const changes = (await changesOf(id)).flatMap(({ data }) => data)
      const actions = changes.map(({ action }) => action)
      same('the actions', actions, ['campaign.deleted', 'campaign.changed', 'campaign.created'])
      const [deleted, changed, created] = changes as [Json, Json, Json]
      same('before the first and after the last', [created['before'], deleted['after']], [null, null])
      same('what a change begins with', [changed['before'], deleted['before']], [created['after'], changed['after']])
      const after = changed['after'] as Json
      same('after the change', [after['name'], after['paused'], after['version']], ['적힘', true, 2])
      for (const change of changes) {
        const { at, campaign_id: of, request_id: request } = change
        same('campaign_id', of, id)
        sure('at', !Number.isNaN(Date.parse(String(at))), 'a time', at)
        sure('request_id', typeof request === 'string', 'that of the call', request)
      }
      const paged = (await changesOf(id, 'limit=2')).map(({ data }) => data)
      same('pages of two', paged, [changes.slice(0, 2), changes.slice(2)])
      const found = (await changesOf(id, 'limit=100&action=campaign.created')).flatMap(({ data }) => data)
      same('action=campaign.created', found, [created])
    },
  )
}
