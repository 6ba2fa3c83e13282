// A server of a build that breaks a promise: the program as it is, with a line or two replaced.

import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { ROOT } from '../docs/documents.ts'
import { openGuardian } from '../servers/guarded.ts'

export interface Edit {
  readonly file: string
  /** Stands in the file once. */
  readonly line: string
  readonly instead: string
}

/** On an embedded store in memory. */
export async function startBroken(
  edits: readonly Edit[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly url: string } & AsyncDisposable> {
  const guardian = await openGuardian()
  try {
    for (const path of ['src', 'package.json'])
      cpSync(join(ROOT, path), join(guardian.folder, path), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(guardian.folder, 'node_modules'))
    for (const { file, line, instead } of edits) {
      const broken = join(guardian.folder, file)
      const pieces = readFileSync(broken, 'utf8').split(line)
      expect(pieces, `${file} has this line once`).toHaveLength(2)
      writeFileSync(broken, pieces.join(instead))
    }
    const env = { PORT: '0', DRAIN_MS: '0', SQLITE_PATH: ':memory:', ...environment }
    const server = await guardian.run(process.execPath, [join(guardian.folder, 'src/main.ts'), 'serve'], {
      env,
      isServer: true,
    })
    const [, url = ''] = await server.waitForOutput(/listens on (http:\S+)[^]*^Ready\.$/m)
    return { url, [Symbol.asyncDispose]: () => guardian.close() }
  } catch (error) {
    await guardian.close()
    throw error
  }
}
