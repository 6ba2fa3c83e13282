// The campaign that is loaded: a test campaign of its own, deleted afterwards, or one that there is.

import { randomBytes } from 'node:crypto'
import { NoAnswer, path, patiently, Refused, type Api } from '../api.ts'
import { DELETE_MS_MAX } from '../campaign/delete.ts'
import type { Campaign } from '../campaign/shown.ts'
import { STARTS_IN_MS_MAX, type Wish } from './wish.ts'

/** How far from what was asked for the start may be: for that, the clocks of both machines must agree, or be compared first. */
const START_OFF_MS_MAX = 100
/** Once to compare the clocks, once with what was learnt; and one for a slow answer. */
const CREATE_TRIES_MAX = 3

export interface Loaded {
  readonly campaign: Campaign
  /** When it starts, by this machine's clock; when it has started, when that was learnt. */
  readonly startsAtMs: number
  /** Its coupons before the run. */
  readonly issuedBefore: number
}

/** The first server that answers; of the last one it is waited for. */
export async function atAnyOf<T>(apis: readonly Api[], work: (api: Api) => Promise<T>): Promise<T> {
  for (const [index, api] of apis.entries()) {
    const isLast = index === apis.length - 1
    try {
      return await (isLast ? patiently(() => work(api)) : work(api))
    } catch (error) {
      const isOtherBetter = error instanceof Refused && error.problem.retry_after_ms !== undefined
      if (isLast || !(error instanceof NoAnswer || isOtherBetter)) throw error
    }
  }
  throw new Error('no server was given')
}

/** @param ids takes each id before it is sent: whatever happens then, they have to be deleted */
export async function makeCampaign(
  apis: readonly Api[],
  { coupons, startsInMs, recipients }: Wish,
  ids: Set<string>,
): Promise<Loaded> {
  /** The database's clock minus ours. Its start is not changed later: a campaign that was changed proves less. */
  let aheadMs = 0
  for (let tries = 1; ; tries++) {
    const id = `load-${randomBytes(5).toString('hex')}`
    ids.add(id)
    const body = {
      id,
      name: 'firstcome load',
      total_coupons: coupons,
      start_time: new Date(Date.now() + aheadMs + startsInMs).toISOString(),
      recipient_required: recipients !== 'none',
      test: true,
    }
    const made = await timed(() =>
      atAnyOf(apis, (api) => api.call<Campaign>('POST', '/v1/campaigns', { body })).catch((error: unknown) => {
        // Nothing was made, so that nothing is left.
        if (error instanceof NoAnswer ? !error.wasSent : error instanceof Refused) ids.delete(id)
        throw error
      }),
    )
    const isOff = Math.abs(made.startsAtMs - Date.now() - startsInMs) > START_OFF_MS_MAX
    if (!isOff || tries === CREATE_TRIES_MAX) return made
    aheadMs = made.aheadMs
    await deleteCampaign(apis, id)
    ids.delete(id)
  }
}

/** @throws unless it may be used for this */
export async function findCampaign(apis: readonly Api[], id: string, mayBeLive: boolean): Promise<Loaded> {
  const found = await timed(() => atAnyOf(apis, (api) => api.get<Campaign>(path`/v1/campaigns/${id}`)))
  if (!found.campaign.test && !mayBeLive)
    throw new Error(
      `${id} is no test campaign: its coupons would go to nobody. If that is meant, add --really-issue-live-coupons`,
    )
  if (found.startsAtMs - Date.now() > STARTS_IN_MS_MAX)
    throw new Error(
      `${id} starts at ${found.campaign.start_time}: that is more than an hour to wait. Come again later, or load a test campaign of your own`,
    )
  return found
}

/** By the middle of the call: half its way is not known better. */
async function timed(work: () => Promise<{ readonly json: Campaign }>): Promise<Loaded & { readonly aheadMs: number }> {
  const sentAtMs = Date.now()
  const { json: campaign } = await work()
  const middleMs = (sentAtMs + Date.now()) / 2
  const aheadMs = Date.parse(campaign.server_time) - middleMs
  const startsAtMs = Math.max(middleMs, Date.parse(campaign.start_time) - aheadMs)
  return { campaign, startsAtMs, issuedBefore: campaign.issued_count, aheadMs }
}

export async function deleteCampaign(apis: readonly Api[], id: string): Promise<void> {
  await atAnyOf(apis, (api) => api.call('DELETE', path`/v1/campaigns/${id}`, { msMax: DELETE_MS_MAX }))
}
