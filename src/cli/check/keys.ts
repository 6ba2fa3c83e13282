// API keys, if one was given: what is refused without a good one, and what needs none.

import type { Reply } from './api.ts'
import type { Run } from './run.ts'
import { sure } from './steps.ts'

const CAMPAIGNS = '/v1/campaigns?limit=1'
const CHALLENGE = /^Bearer\b.*\brealm=/

export async function checkKeys({ api, apiKey, step }: Run): Promise<void> {
  if (apiKey === null) return

  let isNeeded = true
  await step('keys, the right one', 'a call with it is answered', async () => {
    ;(await api.get(CAMPAIGNS)).is(200)
    isNeeded = (await api.get(CAMPAIGNS, { apiKey: null })).status !== 200
  })
  if (!isNeeded) {
    // It has none, or lets everybody in.
    await step('keys, without any', 'only for its own machine: 401 for what came through a proxy', async () => {
      keepsOut(await api.get(CAMPAIGNS, { apiKey: null, headers: { 'x-forwarded-for': '192.0.2.1' } }), false)
    })
    return
  }

  await step('keys, none', '401 unauthenticated, and what would be taken', async () => {
    keepsOut(await api.get(CAMPAIGNS, { apiKey: null }), false)
  })

  await step('keys, wrong ones', '401 unauthenticated: unknown, of another secret, of no form, in Basic', async () => {
    for (const wrong of [`fc_${'0'.repeat(12)}_${'0'.repeat(32)}`, changed(apiKey), 'secret', 'fc__'])
      keepsOut(await api.get(CAMPAIGNS, { apiKey: wrong }), true)
    const basic = { authorization: `Basic ${Buffer.from(`${apiKey}:`).toString('base64')}` }
    keepsOut(await api.get(CAMPAIGNS, { headers: basic }), true)
  })

  await step('keys, in the query', 'a key there is none: 401 unauthenticated', async () => {
    keepsOut(await api.get(`${CAMPAIGNS}&access_token=x`, { apiKey: null }), false)
  })

  await step('keys, not needed', '/livez, /readyz, /, /openapi.json and the problems need none', async () => {
    for (const path of ['/livez', '/readyz', '/', '/problems/unauthenticated'])
      (await api.get(path, { apiKey: null })).is(200)
  })
}

function keepsOut(reply: Reply, wasSent: boolean): void {
  reply.isProblem(401, 'unauthenticated')
  const challenge = reply.headers['www-authenticate'] ?? ''
  const isRight = CHALLENGE.test(challenge) && challenge.includes('error="invalid_token"') === wasSent
  sure(`${reply.asked}: WWW-Authenticate`, isRight, 'Bearer, and an error only for a key that was sent', challenge)
}

function changed(key: string): string {
  return key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')
}
