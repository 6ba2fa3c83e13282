// A campaign as the API gives it, and as people see it.

import type { CampaignStatus } from '../../campaign/campaign.ts'
import type { campaignJson } from '../../http/representations.ts'
import type { Answer } from '../api.ts'
import { print, type CallerOptions } from '../caller.ts'
import { shownEtag } from '../refusals.ts'
import { facts, shownCount, shownDuration, shownTime } from '../table.ts'

export type Campaign = ReturnType<typeof campaignJson>

export const STATUS_STYLES: Readonly<Record<CampaignStatus, 'green' | 'yellow' | 'cyan' | 'dim' | 'magenta'>> = {
  open: 'green',
  scheduled: 'cyan',
  paused: 'yellow',
  sold_out: 'magenta',
  ended: 'dim',
}

export function printCampaign({ json: campaign, text, etag }: Answer<Campaign>, { json }: CallerOptions): void {
  if (json === true) return print(text)
  const { code_format: format, metadata } = campaign
  print(
    facts([
      ['id', campaign.id],
      ['name', campaign.name],
      ['status', campaign.test ? `${campaign.status}, a test` : campaign.status],
      ['start', timeFrom(campaign.start_time, campaign)],
      ['end', campaign.end_time === null ? 'none' : timeFrom(campaign.end_time, campaign)],
      ['coupons', `${shownCount(campaign.issued_count)} issued of ${shownCount(campaign.total_coupons)}`],
      ['recipient', campaign.recipient_required ? 'required' : 'not required'],
      ['codes', `${format.prefix}${format.prefix === '' ? '' : ' and '}${format.length} of ${format.alphabet}`],
      ['metadata', Object.keys(metadata).length === 0 ? 'none' : JSON.stringify(metadata)],
      ['created', shownTime(campaign.created_at)],
      ['updated', shownTime(campaign.updated_at)],
      ...(etag === null ? [] : [['etag', shownEtag(etag)] as const]),
    ]),
  )
}

/** By the clock that counts. */
function timeFrom(time: string, { server_time: now }: Campaign): string {
  const ms = Date.parse(time) - Date.parse(now)
  if (ms === 0) return `${shownTime(time)} (now)`
  return `${shownTime(time)} (${ms > 0 ? `in ${shownDuration(ms)}` : `${shownDuration(-ms)} ago`})`
}
