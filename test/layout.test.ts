import { readdirSync, readFileSync } from 'node:fs'
import { sep } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Tree, complaints, NAMED } from './layout.ts'

const ROOT = new URL('../', import.meta.url)

function realTree(): Tree {
  const paths = readdirSync(new URL('src/', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `src/${path.replaceAll(sep, '/')}`)
  return new Map(paths.map((path) => [path, readFileSync(new URL(path, ROOT), 'utf8')]))
}

test('src keeps to its layout', () => {
  expect(complaints(realTree())).toEqual([])
})

test('what the rules name is there', () => {
  const tree = realTree()
  expect(NAMED.filter((path) => !tree.has(path))).toEqual([])
})

describe('a rule complains, with file and line,', () => {
  const cases: readonly [title: string, path: string, text: string, complaint: string][] = [
    [
      'of a station that imports another',
      'src/issue/fast-way.ts',
      "import { a } from '../host.ts'\nimport { b } from './ledger-way.ts'\n",
      'src/issue/fast-way.ts:2: stations do not import each other (src/issue/ledger-way.ts): issue.ts joins them',
    ],
    [
      'of a station that passes another on',
      'src/issue/batcher.ts',
      "export * from './fast-way.ts'\n",
      'src/issue/batcher.ts:1: stations do not import each other (src/issue/fast-way.ts): issue.ts joins them',
    ],
    [
      'of an import over many lines',
      'src/issue/ledger-way.ts',
      "import {\n  a, // one\n  type B,\n} from './batcher.ts'\n",
      'src/issue/ledger-way.ts:4: stations do not import each other (src/issue/batcher.ts): issue.ts joins them',
    ],
    [
      'of an adapter that others import',
      'src/http/routes.ts',
      "\n\nimport { openMysql } from '../ledger/mysql.ts'\n",
      'src/http/routes.ts:3: only src/wire.ts imports adapters (src/ledger/mysql.ts): speak to the port',
    ],
    [
      'of a port that imports its adapter, be it for a type',
      'src/counter/counter.ts',
      "import type { RedisCounter } from './redis.ts'\n",
      'src/counter/counter.ts:1: only src/wire.ts imports adapters (src/counter/redis.ts): speak to the port',
    ],
    [
      'of an adapter that is imported late',
      'src/cli/migrate.ts',
      "export async function migrate() {\n  await import('../ledger/sqlite.ts')\n}\n",
      'src/cli/migrate.ts:2: only src/wire.ts imports adapters (src/ledger/sqlite.ts): speak to the port',
    ],
    [
      'of an adapter that imports another',
      'src/ledger/sqlite.ts',
      "import { url } from './mysql/url.ts'\n",
      'src/ledger/sqlite.ts:1: only src/wire.ts imports adapters (src/ledger/mysql/url.ts): speak to the port',
    ],
    [
      'of a driver outside an adapter',
      'src/cli/migrate.ts',
      "import mysql, { type Pool } from 'mysql2/promise'\n",
      'src/cli/migrate.ts:1: only adapters import drivers (mysql2/promise)',
    ],
    [
      'of an audit that leans on the path',
      'src/audit/audit.ts',
      "import type { Outcome } from '../issue/outcome.ts'\n",
      'src/audit/audit.ts:1: the audit shares nothing with what it audits (src/issue/outcome.ts)',
    ],
    [
      'of an audit that asks with the words of the ledger',
      'src/audit/mysql.ts',
      "import { openConnection } from '../ledger/mysql/connection.ts'\nimport { NOW } from '../ledger/mysql/statements.ts'\n",
      'src/audit/mysql.ts:2: only src/wire.ts imports adapters (src/ledger/mysql/statements.ts): speak to the port\n' +
        'src/audit/mysql.ts:2: the audit shares nothing with what it audits (src/ledger/mysql/statements.ts)',
    ],
    [
      'of an audit that trusts the keys of the ledger',
      'src/audit/rows.ts',
      "import { recipientKeyOf } from '../ledger/coupon-keys.ts'\n",
      'src/audit/rows.ts:1: the audit shares nothing with what it audits (src/ledger/coupon-keys.ts)',
    ],
    [
      'of a load that knows the service from within',
      'src/load/answers.ts',
      "import type { Clock } from '../host.ts'\nimport { FAULTS } from '../answers.ts'\n",
      'src/load/answers.ts:2: the load is a caller, it imports nothing of the service (src/answers.ts)',
    ],
    [
      'of an access that knows what is behind the door',
      'src/access/key-ring.ts',
      "import { Fault } from '../answers.ts'\nimport type { Ledger } from '../ledger/ledger.ts'\n",
      'src/access/key-ring.ts:2: who may call is decided without the rest of the service (src/ledger/ledger.ts)',
    ],
    [
      'of a metric made beside the metrics',
      'src/http/server.ts',
      "import { Counter } from '@prometheus-io/client'\n",
      'src/http/server.ts:1: only src/telemetry/ imports it (@prometheus-io/client)',
    ],
    [
      'of a span made beside the traces',
      'src/ledger/mysql.ts',
      "import { trace } from '@opentelemetry/api'\n",
      'src/ledger/mysql.ts:1: only src/telemetry/ imports it (@opentelemetry/api)',
    ],
    [
      'of a path that knows who counts',
      'src/issue/batcher.ts',
      "import type { Meters } from '../telemetry/meters.ts'\n",
      'src/issue/batcher.ts:1: what is counted does not know who counts (src/telemetry/meters.ts): speak to src/issue/meter.ts',
    ],
    [
      'of a primary that opens the stores',
      'src/cli/serve/primary.ts',
      "import { Crew } from '../../workers/crew.ts'\nimport { openService } from '../../wire.ts'\n",
      'src/cli/serve/primary.ts:2: a primary knows nothing of the service (src/wire.ts)',
    ],
    [
      'of a crew that knows what its workers do',
      'src/workers/crew.ts',
      "import type { Config } from '../config.ts'\n",
      'src/workers/crew.ts:1: a primary knows nothing of the service (src/config.ts)',
    ],
    [
      'of a fork elsewhere',
      'src/cli/serve.ts',
      "import cluster from 'node:cluster'\n",
      'src/cli/serve.ts:1: only src/workers/cluster.ts forks',
    ],
    [
      'of a reader of the environment',
      'src/main.ts',
      '// process.env is read in config.ts\nexport const port = process.env.PORT\n',
      'src/main.ts:2: only src/config.ts reads the environment',
    ],
    [
      'of a reader of the environment in another form',
      'src/main.ts',
      "const { env } = process\nconst url = 'http://x/' + process['env']['PORT']",
      'src/main.ts:1: only src/config.ts reads the environment\nsrc/main.ts:2: only src/config.ts reads the environment',
    ],
    [
      'of a reader of the environment by import',
      'src/http/server.ts',
      "import { env } from 'node:process'\n",
      'src/http/server.ts:1: only src/config.ts reads the environment',
    ],
    [
      'of a log that takes errors as they are',
      'src/cli/serve.ts',
      "import type { Logger } from 'pino'\nimport { pino } from 'pino'\n",
      'src/cli/serve.ts:2: only src/telemetry/log.ts opens a log: errors leave their texts there',
    ],
    [
      'of a console',
      'src/http/server.ts',
      "/* console.log('a') */\nconsole.log('b')\n",
      'src/http/server.ts:2: no console here: use the log',
    ],
    [
      'of a folder without a noun',
      'src/http/utils/text.ts',
      'export {}\n',
      'src/http/utils/text.ts:1: put it where its data is: no utils, no helpers',
    ],
    [
      'of a file without a noun',
      'src/helpers.ts',
      'export {}\n',
      'src/helpers.ts:1: put it where its data is: no utils, no helpers',
    ],
    [
      'of a barrel',
      'src/ledger/index.ts',
      "export * from './ledger.ts'\n",
      'src/ledger/index.ts:1: no barrels: import from the file itself',
    ],
  ]
  test.each(cases)('%s', (_title, path, text, complaint) => {
    expect(complaints(new Map([[path, text]])).join('\n')).toBe(complaint)
  })
})

test('what is allowed is not complained of', () => {
  const tree = new Map([
    ['src/wire.ts', "import { openMysql } from './ledger/mysql.ts'\nimport { openRedis } from './counter/redis.ts'\n"],
    ['src/ledger/mysql.ts', "import { createPool } from 'mysql2/promise'\nimport { url } from './mysql/url.ts'\n"],
    ['src/ledger/mysql/url.ts', "import type { Ledger } from '../ledger.ts'\nimport { a } from '../mysql.ts'\n"],
    ['src/counter/redis.ts', "import { createClient } from '@redis/client'\n"],
    ['src/audit/mysql.ts', "import { openConnection } from '../ledger/mysql/connection.ts'\n"],
    ['src/audit/sqlite.ts', "import { DatabaseSync } from 'node:sqlite'\n"],
    ['src/issue/issue.ts', "import { a } from './batcher.ts'\nimport { b } from './fast-way.ts'\n"],
    ['src/issue/fast-way.ts', "import type { Batch } from './batcher.ts'\n// import { b } from './ledger-way.ts'\n"],
    ['src/telemetry/exposition.ts', "import { Registry } from '@prometheus-io/client'\n"],
    ['src/http/observing.ts', "import { Telemetry } from '../telemetry/telemetry.ts'\n"],
    ['src/config.ts', 'export const env = process.env\n'],
    ['src/cli/check.ts', "console.log('well')\n"],
    ['src/main.ts', "const hint = 'see //process'\nconsole.error(hint)\n"],
  ])
  expect(complaints(tree)).toEqual([])
})
