// The peers by name, with what the table calls them.

export const PEERS = {
  nothing: 'a route that does nothing',
  'one-at-a-time': 'one at a time: SELECT, INCR, INSERT, DECR on error',
  'conditional-update': 'UPDATE … WHERE issued < total, INSERT',
  'locked-count': 'SELECT … FOR UPDATE, COUNT, INSERT',
  'rows-in-advance': 'rows made in advance, SKIP LOCKED',
} as const

export type PeerKind = keyof typeof PEERS
