// A campaign that is purged, on the embedded ledger: what is refused, what is noted, and what a purge that breaks off leaves.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditCampaign } from '../../src/audit/audit.ts'
import type { AuditSource } from '../../src/audit/source.ts'
import type { Campaign } from '../../src/campaign/campaign.ts'
import { Campaigns } from '../../src/campaign/campaigns.ts'
import { beginPurge, purge, type PurgeAnswer, type PurgeOptions } from '../../src/campaign/purge.ts'
import { systemRandomness } from '../../src/host.ts'
import type { Author } from '../../src/access/author.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { openSqliteLedger } from '../../src/ledger/sqlite.ts'
import { ledgerAuditSource } from '../../src/wire.ts'
import { SOMEBODY } from '../contract/ledger-samples.ts'
import { allCoupons, change, fill, openCampaign, openPath, withFaults, type Path } from '../issue/open-path.ts'

const OPERATOR: Author = { client: null, keyId: null, operator: 'ops@db', requestId: null }
/** Bites are of 5,000: several. */
const COUPONS = 12_000
let ledger: Ledger
let path: Path
let campaigns: Campaigns
let source: AuditSource

beforeEach(async () => {
  ledger = await openSqliteLedger({ path: ':memory:' })
  path = openPath(ledger, null)
  campaigns = new Campaigns(ledger, path.segments, systemRandomness)
  source = ledgerAuditSource(ledger)
})
afterEach(() => ledger.close())

/** Of `slots`, ended a moment ago. */
async function ended(slots: readonly number[]): Promise<string> {
  const campaign = await openCampaign(ledger, COUPONS)
  for (let from = 0; from < slots.length; from += 2_000) await fill(ledger, campaign, slots.slice(from, from + 2_000))
  await end(campaign)
  return campaign.id
}
async function end({ id, startTimeMs }: Campaign): Promise<void> {
  await change(ledger, id, { endTimeMs: startTimeMs + 1 })
  while ((await ledger.ping()).nowMs <= startTimeMs);
}
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

async function purged(id: string, options: Partial<PurgeOptions> = {}, of: Ledger = ledger): Promise<PurgeAnswer> {
  const start = await beginPurge(of, id)
  if (start.code !== 'ready') throw new Error(start.code)
  const all = { by: OPERATOR, isViolatedToo: false, onAudit: () => {}, onBite: () => {}, ...options }
  return purge(of, source, start, all)
}
const purges = (campaignId: string) =>
  ledger.listChanges({ limit: 10, beforeId: null, campaignId, client: null, action: 'campaign.purged' })
const isThere = async (id: string) => (await ledger.campaigns([id])).campaigns.length === 1

/** Breaks off at the lock with this number. */
function breakingAt(number: number): Ledger {
  let locks = 0
  return withFaults(ledger, {
    lock: (ids, work) => (++locks === number ? Promise.reject(new Error('killed')) : ledger.lock(ids, work)),
  })
}

test('all of it goes; its number of coupons and their checksum stay', async () => {
  const id = await ended(upTo(COUPONS))
  const neighbour = await openCampaign(ledger, 5)
  await fill(ledger, neighbour, [1, 2])
  const report = await auditCampaign(source, id, { graceMs: 0 })
  const bites: number[] = []
  const answer = await purged(id, { onBite: (slot) => bites.push(slot) })
  const noted = { issued_count: COUPONS, through_slot: COUPONS, checksum: report?.checksum, verdict: 'exact' }
  expect(answer).toMatchObject({ code: 'purged', noted })
  expect(bites).toEqual([5_000, 10_000, 12_000])
  expect([await isThere(id), await allCoupons(ledger, id)]).toEqual([false, []])
  expect(await allCoupons(ledger, neighbour.id)).toHaveLength(2)
  expect(await purges(id)).toMatchObject([{ by: OPERATOR, before: { id, version: 2 }, after: noted }])
  expect(await beginPurge(ledger, id)).toEqual({ code: 'campaign_not_found' })
})

