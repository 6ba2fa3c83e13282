// What happened, and how often: a simulation in which a fault or a rare branch never happens proves nothing about it.

export class Sometimes {
  readonly counts = new Map<string, number>()

  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times)
  }

  addAll(others: Iterable<readonly [string, number]>): void {
    for (const [what, times] of others) this.count(what, times)
  }
}
