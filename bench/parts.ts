// All that the bench measures, in the order in which it does.

import { campaigns } from './parts/campaigns.ts'
import { cost } from './parts/cost.ts'
import { crowd } from './parts/crowd.ts'
import { exact } from './parts/exact.ts'
import { openLoop } from './parts/open-loop.ts'
import { overload } from './parts/overload.ts'
import { pause } from './parts/pause.ts'
import { start } from './parts/start.ts'
import { tenMillion } from './parts/ten-million.ts'
import type { Part } from './stage.ts'

export const PARTS: readonly Part[] = [crowd, exact, pause, openLoop, campaigns, overload, start, cost, tenMillion]
