// The numbers of several processes as those of one server: what each told last, and what those had counted that are gone.

import { grownTogether, textOf } from './exposition.ts'
import type { MetricValues } from './meters.ts'

/** Of one process. */
export interface Numbers {
  readonly service: readonly MetricValues[]
  /** Of the process itself and of Node. */
  readonly process: readonly MetricValues[]
}

export class Together<Member> {
  readonly #last = new Map<Member, Numbers>()
  #gone: MetricValues[] = []

  hear(member: Member, numbers: Numbers): void {
    this.#last.set(member, numbers)
  }

  /** What it counted stays: a counter that goes backwards would look like a server that began anew. */
  bury(member: Member): void {
    const { service = [] } = this.#last.get(member) ?? {}
    this.#last.delete(member)
    this.#gone = grownTogether([this.#gone, service])
  }

  /**
   * As Prometheus reads it.
   * @param own of who puts them together
   * @param nameOf of a member that has just answered; null: it did not, so that only what it counted until then is known
   */
  text(own: Numbers, nameOf: (member: Member) => string | null): Promise<string> {
    const parts: (readonly MetricValues[])[] = []
    for (const [member, { service, process }] of this.#last) {
      const name = nameOf(member)
      if (name === null) parts.push(grownTogether([service]))
      else parts.push(service, named(process, name))
    }
    return textOf([...parts, this.#gone, own.service, named(own.process, 'primary')])
  }
}

/** Processor, memory and event loop are looked at one by one: a sum would hide the one that is ill. */
function named(values: readonly MetricValues[], worker: string): MetricValues[] {
  return values.map((metric) => ({
    ...metric,
    values: metric.values.map((value) => ({ ...value, labels: { worker, ...value.labels } })),
  }))
}
