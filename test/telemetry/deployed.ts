// The files under deploy/ that ask for metrics: the alerts and the dashboard, taken apart.

import { readFileSync } from 'node:fs'
import { join } from 'node:path/posix'
import { ROOT } from '../docs/documents.ts'

export interface Alert {
  readonly name: string
  readonly expression: string
  readonly for: string
  readonly severity: string
  readonly summary: string
  readonly runbook: string
}

/** As much of YAML as that file uses; a line in another form is an error, so that nothing is passed over. */
export function readAlerts(): Alert[] {
  const text = readFileSync(join(ROOT, 'deploy/prometheus/alerts.yaml'), 'utf8')
  const [head = '', ...rules] = text.split(/^ {6}- alert: /m)
  if (!/^(#.*\n|\n)*groups:\n {2}- name: \w+\n {4}rules:\n$/.test(head)) throw new Error(`not understood: ${head}`)
  return rules.map((rule) => {
    const form =
      /^(?<name>\w+)\n {8}expr: (?:\|\n(?<lines>(?: {10}.*\n)+)|(?<line>[^|\s].*)\n)(?: {8}for: (?<for>\d+[smh])\n)? {8}labels:\n {10}severity: (?<severity>\w+)\n {8}annotations:\n {10}summary: (?<summary>[^:#]+)\n {10}runbook_url: (?<runbook>\S+)\n$/
    const { name, lines, line, for: time = '0s', severity, summary, runbook } = form.exec(rule)?.groups ?? {}
    if (name === undefined) throw new Error(`not understood: ${rule}`)
    const expression = (line ?? lines ?? '').replace(/\s+/g, ' ').trim()
    return { name, expression, for: time, severity, summary, runbook } as Alert
  })
}

export interface Target {
  readonly panel: string
  readonly expression: string
  readonly legend: string
}

interface Panel {
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[]
}

export interface Dashboard {
  readonly uid: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(join(ROOT, 'deploy/grafana/firstcome.json'), 'utf8')) as Dashboard
}

export function targetsOf({ panels }: Dashboard): Target[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ panel: title, expression: expr, legend: legendFormat })),
  )
}
