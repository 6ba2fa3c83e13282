// docs/observing.md has the table of metrics and every word that a label may be.

import { expect, test } from 'vitest'
import { METRICS, type Metric } from '../../src/telemetry/metrics.ts'
import { codeWords, readDocument, section, tableRows } from './documents.ts'

const document = readDocument('docs/observing.md')

test('the table of metrics is that of the program', () => {
  const rows = Object.entries<Metric>(METRICS).map(([name, { type, labels = {}, help }]) => {
    const names = Object.keys(labels).map((label) => `\`${label}\``)
    return [`\`${name}\``, type, names.length === 0 ? '–' : names.join(', '), help]
  })
  const shown = tableRows(section(document, 'Metrics')).filter(([name = '']) => name.startsWith('`firstcome_'))
  expect(shown).toEqual(rows)
})

test('every word that a label may be is explained, or speaks for itself', () => {
  const words = Object.values<Metric>(METRICS).flatMap(({ labels = {} }) =>
    Object.values(labels).flatMap((all) => all ?? []),
  )
  const told = new Set(codeWords(document).map(({ text }) => text))
  const plain = ['coupon', 'refusal', 'fault', 'busy', 'idle', 'opening', 'resync']
  expect([...new Set(words)].filter((word) => !told.has(word) && !plain.includes(word))).toEqual([])
})
