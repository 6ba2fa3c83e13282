// The numbers of one server, by metric and labels. What is given out is plain data, so that those of several processes can
// be added up; src/telemetry/exposition.ts makes text of it.

import { Count, Level, Spread } from './cells.ts'
import { METRICS, type LabelsOf, type Metric, type MetricName, type NameOf } from './metrics.ts'

/** As the library reads it. */
export interface MetricValues {
  readonly name: string
  readonly type: Metric['type']
  readonly help: string
  /** Of the process and of Node there are others. */
  readonly aggregator: NonNullable<Metric['together']> | 'average' | 'omit'
  readonly values: readonly {
    readonly metricName?: string
    readonly labels: Readonly<Record<string, string | number>>
    readonly value: number
  }[]
}

type Labels = Readonly<Record<string, string>>
type Cell = Count | Level | Spread

interface Series {
  readonly labels: Labels
  readonly cell: Cell
}

export class Meters {
  readonly #series = new Map<MetricName, Map<string, Series>>()
  readonly #looks: (() => Promise<void>)[] = []

  constructor() {
    for (const name of Object.keys(METRICS) as MetricName[]) {
      this.#series.set(name, new Map())
      // From the start, with 0: what happens once would otherwise never have grown.
      for (const labels of closedLabels(METRICS[name])) this.#cell(name, labels)
    }
  }

  /** Kept by whoever counts: not looked up for every event. */
  count<Name extends NameOf<'counter'>>(name: Name, labels: LabelsOf<Name>): Count {
    return this.#cell(name, labels) as Count
  }

  level<Name extends NameOf<'gauge'>>(name: Name, labels: LabelsOf<Name>): Level {
    return this.#cell(name, labels) as Level
  }

  spread<Name extends NameOf<'histogram'>>(name: Name, labels: LabelsOf<Name>): Spread {
    return this.#cell(name, labels) as Spread
  }

  /** Done at every look at the numbers, for what is not counted but asked. It must not reject, and not take long. */
  onLook(look: () => Promise<void>): void {
    this.#looks.push(look)
  }

  async read(): Promise<MetricValues[]> {
    await Promise.all(this.#looks.map((look) => look()))
    return [...this.#series].map(([name, series]) => {
      const { type, help, together = 'sum' }: Metric = METRICS[name]
      return { name, type, help, aggregator: together, values: [...series.values()].flatMap(valuesOf(name)) }
    })
  }

  #cell(name: MetricName, labels: Labels): Cell {
    const series = this.#series.get(name) as Map<string, Series>
    const key = Object.keys((METRICS[name] as Metric).labels ?? {})
      .map((label) => labels[label])
      .join('\n')
    let found = series.get(key)
    if (found === undefined) {
      const { type, bounds = [] }: Metric = METRICS[name]
      const cell = type === 'counter' ? new Count() : type === 'gauge' ? new Level() : new Spread(bounds)
      found = { labels, cell }
      series.set(key, found)
    }
    return found.cell
  }
}

/** All there can be; none, when one of them is met only as time goes on. */
function closedLabels({ labels = {} }: Metric): Labels[] {
  let all: Labels[] = [{}]
  for (const [name, values] of Object.entries(labels)) {
    all = all.flatMap((made) => (values ?? []).map((value) => ({ ...made, [name]: value })))
  }
  return all
}

function valuesOf(name: string) {
  return ({ labels, cell }: Series): MetricValues['values'] => {
    if (!(cell instanceof Spread)) return cell.value === null ? [] : [{ labels, value: cell.value }]
    let below = 0
    const buckets = [...cell.bounds, '+Inf'].map((le, index) => {
      below += cell.counts[index] as number
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: cell.sum },
      { metricName: `${name}_count`, labels, value: below },
    ]
  }
}
