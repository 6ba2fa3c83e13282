// What goes wrong, in mixtures: a seed draws one of them. Rates are for one request on a wire, events for one run.

import { NO_FAULTS, type WireFaults } from './wire.ts'

export type EventKind =
  | 'a server is killed'
  | 'a server freezes'
  | 'Redis is flushed'
  | 'Redis is restored to an older state'
  | 'Redis loses a key'
  | 'Redis holds nonsense'
  | 'Redis runs ahead'
  | 'Redis is away'
  | 'Redis is split'
  | 'Redis is away to a server'
  | 'Redis is slow to a server'
  | 'the database restarts'
  | 'the database is away'
  | 'the database seems away to a server'
  | 'the database fails over and loses commits'
  | 'the database fails over behind a proxy'
  | 'somebody holds the row'
  | 'pause and resume'
  | 'the end comes and goes'
  | 'the total is raised'
  | 'the total is lowered'
  | 'deleted and made anew'

export interface Mix {
  readonly name: string
  readonly ledger?: Partial<WireFaults>
  readonly counter?: Partial<WireFaults>
  /** How often each at most. */
  readonly events?: Partial<Record<EventKind, number>>
  /** Of the calls whose callers hang up, or never hear of their answer. */
  readonly hangUps?: number
  /** Codes so short that they collide. */
  readonly hasNarrowCodes?: boolean
  /** Of the requests whose rows fit no table. */
  readonly poison?: number
  /** One server, and everybody asks several times at once. */
  readonly isAlone?: boolean
  /** No counter, one lock for all campaigns, one server. */
  readonly isEmbedded?: boolean
  readonly hasCounter?: boolean
}

const lossyLedger: Partial<WireFaults> = { requestLost: 0.04, replyLost: 0.06, late: 0.04, refused: 0.04 }
const lossyCounter: Partial<WireFaults> = { requestLost: 0.08, replyLost: 0.08, late: 0.05 }
const changes: Mix['events'] = {
  'pause and resume': 2,
  'the end comes and goes': 1,
  'the total is raised': 2,
  'the total is lowered': 2,
}
const redis: Mix['events'] = {
  'Redis is flushed': 2,
  'Redis is restored to an older state': 2,
  'Redis loses a key': 2,
  'Redis holds nonsense': 2,
  'Redis runs ahead': 2,
  'Redis is away': 2,
  'Redis is split': 1,
  'Redis is away to a server': 2,
  'Redis is slow to a server': 2,
}

export const MIXES: readonly Mix[] = [
  { name: 'healthy' },
  { name: 'healthy, without a counter', hasCounter: false },
  { name: 'healthy, with changes', events: changes },
  { name: 'healthy, one server, and everybody asks again and again', isAlone: true },
  { name: 'embedded', isEmbedded: true, events: changes, hangUps: 0.1 },
  { name: 'replies of the database are lost', ledger: { replyLost: 0.15 } },
  { name: 'requests to the database are lost or late', ledger: { requestLost: 0.1, late: 0.15 } },
  { name: 'deadlocks', ledger: { refused: 0.2 } },
  { name: 'servers are killed', events: { 'a server is killed': 4 }, hangUps: 0.05 },
  { name: 'servers freeze', events: { 'a server freezes': 3, 'somebody holds the row': 1 } },
  { name: 'Redis loses and lies', events: redis },
  { name: 'Redis hardly answers', counter: { requestLost: 0.3, replyLost: 0.3, late: 0.1 }, events: redis },
  { name: 'callers hang up', hangUps: 0.3, ledger: { replyLost: 0.05 } },
  { name: 'codes collide', hasNarrowCodes: true, ledger: { replyLost: 0.05 } },
  { name: 'rows that do not fit', poison: 0.1, ledger: { replyLost: 0.03 } },
  {
    name: 'changes among faults',
    ledger: lossyLedger,
    events: { ...changes, 'a server is killed': 1, 'somebody holds the row': 1 },
  },
  {
    name: 'campaigns are made anew',
    ledger: { replyLost: 0.04 },
    events: { 'deleted and made anew': 2, 'a server freezes': 1, 'Redis is restored to an older state': 1 },
  },
  {
    name: 'the database restarts',
    events: {
      'the database restarts': 3,
      'the database seems away to a server': 2,
      'a server is killed': 1,
      'the database is away': 2,
    },
  },
  {
    name: 'the database forgets',
    ledger: { replyLost: 0.03 },
    events: { ...changes, 'the database fails over and loses commits': 2, 'a server is killed': 1 },
  },
  { name: 'the database forgets behind a proxy', events: { 'the database fails over behind a proxy': 1 } },
  {
    name: 'everything at once',
    ledger: lossyLedger,
    counter: lossyCounter,
    hangUps: 0.15,
    events: { ...changes, ...redis, 'a server is killed': 3, 'a server freezes': 2, 'the database restarts': 1 },
  },
]

export function faultsOf(rates: Partial<WireFaults> | undefined): WireFaults {
  return { ...NO_FAULTS, ...rates }
}

/** Nothing that could cost a caller its answer. */
export function isHealthy({ name }: Mix): boolean {
  return name.startsWith('healthy')
}
