// firstcome campaign: the noun, and what can be done with it.

import type { Command } from 'commander'
import { addChange, addEnd, addPause, addResume } from './campaign/change.ts'
import { addCreate } from './campaign/create.ts'
import { addDelete } from './campaign/delete.ts'
import { addList } from './campaign/list.ts'
import { addPurge } from './campaign/purge.ts'
import { addShow } from './campaign/show.ts'

export function addCampaign(program: Command): void {
  const campaign = program.command('campaign').description('Create campaigns, look at them, change them.')
  addCreate(campaign)
  addShow(campaign)
  addList(campaign)
  addChange(campaign)
  addPause(campaign)
  addResume(campaign)
  addEnd(campaign)
  addDelete(campaign)
  addPurge(campaign)
}
