// Every limit on the path of an issue. docs/limits.md shows this table; a test compares them.

export const ISSUE_LIMITS = {
  batchRowsMax: {
    value: 500,
    unit: 'requests',
    why: 'One statement of some 100 kB; beyond it a batch takes longer and carries no more a second.',
  },
  flightsMax: {
    value: 4,
    unit: 'batches',
    why: 'Batches under way at once: while one commits, others are read and reserved. One campaign holds at most all but one.',
  },
  waitMsMax: {
    value: 3_000,
    unit: 'ms',
    why: 'Whoever would wait longer in the queue is told `overloaded` at once. One campaign may fill half of it. `WAIT_MS_MAX`.',
  },
  queueBytesMax: {
    value: 128 * 1024 * 1024,
    unit: 'bytes',
    why: 'Of requests that are not answered: some 100,000 at 1.1 kB each, their connections not counted.',
  },
  requestMsMax: {
    value: 8_000,
    unit: 'ms',
    why: 'From arrival to an answer or `unavailable`. Longer than two statements, shorter than the usual 10 s of a caller.',
  },
  collisionsBeforeLedgerWay: {
    value: 2,
    unit: 'rounds',
    why: 'A request that met foreign rows twice stops guessing: the ledger way settles it under the lock.',
  },
  roundsMax: {
    value: 8,
    unit: 'rounds',
    why: 'Rounds that met foreign rows before a request is told `unavailable`; lost connections do not count.',
  },
  spareSlotsMax: {
    value: 1_000,
    unit: 'slots a campaign',
    why: 'Reserved slots that a batch did not use and the next one will. Beyond it they become gaps, which heal.',
  },
} as const
