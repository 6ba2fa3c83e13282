// What a server tells of itself: its numbers, and its traces where an SDK is loaded.

import type { Registry } from '@prometheus-io/client'
import type { Counter } from '../counter/counter.ts'
import type { Clock } from '../host.ts'
import type { IssueMeter } from '../issue/meter.ts'
import { meteredCounter } from './counter-meter.ts'
import { expose, processValues } from './exposition.ts'
import { issueMeter } from './issue-meter.ts'
import { Meters } from './meters.ts'
import { watch, type Watched } from './standing.ts'
import type { Numbers } from './together.ts'
import { openTraces, type Traces } from './traces.ts'

export interface TelemetryOptions {
  readonly version: string
  readonly clock: Clock
  /** What is told of the process; null: nothing. */
  readonly process: Registry | null
  /** Of several processes that tell their numbers together: the text of all; null: it is alone. */
  readonly textOfAll?: (() => Promise<string>) | null
}

export class Telemetry {
  readonly meters = new Meters()
  /** null: no SDK is loaded. */
  readonly traces: Traces | null
  readonly issueMeter: IssueMeter
  readonly #clock: Clock
  readonly #process: Registry | null
  readonly #textOfAll: (() => Promise<string>) | null

  constructor({ version, clock, process: processRegistry, textOfAll = null }: TelemetryOptions) {
    this.traces = openTraces(version)
    this.issueMeter = issueMeter(this.meters, this.traces, clock)
    this.#clock = clock
    this.#process = processRegistry
    this.#textOfAll = textOfAll
    this.meters.level('firstcome_build_info', { version, node: process.version }).value = 1
  }

  metered(counter: Counter): Counter {
    return meteredCounter(counter, this.meters, this.#clock)
  }

  watch(watched: Watched): void {
    watch(this.meters, watched)
  }

  /** As Prometheus reads it. */
  text(): Promise<string> {
    return this.#textOfAll === null ? expose(this.meters, this.#process) : this.#textOfAll()
  }

  /** Of this process alone, for who puts those of several together. */
  async numbers(): Promise<Numbers> {
    const ofProcess = this.#process === null ? [] : await processValues(this.#process)
    return { service: await this.meters.read(), process: ofProcess }
  }
}
