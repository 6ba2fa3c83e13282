// Every limit of the counter, in the form of the path's own table (src/issue/limits.ts).

export const COUNTER_LIMITS = {
  reserveCountMax: {
    value: 10_000,
    unit: 'slots',
    why: 'In one ask, twenty times a batch: a wrong number must not burn a campaign in one step.',
  },
  totalMax: {
    value: 2_147_483_647,
    unit: 'slots',
    why: 'What the column `total_coupons` holds.',
  },
  replyMsMax: {
    value: 300,
    unit: 'ms',
    why: 'From the call to its last reply: a healthy Redis needs 1 ms, and the ledger way is there for whoever gives up.',
  },
  expirySeconds: {
    value: 7 * 24 * 3600,
    unit: 's',
    why: 'From the last slot taken until a campaign is forgotten. Longer than a weekend without a sale; forgetting costs one resync.',
  },
  connectMsMax: {
    value: 2_000,
    unit: 'ms',
    why: 'For a TCP connection and TLS, before it is tried anew.',
  },
  reconnectMsMin: {
    value: 50,
    unit: 'ms',
    why: 'Before the first try to reconnect; it doubles with each. With jitter, so that servers do not come back in step.',
  },
  reconnectMsMax: {
    value: 1_000,
    unit: 'ms',
    why: 'Between two tries, for ever: a Redis that came back is used again a second later.',
  },
  pingMs: {
    value: 1_000,
    unit: 'ms',
    why: 'Between two PINGs on a connection: an idle one that died is noticed before a crowd needs it.',
  },
  silenceMsMax: {
    value: 3_000,
    unit: 'ms',
    why: 'Nothing sent and nothing received, though there were PINGs to answer: the connection is dropped and opened anew.',
  },
  stallMsMax: {
    value: 10_000,
    unit: 'ms',
    why: 'While a command is overdue nothing more is sent behind it. Well beyond `silenceMsMax`, which ends it as a rule.',
  },
  probeMs: {
    value: 250,
    unit: 'ms',
    why: 'After an answer that came late, until it is asked once more, by nobody who waits. No request is sent before one came in time.',
  },
  awayMs: {
    value: 1_000,
    unit: 'ms',
    why: 'Without an answer for so long, Redis is away: the log says so, once. What is shorter shows in the metrics.',
  },
  refusalMs: {
    value: 5_000,
    unit: 'ms',
    why: 'After a command that was refused, and none that was not, a PING does not count. Longer than two looks at `/readyz`.',
  },
  topologyMs: {
    value: 1_000,
    unit: 'ms',
    why: 'Between two questions to a cluster who serves what, while one of its servers cannot be reached.',
  },
} as const
