// A counter in this process, for tests that are about something else. It passes the contract of the real one.

import { isSameCampaign, type CampaignIdentity } from '../../src/campaign/campaign.ts'
import { checkCampaign, checkReserveAsks, checkResyncAsks } from '../../src/counter/asks.ts'
import { type Counter, CounterUnavailable } from '../../src/counter/counter.ts'

/** What several counters share, as several servers share one Redis. */
export interface MemoryCounterStore {
  /** Raw values, as the real thing would keep them: whoever has a hand in here can write nonsense. */
  readonly entries: { readonly campaign: CampaignIdentity; value: unknown }[]
  /** While true, nothing answers. */
  away: boolean
}

export function createMemoryCounterStore(): MemoryCounterStore {
  return { entries: [], away: false }
}

export function openMemoryCounter(store: MemoryCounterStore = createMemoryCounterStore()): Counter {
  let closed = false

  const entryOf = (campaign: CampaignIdentity) => {
    const known = store.entries.find((entry) => isSameCampaign(entry.campaign, campaign))
    if (known) return known
    const entry = { campaign: { id: campaign.id, createdAtMs: campaign.createdAtMs }, value: undefined as unknown }
    store.entries.push(entry)
    return entry
  }
  const answerAll = <Ask, Answer>(asks: readonly Ask[], answer: (ask: Ask) => Answer) =>
    asks.map((ask) => (closed || store.away ? new CounterUnavailable('the counter is away') : answer(ask)))

  return {
    async reserve(asks) {
      checkReserveAsks(asks)
      return answerAll(asks, ({ campaign, total, count: asked }) => {
        const entry = entryOf(campaign)
        const from = readNext(entry.value)
        if (from === null) return { status: 'cold' }
        const count = Math.max(0, Math.min(asked, total - from + 1))
        if (count > 0) entry.value = String(from + count)
        return { status: 'ok', from, count }
      })
    },
    async resync(asks) {
      checkResyncAsks(asks)
      return answerAll(asks, ({ campaign, maxSlot }) => {
        const entry = entryOf(campaign)
        if ((readNext(entry.value) ?? 0) <= maxSlot) entry.value = String(maxSlot + 1)
        return undefined
      })
    },
    async peek(campaigns) {
      campaigns.forEach(checkCampaign)
      return answerAll(campaigns, (campaign) => readNext(entryOf(campaign).value))
    },
    ping: async () => !closed && !store.away,
    async close() {
      closed = true
    },
  }
}

function readNext(value: unknown): number | null {
  return typeof value === 'string' && /^[1-9]\d{0,14}$/.test(value) ? Number(value) : null
}
