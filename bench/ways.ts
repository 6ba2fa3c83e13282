// The ways to give coupons away that are compared, by name, with what tables and pictures call them.

export const PEERS = {
  nothing: 'a route that does nothing: the ceiling',
  'one-at-a-time': 'one at a time: SELECT, INCR, INSERT, DECR on error',
  'conditional-update': 'UPDATE … WHERE issued < total, INSERT',
  'locked-count': 'SELECT … FOR UPDATE, COUNT, INSERT',
  'rows-in-advance': 'rows made in advance, SKIP LOCKED',
} as const

export const OURS = {
  'MySQL alone': 'Firstcome: MySQL alone',
  embedded: 'Firstcome: embedded SQLite',
  'MySQL and Redis': 'Firstcome: MySQL and Redis',
} as const

export const WAYS = { ...PEERS, ...OURS }

export type PeerKind = keyof typeof PEERS
export type OursKind = keyof typeof OURS
export type Way = PeerKind | OursKind

export const ALL_WAYS = Object.keys(WAYS) as Way[]

export function isPeer(way: Way): way is PeerKind {
  return way in PEERS
}
