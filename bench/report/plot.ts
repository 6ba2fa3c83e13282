// The picture of a run: a bar for each way to give coupons away, as long as its median, with a line from its slowest round to its
// fastest. Drawn by hand, on a ground of its own, light or dark as the reader's.

import { ALL_WAYS, isPeer, WAYS, type Way } from '../ways.ts'
import type { Results } from './results.ts'
import { count, exactly, isExact } from './table.ts'

const WIDTH = 800
const LABEL_WIDTH = 380
const BAR_WIDTH = 300
const LINE_HEIGHT = 44
const BAR_HEIGHT = 14
const TOP = 52
const BOTTOM = 30

const STYLE = `
  .ground { fill: #ffffff }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .wrong { font-size: 11px; fill: #c62828 }
  .ceiling { fill: #afb8c1 }
  .peer { fill: #8a7fd1 }
  .ours { fill: #1a7f64 }
  .range { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 }
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .wrong { fill: #ff8a80 }
    .ceiling { fill: #57606a }
    .peer { fill: #a79df0 }
    .ours { fill: #3fb68b }
    .range { stroke: #e6edf3 }
  }`

interface Bar {
  readonly name: string
  readonly label: string
  readonly kind: 'ceiling' | 'peer' | 'ours'
  readonly median: number
  readonly slowest: number
  readonly fastest: number
}

function kindOf(name: Way): Bar['kind'] {
  if (name === 'nothing') return 'ceiling'
  return isPeer(name) ? 'peer' : 'ours'
}

/** Without numbers of its own: what was not measured has no bar. */
export function plot({ series, exactness, at, machine }: Omit<Results, 'rows' | 'facts'>): string {
  const bars = ALL_WAYS.flatMap((name): Bar[] => {
    const found = series[`${name}, 256`]
    if (found === undefined) return []
    return [
      {
        name,
        label: WAYS[name],
        kind: kindOf(name),
        median: found.median,
        slowest: Math.min(...found.rounds),
        fastest: Math.max(...found.rounds),
      },
    ]
  })
  const longest = Math.max(1, ...bars.map(({ fastest }) => fastest))
  const height = TOP + bars.length * LINE_HEIGHT + BOTTOM
  const x = (rate: number) => LABEL_WIDTH + (rate / longest) * BAR_WIDTH
  const drawn = bars.map((bar, index) => {
    const y = TOP + index * LINE_HEIGHT
    const middle = y + BAR_HEIGHT / 2
    const found = exactness.find(({ name }) => name === bar.name)
    const isWrong = found !== undefined && !isExact(found)
    const said = bar.kind === 'ceiling' || found === undefined ? '' : `exact: ${exactly(found)}`
    return [
      text(8, middle + 5, bar.label, ''),
      said === '' ? '' : text(8, middle + 20, said, isWrong ? 'wrong' : 'small'),
      `<rect class="${bar.kind}" x="${LABEL_WIDTH}" y="${y}" width="${round(x(bar.median) - LABEL_WIDTH)}" height="${BAR_HEIGHT}" rx="2"/>`,
      `<line class="range" x1="${round(x(bar.slowest))}" x2="${round(x(bar.fastest))}" y1="${middle}" y2="${middle}"/>`,
      text(round(x(bar.fastest) + 8), middle + 5, count(bar.median), ''),
    ].join('\n')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Coupons a second">
<style>${STYLE}
</style>
<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>
${text(8, 26, 'Coupons a second, 256 connections: the median, and the slowest and fastest round', 'title')}
${drawn.join('\n')}
${text(8, height - 10, `${at.slice(0, 10)}, ${machine['cores']} cores shared by driver, server and databases, all durable`, 'small')}
</svg>
`
}

function text(x: number, y: number, words: string, kind: string): string {
  const escaped = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `<text${kind === '' ? '' : ` class="${kind}"`} x="${x}" y="${y}">${escaped}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
