// How long `serve` takes from its start until it says that it is ready, on a schema that is there.

import type { Part } from '../stage.ts'

export const start: Part = {
  name: 'start',
  rows: ['start'],

  async run(stage) {
    for (const way of ['MySQL and Redis', 'embedded'] as const) {
      const place = await stage.place(way)
      // The first one makes the schema.
      for (let round = 0; round <= stage.options.rounds; round++) {
        const { process: server, readyMs } = await place.start()
        await server.kill()
        if (round > 0) stage.note(`start: ${way}`, 's', readyMs / 1_000)
      }
    }
    stage.judge('start', stage.roundsOf('start: MySQL and Redis'))
  },
}
