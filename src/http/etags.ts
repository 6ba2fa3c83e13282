// Which state of a campaign somebody saw. Opaque to callers; with the time of creation in it, because ids come back after a
// deletion and versions begin again.

import type { Campaign } from '../campaign/campaign.ts'
import type { CampaignVersion } from '../campaign/campaigns.ts'
import { InvalidRequest } from './invalid-request.ts'

export const IF_MATCH = /^(?:\*|(?:W\/)?"[\x21\x23-\x7e]*"(?:[ \t]*,[ \t]*(?:W\/)?"[\x21\x23-\x7e]*")*)$/
/** As etagOf() writes them, and no other way. */
const OURS = /(?<!W\/)"([1-9]\d{0,9})\.([1-9a-z][0-9a-z]{0,10})"/g

export function etagOf({ version, createdAtMs }: Pick<Campaign, 'version' | 'createdAtMs'>): string {
  return `"${version}.${createdAtMs.toString(36)}"`
}

/** @returns the states that would do; null: any */
export function readIfMatch(header: string | undefined): CampaignVersion[] | null {
  if (header === undefined || header === '*') return null
  if (!IF_MATCH.test(header)) {
    const detail =
      'must be the ETag of an answer about this campaign, with its quotes, several with commas between, or *'
    throw new InvalidRequest([{ in: 'header', pointer: '/If-Match', detail }])
  }
  return [...header.matchAll(OURS)].map(([, version, createdAt]) => ({
    version: Number(version),
    createdAtMs: Number.parseInt(createdAt as string, 36),
  }))
}
