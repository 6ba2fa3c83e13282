// Searches the logs of a whole test run at its end. A secret in one of them fails the run.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Reporter } from 'vitest/node'
import { SECRETS_FOLDER } from './notes.ts'
import { searchFolder } from './search.ts'

/** More tell nothing new. */
const SHOWN_MAX = 20

export class SecretsReporter implements Reporter {
  /** Of the last run. */
  hits = 0

  onInit(): void {
    const folder = mkdtempSync(join(tmpdir(), 'firstcome-secrets-'))
    // Before the first worker starts, so that all have it.
    process.env[SECRETS_FOLDER] = folder
    process.once('exit', () => {
      if (this.hits === 0) rmSync(folder, { recursive: true, force: true })
    })
  }

  onTestRunEnd(): void {
    const folder = process.env[SECRETS_FOLDER] as string
    const beganAt = performance.now()
    const { hits, logBytes, secrets } = searchFolder(folder)
    this.hits = hits.length
    const ms = Math.round(performance.now() - beganAt)
    const about = `${(logBytes / 1e6).toFixed(1)} MB of logs searched for ${secrets} secrets in ${ms} ms`
    if (hits.length === 0) {
      process.stdout.write(`${about}: none found\n`)
      return
    }
    const shown = hits.slice(0, SHOWN_MAX).map(({ file, line, kind }) => `  ${file}:${line}: ${kind}`)
    process.stderr.write(`${about}. These must not be in a log:\n${shown.join('\n')}\n`)
    process.exitCode = 1
  }
}
