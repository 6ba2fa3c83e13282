// From numbers to the text that Prometheus reads, beside what the library tells of the process and of Node.

import { collectDefaultMetrics, Registry } from '@prometheus-io/client'
import type { Meters } from './meters.ts'

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

let processRegistry: Registry | undefined

/** Of this process, however many servers it has. It watches the event loop and the garbage collector from now on. */
export function processMetrics(): Registry {
  if (processRegistry === undefined) {
    processRegistry = new Registry()
    collectDefaultMetrics({ register: processRegistry })
  }
  return processRegistry
}

/** @param process null: without what is told of the process */
export async function expose(meters: Meters, process: Registry | null): Promise<string> {
  const own = await meters.read()
  return Registry.aggregate([own, ...(process === null ? [] : [await process.getMetricsAsJSON()])]).metrics()
}
