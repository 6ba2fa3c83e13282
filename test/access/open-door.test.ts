// Who is let in while there are no keys: this machine, without a proxy, and no foreign page.

import { expect, test } from 'vitest'
import { isLoopback, strangerSign } from '../../src/access/open-door.ts'

test.each([
  '127.0.0.1',
  '127.8.9.10',
  '::1',
  '[::1]',
  '::ffff:127.0.0.1',
  'localhost',
  'LOCALHOST',
  'shop.localhost',
  'localhost.',
])('%s is this machine', (address) => expect(isLoopback(address)).toBe(true))

test.each([
  '0.0.0.0',
  '::',
  '10.0.0.1',
  '192.168.0.7',
  '::ffff:10.0.0.1',
  '128.0.0.1',
  '127.0.0.1.example',
  'localhost.example',
  'notlocalhost',
  '127.1.example',
  'example',
  '',
])('%s is not', (address) => expect(isLoopback(address)).toBe(false))

const GOOD: Record<string, string>[] = [
  {},
  { host: 'localhost:8080' },
  { host: '127.0.0.1' },
  { host: '[::1]:8080' },
  { host: 'localhost:8080', origin: 'http://localhost:8080' },
  { host: 'localhost', origin: 'http://localhost:80' },
]

test.each(GOOD.map((headers) => [JSON.stringify(headers), headers] as const))('%s is let in', (_, headers) => {
  expect(strangerSign(headers)).toBeNull()
})

const STRANGE: [headers: Record<string, string>, sign: RegExp][] = [
  [{ host: 'localhost', forwarded: 'for=1.2.3.4' }, /`forwarded`.*proxy/],
  [{ host: 'localhost', 'x-forwarded-for': '' }, /`x-forwarded-for`.*proxy/],
  [{ host: 'localhost', 'x-real-ip': '1.2.3.4' }, /`x-real-ip`.*proxy/],
  [{ host: 'coupons.example' }, /`Host`/],
  [{ host: 'localhost.evil.example:8080' }, /`Host`/],
  [{ host: '10.0.0.1:8080' }, /`Host`/],
  [{ host: '' }, /`Host`/],
  [{ host: 'localhost:8080', origin: 'http://localhost:3000' }, /`Origin`/],
  [{ host: 'localhost:8080', origin: 'https://evil.example' }, /`Origin`/],
  [{ host: 'localhost:8080', origin: 'null' }, /`Origin`/],
  [{ origin: 'http://localhost' }, /`Origin`/],
]

test.each(STRANGE.map(([headers, sign]) => [JSON.stringify(headers), headers, sign] as const))(
  '%s is not let in, and told why',
  (_, headers, sign) => expect(strangerSign(headers)).toMatch(sign),
)
