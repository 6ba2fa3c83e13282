// How often keys are read, and who waits for that. Each number with its reason.

/** A key that was revoked elsewhere is refused after this and a statement: seconds, for one small statement in so long. */
export const KEYS_READ_MS = 2_000

/** Between two readings for keys that are not known here: guesses by the thousand cost the database four statements a second. */
export const KEYS_READ_MS_MIN = 250

/** Calls with unknown keys that wait for such a reading. More at once are guesses, and told `unavailable` without one. */
export const UNKNOWN_WAITING_MAX = 1_000

/** That such a call waits at most: with a database that does not answer it is told so in time. */
export const UNKNOWN_WAIT_MS_MAX = 3_000

/** Headers that are remembered as right until then: each client's own, and whatever spaces somebody puts into it. */
export const KEYS_PROVED_MAX = 1_000

/** Of each limit's window: forgotten whole, so that a refusal is never older than this. */
export const RATE_WINDOW_MS = 1_000

/** Whose calls of this second are counted, of recipients and of clients each: beyond, nobody new is, and nobody is refused for it. */
export const RATES_COUNTED_MAX = 50_000

/** The public half: 60 bits, so that two never meet. */
export const KEY_ID_LENGTH = 12
/** The secret half: 160 bits, beyond any guessing, so that a fast hash is good enough. */
export const KEY_SECRET_LENGTH = 32

/** Ids that are taken, in a row: two would be a broken source of chance. */
export const KEY_DRAWS_MAX = 5

/** Of a bootstrap key, which somebody made up: a password that is remembered is too short. */
export const BOOTSTRAP_LENGTH_MIN = 32
/** It goes into a header beside others. */
export const BOOTSTRAP_LENGTH_MAX = 512
