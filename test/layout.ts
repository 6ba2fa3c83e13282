// The invariants of the layout, said as absences: who imports whom in src, and what is where. Fed with any tree, so that
// its test can show that each rule bites. A simple reader, no compiler: comments are blanked, imports found by their form.

import { dirname, join } from 'node:path/posix'

/** Path, as `src/issue/issue.ts`, to text. */
export type Tree = ReadonlyMap<string, string>

/** `file:line: what is wrong` */
export type Complaint = string

interface Import {
  readonly line: number
  /** A path as in the tree, or the name of a package. */
  readonly target: string
  readonly typeOnly: boolean
}

interface Source {
  readonly path: string
  /** Without comments; lines are where they were. */
  readonly text: string
  readonly imports: readonly Import[]
}

/** They meet in issue.ts only. */
const STATIONS = ['src/issue/batcher.ts', 'src/issue/fast-way.ts', 'src/issue/ledger-way.ts']
const WIRE = 'src/wire.ts'
const CONFIG = 'src/config.ts'
/** `src/ledger/mysql.ts`, `src/ledger/mysql-x.ts` and `src/ledger/mysql/x.ts` are one adapter. */
const ADAPTER = /^src\/(?<name>counter\/redis|ledger\/mysql|ledger\/sqlite|audit\/mysql|audit\/sqlite)[^/]*(\.ts|\/.*)$/
/** What opens a connection: of all that it audits, an audit leans on this alone. */
const PLUMBING = ['src/ledger/mysql/connection.ts', 'src/ledger/mysql/url.ts']
const DRIVERS = /^(mysql2|@redis\/client|node:sqlite)(\/|$)/
/** Metrics and traces stand behind a port: the path and its stores know none of their libraries. */
const TELEMETRY = 'src/telemetry/'
const TELEMETRY_LIBRARIES = /^@(prometheus-io|opentelemetry)\//
const COUNTED = /^src\/(issue|campaign|counter|ledger|audit)\//
/** A caller like any other: what it knows of the service, it knows from the documents. */
const LOAD = 'src/load/'
const HOST = 'src/host.ts'
/** Who may call what: of the rest it knows time, randomness and the answers. */
const ACCESS = 'src/access/'
const ANSWERS = 'src/answers.ts'
/** Opens every log, and takes the texts out of errors. */
const LOG = 'src/telemetry/log.ts'
/** What begins and ends processes, and the process that it runs in: neither knows the service, nor could it be ended by it. */
const WORKERS = 'src/workers/'
const CLUSTER = 'src/workers/cluster.ts'
const PRIMARY = 'src/cli/serve/primary.ts'
/** A store behind the second of them would be opened in the primary. */
const OF_WORKERS = /^src\/(workers\/|telemetry\/|host\.ts$)/
const OF_PRIMARY = /^src\/(workers\/|telemetry\/|host\.ts$|config\.ts$|cli\/serve\/welcome\.ts$)/
const TALKERS = /^src\/(cli\/|main\.ts$)/
const NAMELESS = /(^|\/)(utils?|helpers?)(\/|\.ts$)/

/** What the rules name: a rule whose file was renamed would forbid nothing. */
export const NAMED = [
  ...STATIONS,
  ...PLUMBING,
  WIRE,
  CONFIG,
  HOST,
  ANSWERS,
  'src/access/caller.ts',
  LOG,
  'src/load/load.ts',
  'src/main.ts',
  'src/counter/redis.ts',
  'src/ledger/sqlite.ts',
  'src/audit/mysql.ts',
  'src/telemetry/telemetry.ts',
  CLUSTER,
  PRIMARY,
  'src/cli/serve/welcome.ts',
]

export function complaints(tree: Tree): Complaint[] {
  const sources = [...tree].map(([path, text]) => read(path, text))
  return sources.flatMap((source) => [
    ...names(source),
    ...stations(source),
    ...adapters(source),
    ...audit(source),
    ...load(source),
    ...access(source),
    ...telemetry(source),
    ...workers(source),
    ...environment(source),
    ...logs(source),
    ...consoles(source),
  ])
}

function names({ path }: Source): Complaint[] {
  const found: Complaint[] = []
  if (NAMELESS.test(path)) found.push(`${path}:1: put it where its data is: no utils, no helpers`)
  if (/(^|\/)index\.ts$/.test(path)) found.push(`${path}:1: no barrels: import from the file itself`)
  return found
}

function stations({ path, imports }: Source): Complaint[] {
  if (!STATIONS.includes(path)) return []
  return imports
    .filter(({ target, typeOnly }) => !typeOnly && STATIONS.includes(target))
    .map(({ line, target }) => `${path}:${line}: stations do not import each other (${target}): issue.ts joins them`)
}

function adapters({ path, imports }: Source): Complaint[] {
  const own = adapterOf(path)
  return imports.flatMap(({ line, target }) => {
    const other = adapterOf(target)
    const isPlumbing = own === 'audit/mysql' && PLUMBING.includes(target)
    if (other !== undefined && other !== own && path !== WIRE && !isPlumbing) {
      return [`${path}:${line}: only ${WIRE} imports adapters (${target}): speak to the port`]
    }
    if (DRIVERS.test(target) && own === undefined) {
      return [`${path}:${line}: only adapters import drivers (${target})`]
    }
    return []
  })
}

