// The commands that need MySQL and Redis: a document's own, and those of its embedded server once more.

import { describe, inject, test } from 'vitest'
import { freshDatabase, uniquePrefix } from '../servers/fresh.ts'
import { commandBlocks, kindOf, openStage, SHOWN_MYSQL_URL, SHOWN_REDIS_URL, startsServer } from './commands.ts'
import { documents } from './documents.ts'

const played = documents()
  .filter(({ path }) => path !== 'README.ko.md' && path !== 'docs/api.md')
  .map((document) => ({ path: document.path, blocks: commandBlocks(document) }))
  .filter(({ blocks }) => blocks.some((block) => kindOf(block) === 'mysql'))

describe.each(played.map(({ path, blocks }) => [path, blocks] as const))('%s', (_path, blocks) => {
  test('its commands do on MySQL and Redis what it shows', async () => {
    const database = await freshDatabase(inject('mysqlUrl'))
    const instead = { [SHOWN_MYSQL_URL]: database.url, [SHOWN_REDIS_URL]: inject('redisUrl') }
    try {
      const start = blocks.find((block) => kindOf(block) === 'mysql' && startsServer(block)) ?? null
      const stage = await openStage({ start, instead, environment: { REDIS_PREFIX: uniquePrefix() } })
      try {
        for (const block of blocks) {
          const isPlayed = kindOf(block) === 'mysql' || (start !== null && kindOf(block) === 'embedded')
          if (isPlayed && !startsServer(block)) await stage.play(block)
        }
      } finally {
        await stage.close()
      }
    } finally {
      await database.drop()
    }
  })
})
