// From numbers to the text that Prometheus reads, beside what the library tells of the process and of Node.

import { collectDefaultMetrics, Registry } from '@prometheus-io/client'
import type { Meters, MetricValues } from './meters.ts'

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

/** As plain data. */
export async function processValues(registry: Registry): Promise<MetricValues[]> {
  return (await registry.getMetricsAsJSON()) as unknown as MetricValues[]
}

/** @param process null: without what is told of the process */
export async function expose(meters: Meters, process: Registry | null): Promise<string> {
  const own = await meters.read()
  return textOf([own, ...(process === null ? [] : [await processValues(process)])])
}

/** Metrics that have one name are put together, as each says how. */
export function textOf(parts: readonly (readonly MetricValues[])[]): Promise<string> {
  return Registry.aggregate([...parts]).metrics()
}

/** Sums of what only grows; the rest is left out. */
export function grownTogether(parts: readonly (readonly MetricValues[])[]): MetricValues[] {
  const growing = parts.map((part) => part.filter(({ type }) => type !== 'gauge'))
  return Registry.aggregate(growing).getMetricsAsArray() as unknown as MetricValues[]
}
