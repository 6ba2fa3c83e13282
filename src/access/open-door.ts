// Without keys whoever reaches the service may do everything, so that only this machine may reach it. An address of
// loopback alone is not enough: a proxy on this machine hands the world's requests on, and a browser on it those of any page.

import { isIPv4 } from 'node:net'

/** Who says so is a proxy. */
const PROXY_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
] as const

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** @param address as a listening socket tells it, or a name of this machine */
export function isLoopback(address: string): boolean {
  const host = address.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:/i, '')
  if (isIPv4(host)) return host.startsWith('127.')
  return host === '::1' || /^(?:[\w-]+\.)*localhost\.?$/i.test(host)
}

/** Why such a request is not let in while there are no keys, in words for the caller; null: it is. */
export function strangerSign(headers: Headers): string | null {
  const { host, origin } = headers as { host?: string; origin?: string }
  for (const name of PROXY_HEADERS) {
    if (headers[name] !== undefined) return because(`\`${name}\` says that this came through a proxy`)
  }
  // A page whose name was made to lead here.
  if (host !== undefined && !isLoopback(host.replace(/:\d*$/, '')))
    return because('`Host` is no name of that, such as localhost')
  if (origin !== undefined && !isOwn(origin, host)) return because('`Origin` says that a foreign web page sent this')
  // An image or a link of such a page has no `Origin`.
  if (/^(?:cross|same)-site$/.test(String(headers['sec-fetch-site'])))
    return because('`Sec-Fetch-Site` says that a foreign web page sent this')
  return null
}

function isOwn(origin: string, host = ''): boolean {
  const ours = `http://${host}`
  return URL.canParse(origin) && URL.canParse(ours) && new URL(origin).host === new URL(ours).host
}

function because(sign: string): string {
  return `This server has no keys and is for its own machine only, and ${sign}: make a key with \`firstcome key create\`.`
}