describe('refused:', () => {
  test.each([
    ['one that goes on', null, 'open'],
    ['one that ends later', 3_600_000, 'open'],
  ])('%s', async (_what, endsInMs, status) => {
    const { id, startTimeMs } = await openCampaign(ledger, 1)
    if (endsInMs !== null) await change(ledger, id, { endTimeMs: startTimeMs + endsInMs })
    expect(await beginPurge(ledger, id)).toEqual({ code: 'not_ended', status })
  })

  test('one that is not as promised, unless somebody says so', async () => {
    const id = await ended(upTo(10))
    const honest = source
    source = {
      snapshot: (of, work) =>
        honest.snapshot(of, (snapshot) =>
          work({
            ...snapshot,
            campaign: { ...snapshot.campaign, totalCoupons: 5 },
            again: async () => ({ campaign: { ...snapshot.campaign, totalCoupons: 5 }, nowMs: Date.now() }),
            rows: (take) => snapshot.rows(take),
            ordered: () => null,
          }),
        ),
    }
    expect(await purged(id)).toMatchObject({ code: 'violated', report: { verdict: 'violated' } })
    expect([await allCoupons(ledger, id).then((all) => all.length), await purges(id)]).toEqual([10, []])
    expect(await purged(id, { isViolatedToo: true })).toMatchObject({ code: 'purged', noted: { verdict: 'violated' } })
  })

  test('one that somebody changed since the audit', async () => {
    const id = await ended(upTo(10))
    let isChanged = false
    const onAudit = () => {
      if (!isChanged) void change(ledger, id, { name: 'another' })
      isChanged = true
    }
    expect(await purged(id, { onAudit })).toEqual({ code: 'campaign_changed' })
    expect([await isThere(id), await purges(id)]).toEqual([true, []])
  })

  test('a test campaign whose deletion was begun', async () => {
    const campaign = await openCampaign(ledger, COUPONS, { test: true })
    for (let from = 1; from <= 6_000; from += 2_000)
      await fill(
        ledger,
        campaign,
        upTo(2_000).map((n) => n + from - 1),
      )
    await end(campaign)
    const broken = new Campaigns(breakingAt(2), path.segments, systemRandomness)
    await expect(broken.delete(campaign.id, SOMEBODY)).rejects.toThrow('killed')
    expect(await beginPurge(ledger, campaign.id)).toEqual({ code: 'being_deleted' })
    expect(await campaigns.delete(campaign.id, SOMEBODY)).toEqual({ code: 'deleted' })
  })
})

describe('broken off,', () => {
  test.each([3, 4, 5])(
    'at its lock %i: it goes on, and the number and the checksum are those of the whole',
    async (lock) => {
      const id = await ended(upTo(COUPONS))
      await expect(purged(id, {}, breakingAt(lock))).rejects.toThrow('killed')
      expect(await isThere(id)).toBe(true)
      const [before] = await purges(id)
      expect(before?.after).toMatchObject({ issued_count: COUPONS })
      expect(await purged(id)).toEqual({ code: 'purged', noted: before?.after })
      expect([await isThere(id), await purges(id)]).toEqual([false, [before]])
    },
  )

  test('at its first: nothing was deleted', async () => {
    const id = await ended(upTo(100))
    await expect(purged(id, {}, breakingAt(2))).rejects.toThrow('killed')
    expect([await allCoupons(ledger, id).then((all) => all.length), await purges(id)]).toEqual([100, []])
  })

  test('nobody can open it again: it would give out anew what was given out before', async () => {
    const id = await ended(upTo(COUPONS))
    await expect(purged(id, {}, breakingAt(3))).rejects.toThrow('killed')
    for (const wish of [{ endTimeMs: null }, { paused: true }, { totalCoupons: COUPONS + 1 }])
      expect(await campaigns.change(id, wish, SOMEBODY)).toEqual({ code: 'campaign_not_found' })
    expect(await path.ask(id, { recipient: 'late' })).toMatchObject({ code: 'campaign_ended' })
  })

  test('an export of what is left is not told whole', async () => {
    const id = await ended(upTo(COUPONS))
    expect(await campaigns.exportCoupons(id, async () => {})).toBe(true)
    await expect(purged(id, {}, breakingAt(3))).rejects.toThrow('killed')
    expect(await campaigns.exportCoupons(id, async () => {})).toBe(false)
  })
})

test('a new campaign of the same id has nothing to do with it', async () => {
  const id = await ended(upTo(10))
  await purged(id)
  const { campaign } = await ledger.createCampaign({ ...(await openCampaign(ledger, 3)), id, startTimeMs: null })
  expect(await campaigns.change(id, { name: 'again' }, SOMEBODY)).toMatchObject({ code: 'ready' })
  expect(await beginPurge(ledger, id)).toMatchObject({ code: 'not_ended' })
  expect(await campaigns.exportCoupons(campaign.id, async () => {})).toBe(true)
})

test('the answer of its first bite is lost, and it is taken again: purged all the same, and noted once', async () => {
  const id = await ended(upTo(COUPONS))
  let locks = 0
  const retrying = withFaults(ledger, {
    async lock(ids, work) {
      const answer = await ledger.lock(ids, work)
      // The second: beginPurge has the first.
      return ++locks === 2 ? ledger.lock(ids, work) : answer
    },
  })
  expect(await purged(id, {}, retrying)).toMatchObject({ code: 'purged', noted: { issued_count: COUPONS } })
  expect(await isThere(id)).toBe(false)
  expect(await purges(id)).toHaveLength(1)
})

test('a deletion that broke off is noted once, by whom it was decided', async () => {
  const campaign = await openCampaign(ledger, COUPONS, { test: true })
  await fill(ledger, campaign, upTo(6_000))
  await expect(
    new Campaigns(breakingAt(2), path.segments, systemRandomness).delete(campaign.id, SOMEBODY),
  ).rejects.toThrow('killed')
  expect(await campaigns.delete(campaign.id, OPERATOR)).toEqual({ code: 'deleted' })
  const noted = await ledger.listChanges({
    limit: 10,
    beforeId: null,
    campaignId: campaign.id,
    client: null,
    action: 'campaign.deleted',
  })
  expect(noted).toMatchObject([{ by: SOMEBODY, before: { paused: false } }])
})
