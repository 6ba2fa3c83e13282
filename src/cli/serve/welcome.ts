// What a server says on standard output.

import type { Config } from '../../config.ts'
import { version } from '../../version.ts'

export function greeting(url: string): string {
  return `Firstcome ${version} listens on ${url}\n`
}

/** What somebody who has just started it wants to know, and something to paste. */
export function welcome({ store, workers }: Config, url: string, isOpen: boolean): string {
  const data =
    store.kind === 'embedded'
      ? `${store.path} (embedded SQLite; for more than one server set MYSQL_URL and REDIS_URL)`
      : `MySQL ${store.redis === null ? 'alone (with REDIS_URL it is faster)' : 'and Redis'}`
  const campaign = `{"id":"hello","name":"Hello","start_time":"now","total_coupons":100}`
  const keys = isOpen
    ? 'none: whoever is on this machine may do everything, until `firstcome key create` makes one'
    : 'needed: FIRSTCOME_API_KEY holds yours, `firstcome key create` makes one'
  const key = isOpen ? '' : ` -H "authorization: Bearer $FIRSTCOME_API_KEY"`
  return `Ready.
  data   ${data}
${workers === 1 ? '' : `  workers ${workers}\n`}  keys   ${keys}
  docs   ${url}/docs
  try    curl -s ${url}/v1/campaigns${key} -H 'content-type: application/json' -d '${campaign}'
         curl -s -X POST ${url}/v1/campaigns/hello/coupons${key}
Ctrl-C ends it.
`
}
