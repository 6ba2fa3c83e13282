import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { FAULTS, OUTCOMES } from '../../src/answers.ts'
import { bodyReader } from '../../src/http/reader.ts'
import { SCHEMAS } from '../../src/http/operations.ts'
import { callerOf, DOCUMENT, misfits } from './documented.ts'
import { openServer } from './open-server.ts'

const operations = Object.values(DOCUMENT.paths).flatMap((path) => Object.values(path))

test('it is served as it is', async () => {
  const { app } = await openServer()
  const { json } = await callerOf(app)('GET', '/openapi.json')
  expect(json).toEqual({ ...DOCUMENT, info: expect.anything() })
})

test('every sample fits its schema', () => {
  const wrong = operations.flatMap(({ operationId, requestBody, responses }) =>
    [requestBody?.content ?? {}, ...Object.values(responses).map(({ content = {} }) => content)]
      .flatMap((content) => Object.values(content))
      .flatMap((media) =>
        Object.entries({ ...media.examples, ...('example' in media && { example: { value: media.example } }) }).flatMap(
          ([name, { value }]) => misfits(media, value).map((misfit) => ({ operationId, name, misfit })),
        ),
      ),
  )
  expect(wrong).toEqual([])
})

test('every sample of a body is one that the service takes', () => {
  const readers = {
    createCampaign: SCHEMAS.CreateCampaign,
    changeCampaign: SCHEMAS.ChangeCampaign,
    issueCoupon: SCHEMAS.IssueCoupon,
  }
  for (const [operationId, schema] of Object.entries(readers)) {
    const examples =
      operations.find((one) => one.operationId === operationId)?.requestBody?.content['application/json']?.examples ??
      {}
    expect(Object.keys(examples)).not.toEqual([])
    for (const { value } of Object.values(examples)) expect(bodyReader(schema)(value)).toEqual(value)
  }
})

test('every answer of the tables is a named example somewhere, with its status', () => {
  const named = new Map(
    operations.flatMap(({ responses }) =>
      Object.entries(responses).flatMap(([status, { content = {} }]) =>
        Object.keys(content['application/problem+json']?.examples ?? {}).map((name) => [name, Number(status)] as const),
      ),
    ),
  )
  // Issued and replayed are replies; the last three may meet a request on any path.
  const { issued: _issued, replayed: _replayed, ...outcomes } = OUTCOMES
  const { method_not_allowed: _method, request_timeout: _timeout, headers_too_large: _headers, ...faults } = FAULTS
  const wanted = Object.entries({ ...outcomes, ...faults }).map(([code, { status }]) => [code, status] as const)
  expect(named).toEqual(new Map(wanted))
})

test('the linter has nothing to say', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'openapi-'))
  try {
    const file = join(folder, 'openapi.json')
    await writeFile(file, JSON.stringify(DOCUMENT))
    const root = fileURLToPath(new URL('../../', import.meta.url))
    const args = ['node_modules/@redocly/cli/bin/cli.js', 'lint', file, '--config', 'redocly.yaml', '--format', 'json']
    const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
    const result = await promisify(execFile)(process.execPath, args, { cwd: root, env }).catch(
      (error: { stdout: string; stderr: string }) => error,
    )
    const report = JSON.parse(result.stdout.slice(result.stdout.indexOf('{'))) as {
      problems: { message: string; location: unknown }[]
    }
    expect(report.problems.map(({ message, location }) => ({ message, location }))).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})
