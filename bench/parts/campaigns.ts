// One campaign that everybody wants, against a thousand at once: batches hold one or many.

import { ratios } from '../report/statistics.ts'
import type { Part } from '../stage.ts'
import { asked } from '../subjects.ts'

const CAMPAIGNS = 1_000
const CONNECTIONS = 256
const COUPONS = 1_000_000_000

export const campaigns: Part = {
  name: 'campaigns',
  rows: ['campaigns-1000'],

  async run(stage) {
    const subject = await (await stage.place('MySQL and Redis')).start()
    const { rounds, seconds } = stage.options
    const load = { connections: CONNECTIONS, seconds }
    const prefix = 'many-'
    stage.say(`campaigns: making ${CAMPAIGNS}`)
    for (let number = 0; number < CAMPAIGNS; number++) {
      const fields = { id: `${prefix}${number}`, name: 'bench', start_time: 'now', total_coupons: COUPONS }
      await asked(`${subject.url}/v1/campaigns`, subject.key, fields)
    }
    for (let round = stage.options.firstRound; round <= rounds; round++) {
      stage.say(`campaigns: ${round === 0 ? 'warming' : `round ${round} of ${rounds}`}`)
      const run = `campaigns-${round}`
      const one = async () => stage.drive(subject, await subject.newCampaign(), { ...load, run })
      const many = () => stage.drive(subject, prefix, { ...load, run, campaigns: CAMPAIGNS })
      const isOneFirst = round % 2 === 0
      const first = await (isOneFirst ? one() : many())
      const second = await (isOneFirst ? many() : one())
      if (round === 0) continue
      stage.noteLoad('one campaign', isOneFirst ? first : second)
      stage.noteLoad(`${CAMPAIGNS} campaigns`, isOneFirst ? second : first)
    }
    stage.judge('campaigns-1000', ratios(stage.roundsOf(`${CAMPAIGNS} campaigns`), stage.roundsOf('one campaign')))
  },
}
