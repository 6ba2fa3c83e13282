import { defineConfig } from 'vitest/config'
import { SecretsReporter } from './test/secrets/reporter.ts'
import { CountsReporter } from './tools/counts-reporter.ts'

const serverTests = 'test/**/*.server.test.ts'
const longTests = 'test/**/*.long.test.ts'

// No test asserts an absolute time: these limits only end what hangs, on the slowest machine.
const limits = { testTimeout: 60_000, hookTimeout: 120_000, expect: { poll: { timeout: 30_000 } } }

const secrets = new SecretsReporter()

export default defineConfig({
  test: {
    reporters: ['default', secrets, new CountsReporter(() => secrets.hits)],
    projects: [
      {
        test: {
          ...limits,
          name: 'quick',
          maxWorkers: 2,
          // Apart from each other, half of their time would be the same modules loaded once more.
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [serverTests, longTests],
        },
      },
      // Processes, and what uses all cores by itself.
      { test: { ...limits, name: 'long', maxWorkers: 2, include: [longTests], sequence: { groupOrder: 1 } } },
      {
        test: {
          ...limits,
          name: 'server',
          include: [serverTests],
          globalSetup: ['test/servers/setup.ts'],
          // They share the machine's cores with their servers: after the quick ones, one file at a time.
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
