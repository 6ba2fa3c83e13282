// The file that docs/observing.md shows, loaded in front of the program, makes it print its spans.

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readDocument, ROOT } from '../docs/documents.ts'
import { createCampaign, issue, startServe } from '../serve/server-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'firstcome-traces-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a server with an SDK prints a span for a request, and those of its batch', async () => {
  const shown = readDocument('docs/observing.md').blocks.find(({ text }) => text.startsWith('// otel.mjs'))
  // Beside the program, where its packages are found.
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'otel.mjs'), shown?.text ?? '')
  const nodeArgs = ['--import', join(folder, 'otel.mjs')]
  const server = await startServe({ SQLITE_PATH: ':memory:' }, nodeArgs)
  try {
    const { id } = await createCampaign(server.url, { total_coupons: 10 })
    await issue(server.url, id, { recipient: 'somebody-secret' })
    await server.process.waitForOutput(/name: 'POST \/v1\/campaigns\/:id\/coupons'/)
    await server.process.waitForOutput(/name: 'issue ledger_way'/)
    await server.process.waitForOutput(/'firstcome\.code': 'issued'/)
    expect(server.process.output).not.toContain('somebody-secret')
  } finally {
    await server.close()
  }
})
