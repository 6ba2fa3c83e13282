// The last line of a test run, for whoever counts: `12 passed, 0 failed`, and `, 1 skipped` only if there are any.

import { writeSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

export class CountsReporter implements Reporter {
  #line: (() => string) | null = null
  readonly #alsoFailed: () => number

  /** @param alsoFailed what failed beside the tests, as it is known at the end */
  constructor(alsoFailed: () => number = () => 0) {
    this.#alsoFailed = alsoFailed
  }

  onInit(): void {
    // At the exit of the process, behind all that other reporters and the teardown of servers have to say.
    process.once('exit', () => {
      if (this.#line !== null) writeSync(1, `${this.#line()}\n`)
    })
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0
    let skipped = 0
    // What is no test can fail as well: a hook, a file that does not load, a rejection that nobody caught.
    let failed = unhandledErrors.length
    for (const module of modules) {
      failed += module.errors().length
      for (const suite of module.children.allSuites()) failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        else if (state === 'failed') failed++
        else skipped++
      }
    }
    this.#line = () =>
      `${passed} passed, ${failed + this.#alsoFailed()} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  }
}
