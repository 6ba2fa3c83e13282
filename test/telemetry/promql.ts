// Expressions of PromQL, read with Prometheus' own grammar and held against series: does each name, each label and each
// value that they speak of exist?

import { parser } from '@prometheus-io/lezer-promql'
import type { Series } from './exposition.ts'

/** What Prometheus itself puts on every series it collects. */
const OF_THE_TARGET = new Set(['instance', 'job'])

type Node = ReturnType<typeof parser.parse>['topNode']

interface Matcher {
  readonly label: string
  readonly operator: string
  readonly value: string
}

/** What is wrong, in words; empty when all is there. */
export function complaintsOf(expression: string, all: readonly Series[]): string[] {
  // What Grafana puts in before it asks.
  const text = expression.replaceAll(/\$__(?:rate_interval|range|interval)/g, '1m')
  const { topNode } = parser.parse(text)
  const textOf = (node: Node) => text.slice(node.from, node.to)
  if (inside(topNode, '⚠').length > 0) return [`this is no PromQL: ${text}`]
  const labelsOf = (node: Node) =>
    inside(node, 'VectorSelector').map((selector) => {
      const name = inside(selector, 'Identifier').map(textOf).join()
      return new Set(all.filter((series) => series.name === name).flatMap(({ labels }) => Object.keys(labels)))
    })

  const ofSelectors = inside(topNode, 'VectorSelector').flatMap((selector) => {
    const name = inside(selector, 'Identifier').map(textOf).join()
    const series = all.filter((one) => one.name === name)
    if (series.length === 0) return [`there is no ${name}`]
    const matchers = inside(selector, 'UnquotedLabelMatcher').map((matcher): Matcher => {
      const [label = '', operator = '', value = ''] = ['LabelName', 'MatchOp', 'StringLiteral'].map((part) =>
        inside(matcher, part).map(textOf).join(),
      )
      return { label, operator, value: value.slice(1, -1) }
    })
    return matchers
      .filter(({ label }) => !OF_THE_TARGET.has(label))
      .flatMap((matcher) => unmatched(matcher, series).map((what) => `no ${name} has ${what}`))
  })
  const ofGroups = inside(topNode, 'GroupingLabels').flatMap((group) => {
    // Its aggregation, or the operation whose sides it matches.
    const whole = group.parent?.parent ?? topNode
    return inside(group, 'LabelName')
      .map(textOf)
      .filter((label) => !OF_THE_TARGET.has(label) && !labelsOf(whole).every((labels) => labels.has(label)))
      .map((label) => `nothing has a label ${label} to group by`)
  })
  return [...ofSelectors, ...ofGroups]
}

/** Labels that the result of an expression has, when it is one aggregation; of anything else those of its series. */
export function resultLabels(expression: string, all: readonly Series[]): Set<string> {
  const text = expression.replaceAll(/\$__(?:rate_interval|range|interval)/g, '1m')
  const { topNode } = parser.parse(text)
  const textOf = (node: Node) => text.slice(node.from, node.to)
  const groups = inside(topNode, 'GroupingLabels')
  if (groups.length > 0) return new Set(groups.flatMap((group) => inside(group, 'LabelName').map(textOf)))
  if (inside(topNode, 'AggregateExpr').length > 0) return new Set()
  const names = inside(topNode, 'Identifier').map(textOf)
  const found = all.filter(({ name }) => names.includes(name)).flatMap(({ labels }) => Object.keys(labels))
  return new Set([...found, ...OF_THE_TARGET])
}

/** Each alternative of `a|b` must be there: one that is not is a mistake that no graph would show. */
function unmatched({ label, operator, value }: Matcher, series: readonly Series[]): string[] {
  if (!series.some(({ labels }) => label in labels)) return [`a label ${label}`]
  const alternatives = operator.endsWith('~') ? value.split('|') : [value]
  return alternatives
    .filter((one) => {
      const pattern = operator.endsWith('~') ? new RegExp(`^(?:${one})$`) : null
      return !series.some(({ labels }) =>
        pattern === null ? labels[label] === one : pattern.test(labels[label] as string),
      )
    })
    .map((one) => `${label} ${one}`)
}

function inside(node: Node, name: string): Node[] {
  const found: Node[] = []
  const cursor = node.cursor()
  const { to } = node
  do {
    if (cursor.from > to || (cursor.from >= to && cursor.from !== node.from && name !== '⚠')) break
    if (name === '⚠' ? cursor.type.isError : cursor.name === name) found.push(cursor.node)
  } while (cursor.next() && cursor.from <= to)
  return found
}
