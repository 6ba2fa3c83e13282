// What goes wrong in a run, and when: drawn from its mix.

import type { Campaign } from '../../src/campaign/campaign.ts'
import { SOMEBODY } from '../contract/ledger-samples.ts'
import { createMemoryCounterStore } from '../counter/memory-counter.ts'
import { BLOCKED } from './database.ts'
import type { EventKind } from './mixes.ts'
import { WORLD } from './scheduler.ts'
import type { World } from './world.ts'

export function scheduleEvents(world: World): void {
  const { chance, mix, scheduler, rushMs } = world
  for (const [kind, atMost] of Object.entries(mix.events ?? {}) as [EventKind, number][]) {
    for (let times = chance.between(0, atMost); times > 0; times--) {
      scheduler.after(chance.fraction() * rushMs, WORLD, () => {
        if (world.isHealed) return
        if (kind !== 'a server is killed') world.saw.count(kind)
        world.tell(() => kind)
        EVENTS[kind](world)
      })
    }
  }
}

const EVENTS: Readonly<Record<EventKind, (world: World) => void>> = {
  'a server is killed': (world) => {
    const server = world.anyServer()
    if (server !== null) world.kill(server)
  },
  'a server freezes': (world) => {
    const server = world.anyServer()
    if (server === null || server.owner.isFrozen) return
    const { chance, scheduler } = world
    const ms = chance.of([5, 50, 5_000, 9_000])
    server.owner.isFrozen = true
    scheduler.after(ms, WORLD, () => server.owner.isFrozen && scheduler.thaw(server.owner))
    // The database does not wait for it: see wait_timeout.
    scheduler.after(3_000, WORLD, () => server.owner.isFrozen && server.endTransactions())
  },
  'Redis is flushed': ({ redis }) => void redis?.entries.splice(0),
  'Redis is restored to an older state': ({ redis, scheduler, chance }) => {
    const older = redis?.entries.map((entry) => ({ ...entry })) ?? []
    scheduler.after(chance.below(50), WORLD, () => void redis?.entries.splice(0, Infinity, ...older))
  },
  'Redis loses a key': ({ redis, chance }) => void redis?.entries.splice(chance.below(redis.entries.length), 1),
  'Redis holds nonsense': ({ redis, chance }) => {
    const nonsense = ['nonsense', '-3', '0', '1e9', '', '007', ['a list'], undefined]
    for (const entry of redis?.entries ?? []) if (chance.is(0.5)) entry.value = chance.of(nonsense)
  },
  'Redis runs ahead': ({ redis, chance }) => {
    for (const entry of redis?.entries ?? [])
      entry.value = String((Number(entry.value) || 1) + chance.of([1, 5, 500, -3]))
  },
  'Redis is away': ({ redis, scheduler, chance }) => {
    if (redis === null) return
    redis.away = true
    scheduler.after(chance.below(60), WORLD, () => (redis.away = false))
  },
  'Redis is split': ({ servers, redis, chance }) => {
    // Some servers go on with a replica that has what was there.
    const replica = createMemoryCounterStore()
    replica.entries.push(...(redis?.entries ?? []).map((entry) => ({ ...entry })))
    for (const { counter } of servers) if (counter !== null && chance.is(0.5)) counter.store = replica
  },
  'Redis is away to a server': (world) => {
    const counter = world.anyServer()?.counter ?? null
    if (counter === null) return
    counter.isCutOff = true
    world.scheduler.after(world.chance.of([5, 50, 500]), WORLD, () => (counter.isCutOff = false))
  },
  'Redis is slow to a server': (world) => {
    const server = world.anyServer()
    if (server === null) return
    server.isCounterSlow = true
    world.scheduler.after(world.chance.of([5, 50, 500]), WORLD, () => (server.isCounterSlow = false))
  },
  'the database restarts': ({ database, servers }) => {
    database.failOver(0)
    for (const server of servers) server.disconnect()
  },
  'the database is away': ({ database, servers, scheduler, chance }) => {
    const whose = [...servers]
    database.failOver(0)
    const set = (isAway: boolean) => {
      for (const server of whose) server.isLedgerAway = server.ledger.isAway = isAway
    }
    // They take it for away only after a while: until then all is tried.
    const awayMs = chance.of([5, 20, 100])
    for (const server of whose) {
      server.isLedgerAway = true
      server.disconnect()
    }
    scheduler.after(
      chance.fraction() * awayMs,
      WORLD,
      () => whose.some(({ isLedgerAway }) => isLedgerAway) && set(true),
    )
    scheduler.after(awayMs, WORLD, () => set(false))
  },
  'the database seems away to a server': (world) => {
    const server = world.anyServer()
    if (server === null) return
    server.ledger.isAway = true
    world.scheduler.after(world.chance.of([5, 50, 500]), WORLD, () => (server.ledger.isAway = false))
  },
  'the database fails over and loses commits': (world) => {
    failOver(world)
    for (const server of world.servers) server.disconnect()
  },
  'the database fails over behind a proxy': failOver,
  'somebody holds the row': ({ database, campaignIds, scheduler, chance }) => {
    const transaction = database.lock([chance.of(campaignIds)])
    if (transaction !== BLOCKED)
      scheduler.after(chance.of([5, 100, 2_000]), WORLD, () => database.rollback(transaction))
  },
  'pause and resume': (world) => {
    const id = world.chance.of(world.campaignIds)
    void world.change(id, { paused: true })
    world.scheduler.after(
      world.chance.below(50),
      WORLD,
      () => world.isHealed || void world.change(id, { paused: false }),
    )
  },
  'the end comes and goes': (world) => {
    const id = world.chance.of(world.campaignIds)
    const campaign = world.database.campaign(id)
    if (campaign === undefined) return
    const endTimeMs = Math.max(world.database.nowMs() + world.chance.below(20), campaign.startTimeMs + 1)
    void world.change(id, { endTimeMs })
    world.scheduler.after(
      world.chance.below(80),
      WORLD,
      () => world.isHealed || void world.change(id, { endTimeMs: null }),
    )
  },
  'the total is raised': (world) =>
    changeTotal(world, ({ totalCoupons }) => totalCoupons + world.chance.between(1, 10)),
  'the total is lowered': (world) =>
    changeTotal(world, ({ totalCoupons }) => Math.max(1, totalCoupons - world.chance.between(1, 10))),
  'deleted and made anew': (world) => {
    const id = world.chance.of(world.campaignIds)
    const old = world.database.campaign(id)
    const server = world.anyServer()
    if (old === undefined || server === null || world.database.table(id).isFilled) return
    void world.track(server, server.campaigns.delete(id, SOMEBODY), ({ code }) => {
      if (code !== 'deleted') return code
      const again = { ...old, startTimeMs: null, totalCoupons: world.chance.between(1, 10) }
      world.database.createCampaign(again)
      world.tell(() => `${id} is made anew, with ${again.totalCoupons}`)
      return code
    })
  },
}

function failOver(world: World): void {
  world.database.failOver(world.chance.between(1, 3))
  world.clockShiftMs += world.chance.of([0, 0, -1_000, 1_000])
}

function changeTotal(world: World, to: (campaign: Campaign) => number): void {
  const id = world.chance.of(world.campaignIds)
  const campaign = world.database.campaign(id)
  if (campaign !== undefined) void world.change(id, { totalCoupons: to(campaign) })
}
