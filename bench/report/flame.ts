// Where a server's time went, as a flame graph: callers above, what they call below, as wide as the time of one coupon that was
// spent in it. Drawn from a profile of V8 (--cpu-prof).

export interface Profile {
  readonly startTime: number
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface Frame {
  readonly name: string
  readonly kind: 'ours' | 'library' | 'node' | 'engine'
  /** With all it calls. */
  us: number
  readonly calls: Map<string, Frame>
}

const WIDTH = 1_200
const LINE_HEIGHT = 16
const TOP = 44
/** Of all; narrower ones are left out. */
const SHARE_MIN = 0.004
const CHARACTER_WIDTH = 6.1
const CHARACTERS_MIN = 3

const STYLE = `
  .ground { fill: #ffffff }
  text { font: 10px ui-monospace, monospace; fill: #1f2328 }
  .title { font: 600 15px system-ui, sans-serif }
  .small { font: 11px system-ui, sans-serif; fill: #59636e }
  rect { stroke: #ffffff; stroke-width: 0.5 }
  .ours { fill: #7fd1b4 }
  .library { fill: #c3bcf0 }
  .node { fill: #f3d9a4 }
  .engine { fill: #d1d7de }`

/** What ran between two moments, by V8's clock in µs; of each function, one frame in each frame that called it. Idle time is left out. */
export function framesOf({ nodes, samples, timeDeltas, startTime }: Profile, fromUs: number, toUs: number): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parentOf = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)))
  const root: Frame = { name: 'all', kind: 'engine', us: 0, calls: new Map() }
  let atUs = startTime
  for (const [index, sample] of samples.entries()) {
    const tookUs = timeDeltas[index] ?? 0
    atUs += tookUs
    if (atUs < fromUs || atUs > toUs || byId.get(sample)?.callFrame.functionName === '(idle)') continue
    const stack: number[] = []
    for (let id: number | undefined = sample; id !== undefined; id = parentOf.get(id)) stack.unshift(id)
    let frame = root
    frame.us += tookUs
    for (const id of stack.slice(1)) {
      frame = frameIn(frame, byId.get(id) as Profile['nodes'][number])
      frame.us += tookUs
    }
  }
  return root
}

function frameIn(caller: Frame, { callFrame: { functionName, url, lineNumber } }: Profile['nodes'][number]): Frame {
  const file = url.split('/').slice(-2).join('/')
  const name = `${functionName || '(anonymous)'}${file === '' ? '' : ` ${file}:${lineNumber + 1}`}`
  let frame = caller.calls.get(name)
  if (frame === undefined) {
    frame = { name, kind: kindOf(url), us: 0, calls: new Map() }
    caller.calls.set(name, frame)
  }
  return frame
}

function kindOf(url: string): Frame['kind'] {
  if (url === '') return 'engine'
  if (url.startsWith('node:')) return 'node'
  return url.includes('/node_modules/') ? 'library' : 'ours'
}

/** @param coupons that were issued meanwhile */
export function flameGraph(root: Frame, coupons: number, title: string): string {
  const drawn: string[] = []
  let lines = 0
  const draw = (frame: Frame, x: number, line: number): void => {
    const width = (frame.us / root.us) * WIDTH
    if (frame.us < SHARE_MIN * root.us) return
    lines = Math.max(lines, line + 1)
    const y = TOP + line * LINE_HEIGHT
    const said = `${frame.name}: ${(frame.us / coupons).toFixed(1)} µs a coupon`
    const characters = Math.floor((width - 4) / CHARACTER_WIDTH)
    const label = characters < CHARACTERS_MIN ? '' : escaped(frame.name.slice(0, characters))
    drawn.push(
      `<g><title>${escaped(said)}</title><rect class="${frame.kind}" x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${LINE_HEIGHT}"/>` +
        (label === '' ? '' : `<text x="${(x + 2).toFixed(1)}" y="${y + 11}">${label}</text>`) +
        '</g>',
    )
    let at = x
    for (const call of [...frame.calls.values()].toSorted((a, b) => b.us - a.us)) {
      draw(call, at, line + 1)
      at += (call.us / root.us) * WIDTH
    }
  }
  draw(root, 0, 0)
  const height = TOP + lines * LINE_HEIGHT + 8
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="4" y="18">${escaped(title)}</text>`,
    `<text class="small" x="4" y="34">${(root.us / coupons).toFixed(0)} µs of the main thread a coupon. Green: the service; violet: libraries; yellow: Node; grey: the engine.</text>`,
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