function adapterOf(path: string): string | undefined {
  return ADAPTER.exec(path)?.groups?.['name']
}

function audit({ path, imports }: Source): Complaint[] {
  if (!path.startsWith('src/audit/')) return []
  return imports
    .filter(({ target }) => /^src\/(issue|counter|ledger)\//.test(target) && !PLUMBING.includes(target))
    .map(({ line, target }) => `${path}:${line}: the audit shares nothing with what it audits (${target})`)
}

function load({ path, imports }: Source): Complaint[] {
  if (!path.startsWith(LOAD)) return []
  return imports
    .filter(({ target }) => target.startsWith('src/') && !target.startsWith(LOAD) && target !== HOST)
    .map(({ line, target }) => `${path}:${line}: the load is a caller, it imports nothing of the service (${target})`)
}

function access({ path, imports }: Source): Complaint[] {
  if (!path.startsWith(ACCESS)) return []
  return imports
    .filter(
      ({ target }) => target.startsWith('src/') && !target.startsWith(ACCESS) && target !== HOST && target !== ANSWERS,
    )
    .map(({ line, target }) => `${path}:${line}: who may call is decided without the rest of the service (${target})`)
}

function telemetry({ path, imports }: Source): Complaint[] {
  if (path.startsWith(TELEMETRY)) return []
  return imports.flatMap(({ line, target }) => {
    if (TELEMETRY_LIBRARIES.test(target)) return [`${path}:${line}: only ${TELEMETRY} imports it (${target})`]
    if (COUNTED.test(path) && target.startsWith(TELEMETRY)) {
      return [`${path}:${line}: what is counted does not know who counts (${target}): speak to src/issue/meter.ts`]
    }
    return []
  })
}

function workers({ path, imports }: Source): Complaint[] {
  const mayImport = path === PRIMARY ? OF_PRIMARY : path.startsWith(WORKERS) ? OF_WORKERS : null
  return imports.flatMap(({ line, target }) => {
    if (path !== CLUSTER && /^(node:)?cluster$/.test(target)) return [`${path}:${line}: only ${CLUSTER} forks`]
    const isForeign = mayImport !== null && target.startsWith('src/') && !mayImport.test(target)
    return isForeign ? [`${path}:${line}: a primary knows nothing of the service (${target})`] : []
  })
}

function environment({ path, text, imports }: Source): Complaint[] {
  if (path === CONFIG) return []
  const lines = [
    ...linesOf(text, /\bprocess\s*(\?\.|\.|\[\s*['"`])\s*env\b|\benv\b[^\n=]*\}\s*=\s*process\b/g),
    ...imports.filter(({ target }) => /^(node:)?process$/.test(target)).map(({ line }) => line),
  ]
  return lines.map((line) => `${path}:${line}: only ${CONFIG} reads the environment`)
}

function logs({ path, imports }: Source): Complaint[] {
  if (path === LOG) return []
  return imports
    .filter(({ target, typeOnly }) => !typeOnly && target === 'pino')
    .map(({ line }) => `${path}:${line}: only ${LOG} opens a log: errors leave their texts there`)
}

function consoles({ path, text }: Source): Complaint[] {
  if (TALKERS.test(path)) return []
  return linesOf(text, /\bconsole\s*\.\s*\w/g).map((line) => `${path}:${line}: no console here: use the log`)
}

function read(path: string, original: string): Source {
  const text = withoutComments(original)
  const what = String.raw`(?:\*(?:\s+as\s+\w+)?|\w+(?=\s+from|\s*,)|\{[^}]*\})(?:\s*,\s*(?:\{[^}]*\}|\*\s+as\s+\w+))?`
  const forms = [
    new RegExp(
      String.raw`^[ \t]*(?:import|export)\s+(?<type>type\s+)?${what}\s*from\s*['"](?<target>[^'"\n]+)['"]`,
      'gm',
    ),
    /^[ \t]*import\s*['"](?<target>[^'"\n]+)['"]/gm,
    /\bimport\s*\(\s*['"](?<target>[^'"\n]+)['"]/g,
  ]
  const imports = forms.flatMap((form) =>
    [...text.matchAll(form)].map((match) => {
      const target = match.groups?.['target'] ?? ''
      return {
        line: lineAt(text, match.index + match[0].length),
        target: target.startsWith('.') ? join(dirname(path), target) : target,
        typeOnly: match.groups?.['type'] !== undefined,
      }
    }),
  )
  return { path, text, imports }
}

function withoutComments(text: string): string {
  const stringOrComment = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[^]|[^`\\])*`|\/\/[^\n]*|\/\*[^]*?\*\//g
  return text.replace(stringOrComment, (found) => (found.startsWith('/') ? found.replace(/[^\n]/g, ' ') : found))
}

function linesOf(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map((match) => lineAt(text, match.index))
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
