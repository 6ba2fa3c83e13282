// Alerts and dashboard as files: their form, that each alert has its runbook, and that all metrics of ours they name are in
// the table. Against a real server: deployed.server.test.ts.

import { describe, expect, test } from 'vitest'
import { anchor, headings, readDocument, section } from '../docs/documents.ts'
import { METRICS, type Metric } from '../../src/telemetry/metrics.ts'
import type { Series } from './exposition.ts'
import { readAlerts, readDashboard, targetsOf } from './deployed.ts'
import { complaintsOf, resultLabels } from './promql.ts'

/** A series for each value of each label; where values are met as time goes on, none is wrong. */
const known: Series[] = Object.entries<Metric>(METRICS).flatMap(([name, { type, labels = {} }]) => {
  const names = type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
  const values = Object.entries(labels).map(([label, words]) => [label, words ?? []] as const)
  const first = Object.fromEntries(values.map(([label, words]) => [label, words[0] ?? '']))
  const all = values.flatMap(([label, words]) => words.map((word) => ({ ...first, [label]: word })))
  return names.flatMap((one) =>
    [first, ...all].map((set) => ({
      name: one,
      labels: one.endsWith('_bucket') ? { ...set, le: '1' } : set,
      value: 0,
    })),
  )
})

/** What the client library names: of a server with workers each series says of which of them it is. */
function ofProcesses(expression: string): Series[] {
  const names = expression.match(/\b(process|nodejs)_\w+/g) ?? []
  return names.map((name) => ({ name, labels: { worker: '1' }, value: 0 }))
}

test('every metric of the service is on the dashboard', () => {
  const shown = targetsOf(readDashboard())
    .map(({ expression }) => expression)
    .join('\n')
  const missing = Object.keys(METRICS).filter((name) => !new RegExp(`${name}(_bucket|_sum|_count)?\\b`).test(shown))
  // One number for each server, which is what the list of servers is made of.
  expect(missing).toEqual(['firstcome_build_info'])
})

test('all that the files name of ours is in the table, and is PromQL', () => {
  const expressions = [...readAlerts(), ...targetsOf(readDashboard())].map(({ expression }) => expression)
  const isOurs = (complaint: string) => !/no (process|nodejs)_|to group by|has (code|status|pool) /.test(complaint)
  const complaints = expressions.flatMap((one) => complaintsOf(one, known).filter(isOurs))
  expect(complaints).toEqual([])
})

test('an alert has a severity, and a runbook that says what to do', () => {
  const document = readDocument('docs/observing.md')
  const alerts = readAlerts()
  for (const { name, severity, summary, runbook } of alerts) {
    expect(name).toMatch(/^Firstcome[A-Z]\w+$/)
    expect(['critical', 'warning']).toContain(severity)
    expect(summary).toMatch(/^[A-Z].*\.$/)
    expect(runbook).toBe(`docs/observing.md#${anchor(name)}`)
    expect(section(document, name).trim().length, name).toBeGreaterThan(80)
  }
  const told = headings(document).flatMap(({ text }) => (text.startsWith('Firstcome') ? [text] : []))
  expect(told).toEqual(alerts.map(({ name }) => name))
})

test('panels have titles of their own, and do not lie on each other', () => {
  const { panels } = readDashboard()
  const titles = panels.map(({ title }) => title)
  expect(new Set(titles).size).toBe(titles.length)
  const taken = new Set<string>()
  for (const { title, gridPos } of panels) {
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.has(`${x},${y}`), title).toBe(false)
        taken.add(`${x},${y}`)
      }
    }
  }
})

test('legends speak of labels that the result has', () => {
  const wrong = targetsOf(readDashboard()).flatMap(({ panel, expression, legend }) =>
    [...legend.matchAll(/\{\{(\w+)\}\}/g)]
      .filter(([, label = '']) => !resultLabels(expression, [...known, ...ofProcesses(expression)]).has(label))
      .map(([label]) => `${panel}: ${label}`),
  )
  expect(wrong).toEqual([])
})

describe('an expression is complained of', () => {
  const series = [
    { name: 'a_total', labels: { code: 'one' }, value: 1 },
    { name: 'a_total', labels: { code: 'two' }, value: 1 },
    { name: 'b', labels: {}, value: 1 },
  ]
  test.each([
    ['whose metric does not exist', 'rate(c_total[1m])', ['there is no c_total']],
    ['whose second metric does not exist', 'b / on (instance) c', ['there is no c']],
    ['whose label does not exist', 'a_total{kind="one"}', ['no a_total has a label kind']],
    ['whose value does not exist', 'a_total{code="three"}', ['no a_total has code three']],
    ['of which one alternative does not exist', 'a_total{code=~"one|three"}', ['no a_total has code three']],
    ['whose excluded value does not exist', 'a_total{code!="three"}', ['no a_total has code three']],
    ['that groups by what is not there', 'sum by (kind) (a_total)', ['nothing has a label kind to group by']],
    ['that groups one side by what is not there', 'sum by (code) (b) + b', ['nothing has a label code to group by']],
    ['that is none', 'sum(rate(a_total[1m]', ['this is no PromQL: sum(rate(a_total[1m]']],
  ])('%s', (_title, expression, complaints) => expect(complaintsOf(expression, series)).toEqual(complaints))

  test.each(['sum by (code, instance) (rate(a_total{code=~"on.",instance=~"$instance"}[$__rate_interval])) > 0', 'b'])(
    'and %s is not',
    (expression) => expect(complaintsOf(expression, series)).toEqual([]),
  )
})
