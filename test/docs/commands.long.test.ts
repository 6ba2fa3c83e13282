// The commands that documents show for the embedded default do what they show.

import { describe, test } from 'vitest'
import { commandBlocks, kindOf, openStage, startsServer } from './commands.ts'
import { documents } from './documents.ts'

/** README.ko.md shows README.md's blocks letter by letter, and docs/api.md has a test of its own: test/http/api-doc.test.ts. */
const played = documents()
  .filter(({ path }) => path !== 'README.ko.md' && path !== 'docs/api.md')
  .map((document) => ({
    path: document.path,
    blocks: commandBlocks(document).filter((block) => kindOf(block) === 'embedded'),
  }))
  .filter(({ blocks }) => blocks.length > 0)

/** A document may show dozens of commands, and npm starts each of them: it only ends what hangs, as in vitest.config.ts. */
const DOCUMENT_MS_MAX = 300_000

describe.concurrent.each(played.map(({ path, blocks }) => [path, blocks] as const))('%s', (_path, blocks) => {
  test(
    'its commands do what it shows',
    async () => {
      const stage = await openStage({ start: blocks.find(startsServer) ?? null })
      try {
        for (const block of blocks) if (!startsServer(block)) await stage.play(block)
      } finally {
        await stage.close()
      }
    },
    DOCUMENT_MS_MAX,
  )
})
