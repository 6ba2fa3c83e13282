// Bounds of what a primary process and its workers wait for.

/** A worker that ended sooner than that after its birth died young: the next one is not begun at once. */
export const YOUNG_MS = 10_000

/** Before a new worker is begun for one that died young; doubled with each, so that a broken machine is not kept busy. */
export const RESTART_PAUSE_MS = 250
export const RESTART_PAUSE_MS_MAX = 10_000

/** Beyond the time in which a worker ends by itself; then it is killed. */
export const END_SPARE_MS = 2_000

/** For the numbers of all workers: above the second in which a worker may look for a silent database. */
export const NUMBERS_MS_MAX = 2_000

/** For the text that the primary makes of them: above what it waits itself. */
export const TEXT_MS_MAX = 3_000

/** For the primary to say that nothing more is on its way to a worker which takes no more connections. */
export const LEAVE_MS_MAX = 2_000

/** For a worker's last words to be on their way. */
export const FAREWELL_MS_MAX = 500
