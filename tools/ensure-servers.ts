// Are the servers, the proxies and the browser there that the tests start? As root on Debian or Ubuntu, what is missing is installed; elsewhere the
// one line to run is printed. Servers are never started by this: the tests start private ones (test/servers).
//
//   TEST_MYSQL_URL, TEST_REDIS_URL   servers to use instead: those need not be installed
//   TEST_HAPROXY, TEST_NGINX         proxies to use instead
//   TEST_CHROMIUM                    a browser to use instead: Chromium or Chrome
//   FIRSTCOME_NO_APT=1               never install anything

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { findProgram, findServer, type ServerKind } from '../test/servers/find.ts'

const PACKAGES = {
  mysql: 'mariadb-server',
  redis: 'redis-server',
  haproxy: 'haproxy',
  nginx: 'nginx',
  chromium: 'chromium',
} as const
const INSTEAD = {
  mysql: 'TEST_MYSQL_URL',
  redis: 'TEST_REDIS_URL',
  haproxy: 'TEST_HAPROXY',
  nginx: 'TEST_NGINX',
  chromium: 'TEST_CHROMIUM',
} as const
const KINDS = ['mysql', 'redis', 'haproxy', 'nginx', 'chromium'] as const

const missing = KINDS.filter((kind) => !process.env[INSTEAD[kind]] && findServer(kind) === null)
if (missing.length > 0) provide(missing)
for (const kind of KINDS)
  say(`${kind}: ${process.env[INSTEAD[kind]] ? `the one of ${INSTEAD[kind]}` : findServer(kind)}`)

function provide(kinds: readonly ServerKind[]): void {
  const packages = kinds.map((kind) => PACKAGES[kind])
  const install = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  const names = packages.join(' and ')
  const refusal = whyNotInstall()
  if (refusal !== null) {
    fail(
      `${names} missing, and not installed here: ${refusal}. Please run\n` +
        `  apt-get update && ${install}\n` +
        `or set ${kinds.map((kind) => INSTEAD[kind]).join(' and ')}: URLs of servers that tests may fill and empty, programs of the others.`,
    )
  }
  say(`${names} missing: installing (${install}) …`)
  const keepConfiguration = '-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold' // else dpkg may ask
  withoutStartingServices(() => {
    const fresh = !hasPackageLists()
    if (fresh) apt('apt-get update -q')
    if (apt(`${install} ${keepConfiguration}`) || fresh) return
    apt('apt-get update -q') // lists that are too old name files that are gone
    apt(`${install} ${keepConfiguration}`)
  })
  const still = kinds.filter((kind) => findServer(kind) === null)
  if (still.length > 0) fail(`could not install ${still.map((kind) => PACKAGES[kind]).join(' and ')}`)
}

function whyNotInstall(): string | null {
  if (process.env['FIRSTCOME_NO_APT'] === '1') return 'FIRSTCOME_NO_APT is set'
  if (process.getuid?.() !== 0) return 'this is not root'
  if (!isDebian() || findProgram(['apt-get']) === null) return 'this is neither Debian nor Ubuntu'
  return null
}

function isDebian(): boolean {
  if (!existsSync('/etc/os-release')) return false
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'))
}

function hasPackageLists(): boolean {
  const lists = '/var/lib/apt/lists'
  return existsSync(lists) && readdirSync(lists).some((file) => file.includes('_Packages'))
}

function apt(command: string): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync(command, { shell: true, stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0
}

/** A package that starts its service would leave a server behind on the machine of whoever only wants to run tests. */
function withoutStartingServices(work: () => void): void {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return work()
  const remove = () => rmSync(policy, { force: true })
  process.once('exit', remove) // also when fail() ends the process
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  work()
  remove()
}

function say(message: string): void {
  process.stdout.write(`servers: ${message}\n`)
}

function fail(message: string): never {
  process.stderr.write(`servers: ${message}\n`)
  process.exit(1)
}
