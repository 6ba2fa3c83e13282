// What the service reads from a connection, and how long it waits for it. Each number with its reason.

/** The longest body that makes sense is a create with 4 KiB of metadata, every character escaped as \uXXXX: under 16 KiB. */
export const BODY_BYTES_MAX = 16 * 1_024

/** All headers together, request line included: Node's own default, written down because messages quote it. */
export const HEADER_BYTES_MAX = 16 * 1_024

/** Headers are one packet or a few. A client that needs longer is stuck, or holds connections open on purpose. */
export const HEADERS_MS_MAX = 5_000

/** The whole request: 16 KiB over a bad mobile link, and above HEADERS_MS_MAX as Node demands. */
export const REQUEST_MS_MAX = 10_000

/** How often Node looks for requests that are over their time: it is the error of the two above. */
export const CONNECTIONS_CHECK_MS = 1_000

/**
 * An idle connection is kept longer than load balancers keep theirs (60 s is the usual default), so that it is they who
 * close it: else a request now and then meets a connection that was closed a moment ago.
 */
export const KEEP_ALIVE_MS = 75_000

/** Nothing at all moves on the connection: above KEEP_ALIVE_MS and above the longest a reply may take (8 s). */
export const CONNECTION_IDLE_MS_MAX = 90_000

/** After a malformed request, or beside a body that is much too long, the reply needs time to arrive before the cut. */
export const LINGER_MS = 1_000

/** A refused body of so much is read away, so that the reply arrives and requests behind it are heard: a photo, by mistake. */
export const BODY_REST_BYTES_MAX = 1_024 * 1_024

/** A page of the campaign list counts coupons for each campaign on it. */
export const CAMPAIGN_PAGE_MAX = 100
export const CAMPAIGN_PAGE_DEFAULT = 20

/** Changes carry two campaigns each, with 4 KiB of metadata at the worst: a megabyte. */
export const CHANGE_PAGE_MAX = 100
export const CHANGE_PAGE_DEFAULT = 20

/** About 250 kB of JSON. */
export const COUPON_PAGE_MAX = 1_000
export const COUPON_PAGE_DEFAULT = 100

/** Code points after trimming: the width of the columns `name` and `recipient`. */
export const TEXT_CODE_POINTS_MAX = 255

/** As compact JSON in UTF-8: notes for the caller's own use, read with every page of the list. */
export const METADATA_BYTES_MAX = 4 * 1_024
/** `{}` is 1. Deep enough for grouped notes, far from any parser's limit. */
export const METADATA_DEPTH_MAX = 5

/** Generous for a UUID or a composed key; a longer one is somebody's payload. */
export const IDEMPOTENCY_KEY_LENGTH_MAX = 255

/** Retries spread over ± 50 % of what is said, so that callers who were refused together do not come back together. */
export const RETRY_JITTER = 0.5
/** When a fault does not say itself when asking again makes sense. */
export const RETRY_MS_DEFAULT = 1_000

/** Lists read at once: as many as the ledger has connections for them, and no more work than one core can do beside a sale. */
export const LISTS_INSIDE_MAX = 2
/** Lists that wait for those: a page takes milliseconds, so that this is a second or less. */
export const LISTS_WAITING_MAX = 32
/** With a database that is slow, or counts much for the first time: an answer is promised within 10 s. */
export const LISTS_WAIT_MS_MAX = 3_000
export const LISTS_RETRY_MS = 1_000

/** Exports at once. None waits: one may take minutes. */
export const EXPORTS_INSIDE_MAX = 2
export const EXPORTS_RETRY_MS = 10_000
/** For all of it; the database keeps what others change meanwhile. A hundred million coupons fit. */
export const EXPORT_MS_MAX = 3_600_000
/** For a page, a quarter of a megabyte: who has not taken it by then has gone, or holds the database's snapshot on purpose. */
export const EXPORT_STALL_MS_MAX = 30_000
/** While coupons are being issued, an export pauses this many times as long as it worked: it takes a tenth of a core. */
export const EXPORT_PAUSE_FACTOR = 9
/** A page that was slow for another reason: with the stall above, the connection to the database must not idle for 60 s. */
export const EXPORT_PAUSE_MS_MAX = 5_000

/** Audits at once. None waits: one may take minutes. */
export const AUDITS_INSIDE_MAX = 1
/** A small campaign is audited by then; whoever asks for a big one is told how far it is. */
export const AUDIT_ANSWER_MS_MAX = 1_000
/** When there is more to be told, or room for another. */
export const AUDIT_RETRY_MS = 2_000
/** A report serves all who ask for so long, or for as long as it took. */
export const AUDIT_FRESH_MS = 5_000
/** For all of it: the database keeps what others change meanwhile. */
export const AUDIT_MS_MAX = 3_600_000

/** Values of Accept-Language whose meaning is remembered, and how long one may be for that. */
export const LANGUAGES_REMEMBERED_MAX = 1_000
export const LANGUAGE_LENGTH_MAX = 200

/** Faults repeat by the thousand in an outage: one line a second and code tells as much. */
export const FAULT_LOG_PAUSE_MS = 1_000

/** Looking after database and counter for /readyz: shared by all who ask within this time, given up after it. */
export const HEALTH_FRESH_MS = 1_000
