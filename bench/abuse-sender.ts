// One process of bench/abuse.ts: so many senders of one kind at one server. Whoever is cut comes again.
//
//   node bench/abuse-sender.ts KIND PORT SENDERS CAMPAIGN

import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'

export interface SenderReport {
  /** Replies, by status and code; how often. */
  readonly told: Record<string, number>
  opened: number
  closed: number
  open: number
}

const [kind = '', portText, sendersText, campaignId] = process.argv.slice(2)
const PORT = Number(portText)
const SENDERS = Number(sendersText)
const PATH = `/v1/campaigns/${campaignId}/coupons`
const POST = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`
/** Connections begun in one go, so that the system's queue of them does not overflow. */
const AT_ONCE = 250

const report: SenderReport = { told: {}, opened: 0, closed: 0, open: 0 }
const open = new Set<Socket>()
let number = 0

/** What a sender writes when it is connected, and each second from then on; again: it comes back when it is cut. */
interface Kind {
  readonly first: () => string | Buffer
  readonly drip?: string
  /** As fast as it is taken. */
  readonly pour?: string | Buffer
  /** What it writes when it was answered. */
  readonly next?: () => string | Buffer
  readonly stays?: true
}

const MIB = 1 << 20
const bomb = gzipSync(Buffer.alloc(10 * MIB, ' '))
const NONSENSE = [
  `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
  `${POST}X: a\r\n b\r\n\r\n`,
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  `${POST}Content-Length: 16000\r\n\r\n${'['.repeat(8_000)}${']'.repeat(8_000)}`,
  `${POST}Content-Length: 20\r\n\r\n{"recipient":1e9999}`,
  `${POST}Content-Length: 25\r\n\r\n{"__proto__":{"admin":1}} `,
  Buffer.concat([
    Buffer.from(`${POST}Content-Length: 18\r\n\r\n{"recipient":"`),
    Buffer.from([0xb0, 0xa1, 0x22, 0x7d]),
  ]),
  `GET /v1/campaigns?q=${'a'.repeat(16_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
]

const KINDS: Record<string, Kind> = {
  'slow-headers': { first: () => 'GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ', drip: 'x' },
  'slow-bodies': { first: () => `${POST}Content-Length: 10000\r\n\r\n{"recipient":"`, drip: 'x' },
  'big-headers': { first: () => `GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(MIB)}\r\n\r\n` },
  silent: { first: () => '', stays: true },
  idle: { first: () => 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n', stays: true },
  bombs: encoded(),
  'huge-bodies': { first: () => `${POST}Content-Length: 10000000000\r\n\r\n`, pour: 'x'.repeat(MIB) },
  chunks: { first: () => `${POST}Transfer-Encoding: chunked\r\n\r\n`, pour: `100000\r\n${'x'.repeat(MIB)}\r\n` },
  pipelines: pipelined(),
  nonsense: garbled(),
}

function garbled(): Kind {
  const first = () => NONSENSE[number++ % NONSENSE.length] ?? ''
  return { first, next: first }
}

function encoded(): Kind {
  const first = () => {
    const coding = ['gzip', 'br', 'deflate'][number++ % 3]
    const head = Buffer.from(`${POST}Content-Encoding: ${coding}\r\nContent-Length: ${bomb.length}\r\n\r\n`)
    return Buffer.concat([head, bomb])
  }
  return { first, next: first }
}

function pipelined(): Kind {
  const first = () => {
    const body = `{"recipient":"greedy-${process.pid}-${number++}"}`
    return `${POST}Content-Length: ${body.length}\r\n\r\n${body}`.repeat(100)
  }
  return { first, next: first }
}

const chosen = KINDS[kind]
if (chosen === undefined) throw new Error(`no such kind: ${kind}`)

function sender({ first, drip, pour, next, stays }: Kind): void {
  const socket = connect(PORT, '127.0.0.1')
  let received = ''
  let dripping: NodeJS.Timeout | undefined
  let isOpen = false
  socket.on('connect', () => {
    isOpen = true
    report.opened++
    open.add(socket)
    const bytes = first()
    if (bytes.length > 0) socket.write(bytes)
    if (drip !== undefined) dripping = setInterval(() => socket.write(drip), 1_000)
    if (pour !== undefined) {
      const more = () => {
        while (socket.writable && socket.write(pour));
      }
      socket.on('drain', more)
      more()
    }
  })
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
    const whole = repliesIn(received)
    received = received.slice(whole.length)
    for (const what of whole.told) report.told[what] = (report.told[what] ?? 0) + 1
    answered += whole.told.length
    if (
      next !== undefined &&
      whole.told.length > 0 &&
      received === '' &&
      answered % (kind === 'pipelines' ? 100 : 1) === 0
    )
      socket.write(next())
  })
  let answered = 0
  socket.on('error', ({ code = 'error' }: NodeJS.ErrnoException) => {
    // Refused or cut off while it was writing.
    if (!isOpen) report.told[code] = (report.told[code] ?? 0) + 1
  })
  socket.on('close', () => {
    clearInterval(dripping)
    if (isOpen) report.closed++
    open.delete(socket)
    // Those that stay are counted, and let go.
    if (stays === undefined) setTimeout(() => sender(chosen as Kind), isOpen ? 10 : 500)
  })
}

/** Whole replies at the beginning of the text. */
function repliesIn(text: string): { length: number; told: string[] } {
  const told: string[] = []
  let at = 0
  for (;;) {
    const end = text.indexOf('\r\n\r\n', at)
    if (end === -1) return { length: at, told }
    const head = text.slice(at, end)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (text.length < end + 4 + length) return { length: at, told }
    const code = /"code":"(\w+)"/.exec(text.slice(end, end + 4 + length))?.[1] ?? ''
    told.push(`${head.slice(9, 12)} ${code}`.trim())
    at = end + 4 + length
  }
}

process.on('message', () => {
  report.open = open.size
  process.send?.(report)
})
process.on('disconnect', () => process.exit())

for (let begun = 0; begun < SENDERS; begun++) {
  sender(chosen)
  if (begun % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setTimeout(resolve, 20))
}
process.send?.('begun')
