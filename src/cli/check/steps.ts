// A step: a sentence of the contract, and what a server does about it. It passes, fails, or cannot be tried because it needs
// what an earlier step should have brought.

import { isDeepStrictEqual } from 'node:util'

/** What was looked at, what the contract says, and what was there instead. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch'
  readonly what: string
  readonly expected: string
  readonly got: string

  constructor(what: string, expected: string, got: string) {
    super(`${what}: expected ${expected}, got ${got}`)
    this.what = what
    this.expected = expected
    this.got = got
  }
}

/** @throws Mismatch */
export function sure(what: string, isSo: boolean, expected: string, got: unknown): void {
  if (!isSo) throw new Mismatch(what, expected, shown(got))
}

/** @throws Mismatch */
export function same(what: string, got: unknown, expected: unknown): void {
  sure(what, isDeepStrictEqual(got, expected), shown(expected), got)
}

/** Long enough to recognise an answer, short enough for a line. */
const SHOWN_LENGTH_MAX = 240

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text
}

export interface StepReport {
  readonly name: string
  /** What the contract says. */
  readonly says: string
  readonly result: 'ok' | 'fail' | 'skip'
  /** fail: what was wrong. skip: which step it needs. */
  readonly why?: string
  readonly expected?: string
  readonly got?: string
  readonly ms: number
}

/** What a step brought. Whoever takes it from a step that brought nothing is skipped. */
export interface Brought<T> {
  readonly value: T
}

export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

class Needs extends Error {}

export class Steps {
  readonly reports: StepReport[] = []
  readonly #signal: AbortSignal
  readonly #onReport: (report: StepReport) => void

  constructor(signal: AbortSignal, onReport: (report: StepReport) => void) {
    this.#signal = signal
    this.#onReport = onReport
  }

  /** A step that was done elsewhere. @param flaws what is wrong; none: it passed */
  add(name: string, says: string, flaws: readonly string[]): void {
    const got = flaws.join('; ')
    this.#report({ name, says, ms: 0, ...(got === '' ? { result: 'ok' } : { result: 'fail', expected: says, got }) })
  }

  #report(report: StepReport): void {
    this.reports.push(report)
    this.#onReport(report)
  }

  /**
   * Never rejects for what the server does.
   * @param needs steps that must have passed, besides those whose values the work takes
   * @throws Interrupted
   */
  async step<T>(
    name: string,
    says: string,
    work: () => Promise<T>,
    ...needs: readonly Brought<unknown>[]
  ): Promise<Brought<T>> {
    if (this.#signal.aborted) throw new Interrupted()
    const beganAt = performance.now()
    const report = (rest: Omit<StepReport, 'name' | 'says' | 'ms'>) =>
      this.#report({ name, says, ...rest, ms: Math.round(performance.now() - beganAt) })
    try {
      for (const need of needs) void need.value
      const value = await work()
      report({ result: 'ok' })
      return { value }
    } catch (error) {
      if (this.#signal.aborted) throw new Interrupted()
      if (error instanceof Needs) report({ result: 'skip', why: error.message })
      else if (error instanceof Mismatch) {
        const { what: why, expected, got } = error
        report({ result: 'fail', why, expected, got })
      } else {
        const got = error instanceof Error ? error.message : String(error)
        report({ result: 'fail', why: 'the answer', expected: 'the documented shape', got })
      }
      return {
        get value(): T {
          throw new Needs(`needs "${name}"`)
        },
      }
    }
  }
}
